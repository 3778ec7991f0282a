"""Settings of a worker and of a tenant, and how either is given up."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase

from tenants import services
from tenants.errors import FieldInvalid
from tenants.uploads import WorkerSettings as Settings
from ui.page import TenantPage, WorkerPage

SOURCE = "ui"


class WorkerSettings(WorkerPage):
    """`…/settings`."""

    template = "ui/worker_settings.html"
    title = "Settings"
    tab = "settings"
    actions = ("change", "delete")
    api = "/api/v1/workers/{worker}/settings"

    def do_change(self) -> HttpResponseBase | None:
        """Change what no version carries. Raises `SettingInvalid`, `ChangedMeanwhile` where another tab was faster."""
        mode = self.field("mode")
        if mode not in {"reuse", "fresh"}:
            raise FieldInvalid("The mode must be reuse or fresh.", field="mode")
        of_its_own = self.worker.namespace is None
        changed = Settings(
            mode="fresh" if mode == "fresh" else "reuse",
            subdomain_enabled=self.field("subdomain_enabled") == "on" if of_its_own else None,
            previews_enabled=self.field("previews_enabled") == "on" if of_its_own else None,
            logpush=self.field("logpush") == "on",
            tags=self.field("tags").replace(",", " ").split(),
        )
        services.worker_settings_update(
            tenant=self.tenant, worker_name=self.worker.qualified_name, settings=changed, expected=self.revision, actor=self.actor
        )
        self.say("The settings are changed.")
        return None

    def do_delete(self) -> HttpResponseBase:
        """Delete the worker with everything of it."""
        name = self.worker.qualified_name
        self.confirmed(name)
        services.worker_delete(tenant=self.tenant, worker_name=name, actor=self.actor)
        self.say(f"{name} is deleted.")
        return self.go("workers")


class TenantSettings(TenantPage):
    """`/t/{tenant}/settings`."""

    template = "ui/tenant_settings.html"
    title = "Settings"
    place = "settings"
    read_scope = "tenant:read"
    write_scope = "tenant:write"
    actions = ("rename", "delete")
    action_scopes = {"delete": "tenant:own"}  # noqa: RUF012 - never changed
    api = "/api/v1/tenant"

    def context(self) -> dict[str, Any]:
        """How long a deleted tenant can be called back."""
        return {"grace_days": settings.HOSTEL.tenant_grace_days}

    def do_rename(self) -> HttpResponseBase | None:
        """Change the name that people see."""
        services.tenant_rename(tenant=self.tenant, name=self.field("name"), expected=self.revision, actor=self.actor)
        self.say("The name is changed.")
        return None

    def do_delete(self) -> HttpResponseBase:
        """Stop serving now, and erase after the grace period."""
        self.confirmed(self.tenant.slug)
        reason = self.field("reason")
        if not reason:
            raise FieldInvalid("Say why the tenant is deleted.", field="reason")
        services.tenant_delete(tenant=self.tenant, reason=reason, actor=self.actor)
        self.say(f"{self.tenant.slug} answers nobody any more, and is erased after {settings.HOSTEL.tenant_grace_days} days.")
        return HttpResponseRedirect("/")
