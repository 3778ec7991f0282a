"""Asking for background work from where jobs are not known.

Owns the one line between services and `jobs`, which the settings name: services may not import what runs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


def request(*, kind: str, payload: Mapping[str, Any], idempotency_key: str | None = None) -> None:
    """Ask for a job, in the present transaction: it is there when, and if, that is committed."""
    import_string(settings.HOSTEL_BACKGROUND)(kind=kind, payload=payload, idempotency_key=idempotency_key)
