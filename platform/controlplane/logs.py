"""Logs: one line of JSON for each event on standard error, or coloured text where a person reads along.

Owns the shape of a line and what must never be in one. Must not decide what is logged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

# Names of values that are never written, wherever they come from.
_PRIVATE = re.compile(r"authorization|cookie|password|secret|token|api_?key", re.IGNORECASE)
_BEARER = re.compile(r"hst_[0-9A-Za-z]{8,}")


def hide_private(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank out values whose names say they are private, and anything that looks like one of our tokens."""
    for name, value in event.items():
        if name != "event" and _PRIVATE.search(name):
            event[name] = "…"
        elif isinstance(value, str) and "hst_" in value:
            event[name] = _BEARER.sub("hst_…", value)
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    hide_private,
]


def configure(*, level: str, human: bool) -> dict[str, Any]:
    """Set structlog up and return the `LOGGING` setting that sends the standard library's loggers the same way."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        # Django's own handlers would write a second line of another shape; a 4xx is the visitor's business.
        "loggers": {
            # One line for a job is ours; Celery would add one for its being received and one for its end.
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "django": {"handlers": [], "propagate": True, "level": "INFO"},
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": [], "propagate": True, "level": "WARNING"},
            "django.security.DisallowedHost": {"level": "ERROR", "propagate": True},
        },
    }
