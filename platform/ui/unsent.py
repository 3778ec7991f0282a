"""Forms that were sent after their session had ended: kept over the log-in, shown again, sent when their person says so.

Owns the sealed copy in the visitor's session. Bounded in size, number and time; what does not fit is not kept, and the page says so.
"""

from __future__ import annotations

import json
import secrets as random
import time
from dataclasses import dataclass

from django.http import HttpRequest

from sandbox.errors import HostelError
from tenants import secrets

KEY = "hostel_unsent"
BYTES = 262_144
SECONDS = 3_600
FORMS = 3
_CONTEXT = "unsent form"
# Of no use to who comes back: the form gets a new one.
_DROPPED = frozenset({"csrfmiddlewaretoken"})


@dataclass(frozen=True, slots=True)
class Unsent:
    """Where a form was meant to go, and what was in it: every field with its values."""

    path: str
    fields: list[tuple[str, list[str]]]


def keep(request: HttpRequest) -> str | None:
    """Keep what the request posts; the name it can be found by, or None where it is too large or has files."""
    fields = [(name, values) for name, values in request.POST.lists() if name not in _DROPPED]
    text = json.dumps({"path": request.get_full_path(), "fields": fields})
    if len(text) > BYTES or request.FILES or not fields:
        return None
    kept = _fresh(request)
    name = random.token_urlsafe(12)
    kept[name] = {"at": time.time(), "sealed": secrets.seal(text.encode(), context=_CONTEXT)}
    request.session[KEY] = dict(list(kept.items())[-FORMS:])
    return name


def find(request: HttpRequest, name: str) -> Unsent | None:
    """The form of that name; None where there is none (any more)."""
    kept = _fresh(request).get(name)
    if kept is None:
        return None
    try:
        found = json.loads(secrets.unseal(str(kept["sealed"]), context=_CONTEXT))
    except (HostelError, ValueError):
        return None
    return Unsent(found["path"], [(field, values) for field, values in found["fields"]])


def forget(request: HttpRequest, name: str) -> None:
    """The form was sent, or is not wanted any more."""
    kept = _fresh(request)
    if kept.pop(name, None) is not None:
        request.session[KEY] = kept


def _fresh(request: HttpRequest) -> dict[str, dict[str, str | float]]:
    kept = request.session.get(KEY, {})
    return {name: one for name, one in kept.items() if time.time() - float(one["at"]) < SECONDS}
