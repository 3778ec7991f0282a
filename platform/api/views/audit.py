"""The audit log: a tenant's own, and for operators everybody's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import tenant_of
from api.queries import queried
from api.serializers.audit import AdminAuditEvent, AdminAuditExport, AdminAuditQuery, AuditEvent, AuditQuery, AuditVerified, exported
from api.streaming import CONTENT_TYPE, JsonLines
from api.views.base import OperatorView, TenantView
from tenants import selectors, services
from tenants.errors import TenantNotFound
from tenants.models import AuditEvent as EventRow
from tenants.selectors import AuditFilter, AuditPage
from tenants.services import Head


def events_of(name: str, item: type[serializers.Serializer[Any]]) -> Any:
    """The serializer of a page of events, for the schema."""
    following = serializers.IntegerField(allow_null=True, help_text="The cursor of the next page; null on the last one.")
    return inline_serializer(f"{name}List", {"items": item(many=True), "next": following})


class Audit(TenantView):
    """`/audit`."""

    read_scope = "audit:read"

    @extend_schema(operation_id="audit_list", parameters=[AuditQuery], responses=events_of("AuditEvent", AuditEvent))
    def get(self, request: Request) -> Response:
        """What was done to the tenant and its things, newest first."""
        wanted, sent = _asked(request, AuditQuery)
        page = selectors.audit_page(tenant=tenant_of(request), wanted=wanted, cursor=sent.get("cursor"), limit=sent["limit"])
        return Response(_paged(page, AuditEvent))


class AuditExport(TenantView):
    """`/audit/export`."""

    read_scope = "audit:read"

    @extend_schema(operation_id="audit_export", responses={(200, CONTENT_TYPE): OpenApiTypes.STR})
    def get(self, request: Request) -> JsonLines:
        """The tenant's whole chain as JSON lines, oldest first; the last line is `{"head": {"number", "hash"}}`."""
        head, events = selectors.audit_export(tenant=tenant_of(request))
        return JsonLines(_lines(head, events), filename="audit.jsonl")


class AdminAudit(OperatorView):
    """`/admin/audit`."""

    @extend_schema(operation_id="admin_audit_list", parameters=[AdminAuditQuery], responses=events_of("AdminAuditEvent", AdminAuditEvent))
    def get(self, request: Request) -> Response:
        """What was done on the platform and in every tenant, newest first."""
        wanted, sent = _asked(request, AdminAuditQuery)
        chain = _chain(sent["tenant"]) if "tenant" in sent else None
        page = selectors.audit_page_all(wanted=wanted, chain=chain, cursor=sent.get("cursor"), limit=sent["limit"])
        return Response(_paged(page, AdminAuditEvent))


class AdminAuditExportView(OperatorView):
    """`/admin/audit/export`."""

    @extend_schema(operation_id="admin_audit_export", parameters=[AdminAuditExport], responses={(200, CONTENT_TYPE): OpenApiTypes.STR})
    def get(self, request: Request) -> JsonLines:
        """One chain as JSON lines, oldest first; the last line is `{"head": {"number", "hash"}}`."""
        chain = _chain(queried(request, AdminAuditExport)["tenant"])
        head, events = selectors.audit_export_chain(chain=chain)
        return JsonLines(_lines(head, events), filename=f"audit-{chain}.jsonl")


class AdminAuditVerify(OperatorView):
    """`/admin/audit/verify`."""

    @extend_schema(operation_id="admin_audit_verify", responses=AuditVerified)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Check every chain from its first event to its end. Takes as long as there are events."""
        found = services.audit_verify()
        heads = {name: asdict(head) for name, head in found.heads.items()}
        breaks = [asdict(one) for one in found.breaks]
        return Response({"intact": found.intact, "events": found.events, "heads": heads, "breaks": breaks})


def _asked(request: Request, query: type[serializers.Serializer[Any]]) -> tuple[AuditFilter, dict[str, Any]]:
    sent = queried(request, query)
    names = AuditFilter.__dataclass_fields__
    return AuditFilter(**{name: value for name, value in sent.items() if name in names}), sent


def _chain(name: str) -> str:
    chain = selectors.audit_chain(name)
    if chain is None:
        raise TenantNotFound(field="tenant")
    return chain


def _paged(page: AuditPage, item: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    return {"items": [item(event).data for event in page.events], "next": page.cursor}


def _lines(head: Head, events: Iterator[EventRow]) -> Iterator[dict[str, Any]]:
    for event in events:
        yield exported(event)
    yield {"head": asdict(head)}
