"""The envelope around every reply: {success, errors, messages, result[, result_info]}.

Owns the shape: clients branch on `errors[0].code` (wrangler) or on the status (Alchemy), so both are part of
the interface. Must not decide what went wrong: errors come as `HostelError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import JsonResponse

from cfapi.numbers import OWN_NUMBERS, number
from sandbox.errors import HostelError, StartupFailed


def failure(error: HostelError, *, code: int | None = None, message: str | None = None) -> dict[str, Any]:
    """The envelope of an error; `code` and `message` replace Cloudflare's number and Hostel's words for one route.

    `errors[0].detail` is Hostel's own: the stable string code, whose fault it is, and field, limit, file, line, column where known.
    """
    entry: dict[str, Any] = {"code": number(error) if code is None else code, "message": _words(error) if message is None else message}
    if "field" in error.detail:
        entry["source"] = {"pointer": "/" + str(error.detail["field"]).replace(".", "/")}
    entry["detail"] = {"code": error.code, "fault": error.fault, **{key: value for key, value in error.detail.items() if key != "stack"}}
    return {"success": False, "errors": [entry], "messages": [], "result": None}


def fail(error: HostelError, *, code: int | None = None, message: str | None = None) -> JsonResponse:
    """The reply for an error."""
    return JsonResponse(failure(error, code=code, message=message), status=error.status)


def succeed(result: Any, *, info: Mapping[str, Any] | None = None, messages: Sequence[str] = (), status: int = 200) -> JsonResponse:
    """The reply for a success; `messages` say what was accepted without effect."""
    body: dict[str, Any] = {
        "success": True,
        "errors": [],
        "messages": [{"code": OWN_NUMBERS, "message": message} for message in messages],
        "result": result,
    }
    if info is not None:
        body["result_info"] = dict(info)
    return JsonResponse(body, status=status)


def _words(error: HostelError) -> str:
    """The message; wrangler and Alchemy show nothing else, so the place in the code and the code itself stand in it."""
    words = error.message
    if isinstance(error, StartupFailed) and error.file and error.file not in words:
        place = ":".join(str(part) for part in (error.file, error.line, error.column) if part is not None)
        words = f"{words}\n    at {place}"
    # wrangler (4.86) runs a worker locally, to profile it, when 10021 comes with the word "startup": without end, if it never ends.
    return words if "startup" in error.code else f"{words} [{error.code}]"
