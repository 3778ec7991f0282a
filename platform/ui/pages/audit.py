"""The audit log: who did what, before and after, why and from where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.http import urlencode

from tenants import selectors
from tenants.models import AuditEvent
from tenants.selectors import AuditFilter
from ui.page import TenantPage

PER_PAGE = 50
VIAS = ("api", "ui", "cli", "job", "system")
_CHARACTERS = 254
_VALUE = 400


@dataclass(frozen=True, slots=True)
class Shown:
    """An event with what differs between before and after: (name, before, after)."""

    event: AuditEvent
    changes: list[tuple[str, str, str]]


class Audit(TenantPage):
    """`/t/{tenant}/audit`."""

    template = "ui/audit.html"
    title = "Audit log"
    place = "audit"
    read_scope = "audit:read"
    api = "/api/v1/audit"

    def context(self) -> dict[str, Any]:
        """A page of the events that were asked for."""
        asked = {
            name: self.request.GET.get(name, "").strip().replace("\0", "")[:_CHARACTERS] for name in ("action", "actor", "target", "via")
        }
        cursor = self.request.GET.get("cursor", "")
        number = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 18 else None  # noqa: PLR2004 - what a database can hold
        found = selectors.audit_page(
            tenant=self.tenant,
            wanted=AuditFilter(action=asked["action"], actor=asked["actor"], target=asked["target"], via=asked["via"]),
            cursor=number,
            limit=PER_PAGE,
        )
        kept: dict[str, str] = {name: value for name, value in asked.items() if value}
        return {
            "events": [Shown(event, changes(event)) for event in found.events],
            "older": f"?{urlencode({**kept, 'cursor': str(found.cursor)})}" if found.cursor else "",
            "newest": f"?{urlencode(kept)}" if number else "",
            "asked": asked,
            "filtered": bool(kept),
            "vias": VIAS,
        }


def changes(event: AuditEvent) -> list[tuple[str, str, str]]:
    """What differs, field by field where both are objects."""
    before, after = event.before, event.after
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        left, right = before if isinstance(before, Mapping) else {}, after if isinstance(after, Mapping) else {}
        names = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
        return [(name, _text(left.get(name)), _text(right.get(name))) for name in names]
    return [] if before == after else [("", _text(before), _text(after))]


def _text(value: Any) -> str:
    if value is None:
        return "\N{EN DASH}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}…"
