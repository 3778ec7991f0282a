"""The audit log of everybody, and the proof that nothing of it was changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from django.http.response import HttpResponseBase
from django.utils.http import urlencode

from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.selectors import AuditFilter
from tenants.services import Verified
from ui.page import OperatorPage

PER_PAGE: Final = 50
FILTERS: Final = ("action", "actor", "target", "tenant", "via", "request_id", "since", "until")


class Audit(OperatorPage):
    """`/operator/audit`: who did what, when, to whom and why."""

    template = "ui/operator/audit.html"
    title = "Audit log"
    place = "audit"
    actions = ("verify",)
    api = "/api/v1/admin/audit"

    verified: Verified | None = None

    def context(self) -> dict[str, Any]:
        """A page of events that the address's filters let through."""
        sent = {name: self.request.GET.get(name, "").strip()[:200].replace("\0", "") for name in FILTERS}
        sent = {name: value for name, value in sent.items() if value}
        events, older, wrong = [], "", None
        try:
            wanted = AuditFilter(
                **{name: sent.get(name, "") for name in ("action", "actor", "target", "via", "request_id")},
                since=_time(sent, "since"),
                until=_time(sent, "until"),
            )
            page = selectors.audit_page_all(wanted=wanted, chain=_chain(sent), cursor=self._cursor(), limit=PER_PAGE)
            events = page.events
            older = f"?{urlencode({**sent, 'cursor': str(page.cursor)})}" if page.cursor else ""
        except FieldInvalid as error:
            wrong = error
        return {
            "events": events,
            "older": older,
            "sent": sent,
            "wrong": wrong,
            "verified": self.verified,
            "paged": bool(self.request.GET.get("cursor")),
        }

    def do_verify(self) -> HttpResponseBase:
        """Check every chain, from its first event to its end."""
        self.verified = services.audit_verify()
        return self.show()

    def _cursor(self) -> int | None:
        text = self.request.GET.get("cursor", "")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004 - what a database can hold
            raise FieldInvalid("This is no cursor.", field="cursor")
        return int(text)


def _chain(sent: dict[str, str]) -> str | None:
    if "tenant" not in sent:
        return None
    chain = selectors.audit_chain(sent["tenant"])
    if chain is None:
        raise FieldInvalid(f"There is no tenant {sent['tenant'][:80]!r}, and never was.", field="tenant")
    return chain


def _time(sent: dict[str, str], name: str) -> datetime | None:
    if name not in sent:
        return None
    try:
        found = datetime.fromisoformat(sent[name])
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError:
        raise FieldInvalid(f"{name} must be a time: 2026-11-22T14:05.", field=name) from None
