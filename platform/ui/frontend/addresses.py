"""Where pages find what was fetched at set-up, and its delivery.

Owns the addresses `/static/frontend/…`: each name holds a hash of the content, so browsers keep it for good. Must not fetch anything.
"""

from __future__ import annotations

import json
import mimetypes
import re
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from ui.frontend.build import FILES

MAX_AGE: Final = 31_536_000
_NAME: Final = re.compile(r"[a-z]+-[0-9a-f]{16}\.(?:js|txt)")


def address(name: str) -> str:
    """The address of `codemirror.js`, `uplot.js` or `licences.txt`; empty where set-up could not fetch it."""
    hashed = _files().get(name)
    return reverse("frontend", kwargs={"name": hashed}) if hashed else ""


@require_safe
def frontend(request: HttpRequest, name: str) -> HttpResponse:
    """One file, to be kept for good; compressed for whoever says so."""
    folder = _folder()
    if folder is None or _NAME.fullmatch(name) is None or name not in _files().values():
        raise Http404
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    content = (folder / (f"{name}.gz" if packed else name)).read_bytes()
    headers = {"Cache-Control": f"public, max-age={MAX_AGE}, immutable", "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    return HttpResponse(content, content_type=mimetypes.guess_type(name)[0] or "text/plain", headers=headers)


def _folder() -> Path | None:
    home: Path = settings.HOSTEL.frontend_home
    try:
        return home / (home / "current").read_text()
    except OSError:
        return None


def _files() -> dict[str, str]:
    """Hashed names by plain names; read each time, for set-up may finish while this process serves."""
    folder = _folder()
    if folder is None:
        return {}
    try:
        found: dict[str, str] = json.loads((folder / FILES).read_text())
    except (OSError, ValueError):
        return {}
    return found
