"""The tenants' rows in Django's admin, to look at.

Owns lists and search only. What follows rules (versions, deployments, tokens) cannot be changed here: the services do that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from tenants import models

if TYPE_CHECKING:
    from django.http import HttpRequest

    _Admin = admin.ModelAdmin[Any]
else:
    # Django's classes are generic for the type checker only.
    _Admin = admin.ModelAdmin


class ReadOnly(_Admin):
    """Rows that are looked at only."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """No."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        """No."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        """No."""
        return False


@admin.register(models.User)
class UserAdmin(ReadOnly):
    """People."""

    list_display = ("email", "name", "is_staff", "is_active", "created")
    search_fields = ("email", "name")
    exclude = ("password",)


@admin.register(models.Tenant)
class TenantAdmin(ReadOnly):
    """Tenants."""

    list_display = ("slug", "name", "plan", "account_id", "suspended_at", "created")
    list_select_related = ("plan",)
    search_fields = ("slug", "name", "account_id")


@admin.register(models.ApiToken)
class ApiTokenAdmin(ReadOnly):
    """Tokens."""

    list_display = ("prefix", "tenant", "name", "expires_at", "last_used_at", "revoked_at")
    list_select_related = ("tenant",)
    exclude = ("digest",)


@admin.register(models.Namespace)
class NamespaceAdmin(ReadOnly):
    """Dispatch namespaces."""

    list_display = ("name", "tenant", "promotes_to", "modified")
    list_select_related = ("tenant", "promotes_to")
    search_fields = ("name", "tenant__slug")
    # Sealed, and still nothing to put on a page.
    exclude = ("bindings",)


@admin.register(models.Worker)
class WorkerAdmin(ReadOnly):
    """Workers."""

    list_display = ("name", "namespace", "tenant", "last_version_number", "last_deployed_from", "modified")
    list_select_related = ("tenant", "namespace")
    search_fields = ("name", "tenant__slug")


@admin.register(models.Version)
class VersionAdmin(ReadOnly):
    """Versions."""

    list_display = ("id", "worker", "number", "author", "source", "message", "created")
    list_select_related = ("worker",)
    search_fields = ("worker__name", "message", "sha256")
    # Sealed, and still nothing to put on a page.
    exclude = ("bindings",)


@admin.register(models.Deployment)
class DeploymentAdmin(ReadOnly):
    """Deployments."""

    list_display = ("uuid", "worker", "author", "source", "message", "created")
    list_select_related = ("worker",)


@admin.register(models.Domain)
class DomainAdmin(ReadOnly):
    """Host names."""

    list_display = ("hostname", "tenant", "worker", "created")
    list_select_related = ("tenant", "worker")


@admin.register(models.AuditEvent)
class AuditEventAdmin(ReadOnly):
    """What was done."""

    list_display = ("created", "tenant", "actor", "actor_email", "action", "target")
    list_select_related = ("tenant",)
    list_filter = ("action",)


@admin.register(models.Plan)
class PlanAdmin(ReadOnly):
    """Plans."""

    list_display = ("name", "title", "is_default", "cpu_weight", "modified")
    search_fields = ("name", "title")


@admin.register(models.LimitOverride)
class LimitOverrideAdmin(ReadOnly):
    """Overrides of limits."""

    list_display = ("name", "value", "tenant", "worker", "reason", "author", "expires_at")
    list_select_related = ("tenant", "worker")
    search_fields = ("tenant__slug", "name", "reason")
