"""Style sheets and scripts of the packages that have pages (Django's admin, the API's description).

Owns their delivery, from memory: they are few and small, and there is no collecting step. (WhiteNoise answers with synchronous
iterators, which Django consumes with a warning under ASGI.)
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import mimetypes
from pathlib import Path

from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

MAX_AGE = 600


def _etag(_request: HttpRequest, path: str) -> str | None:
    found = _load(path)
    return found[1] if found else None


@require_safe
@condition(etag_func=_etag)
def static(request: HttpRequest, path: str) -> HttpResponse:
    """One file, to be kept for ten minutes and asked for again by its tag."""
    found = _load(path)
    if found is None:
        raise Http404
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    headers = {"Cache-Control": f"public, max-age={MAX_AGE}", "Vary": "Accept-Encoding"}
    if kind.startswith(("text/", "image/svg")) and "gzip" in request.headers.get("Accept-Encoding", ""):
        return HttpResponse(_packed(path), content_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return HttpResponse(found[0], content_type=kind, headers=headers)


@functools.lru_cache(maxsize=256)
def _packed(path: str) -> bytes:
    """The file's content, compressed."""
    found = _load(path)
    assert found is not None
    return gzip.compress(found[0], 9, mtime=0)


@functools.lru_cache(maxsize=256)
def _load(path: str) -> tuple[bytes, str] | None:
    """The file's content and tag; None for what no package has."""
    try:
        found = finders.find(path)
    except SuspiciousFileOperation:
        # It climbs out of the packages' folders.
        return None
    if not isinstance(found, str) or not Path(found).is_file():
        return None
    content = Path(found).read_bytes()
    return content, f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
