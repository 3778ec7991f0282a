"""How mail leaves.

Owns the reading of `HOSTEL_EMAIL_URL` into Django's settings. Must not send.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_TIMEOUT_SECONDS = 10
_BACKENDS = "django.core.mail.backends"
_PORTS = {"smtp": 587, "smtps": 465}


def mail(url: str, *, home: Path) -> dict[str, Any]:
    """Django's settings for `url`: a folder (the default: `mail` below `home`), the terminal, or a server.

    `smtp://user:password@host:587` begins TLS before anything is said (`?tls=none` does not), `smtps://` begins with it.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "" | "file":
            folder = Path(unquote(parts.path)) if parts.path else home / "mail"
            return {"EMAIL_BACKEND": f"{_BACKENDS}.filebased.EmailBackend", "EMAIL_FILE_PATH": str(folder)}
        case "console":
            return {"EMAIL_BACKEND": f"{_BACKENDS}.console.EmailBackend"}
    return {
        "EMAIL_BACKEND": f"{_BACKENDS}.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or _PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and parse_qs(parts.query).get("tls") != ["none"],
        "EMAIL_TIMEOUT": _TIMEOUT_SECONDS,
    }
