"""Trying a worker: from the fields of a request builder to a run, and from a run to what is shown of it.

Owns the words and the bounds of the showing. Must not run anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenants.errors import FieldInvalid
from tenants.runner import Ran

# The fields of the builder, and what they begin with.
TRIED: Final = {"method": "GET", "url": "/", "headers": "", "body": "", "key": "", "client": "127.0.0.1"}
# The key that versions and flags are chosen by, unless the worker says otherwise.
KEY_HEADER: Final = "Cloudflare-Workers-Version-Key"
# What is put into a page; the API gives all of it.
BODY_SHOWN: Final = 200_000
LINE_SHOWN: Final = 10_000
LINES_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class Tried:
    """A run as the page shows it. `problems` are places in the code: {file, line, column, message}."""

    ran: Ran
    body: str
    cut: int
    lines: list[dict[str, Any]]
    lines_left: int
    problems: list[dict[str, Any]]

    @property
    def good(self) -> bool:
        """Whether the worker answered as it meant to."""
        return self.ran.outcome == "ok" and self.ran.response is not None

    @property
    def summary(self) -> dict[str, Any]:
        """For scripts: what a saved test would expect."""
        response = self.ran.response
        return {"outcome": self.ran.outcome, "status": response.status if response else 0, "body": self.body[:2_000]}


def request_of(sent: Mapping[str, str]) -> dict[str, Any]:
    """The request that the builder's fields describe, for `tenants.services.RunRequest`. Raises `FieldInvalid`."""
    fields = {**TRIED, **sent}
    headers = _headers(fields["headers"])
    if key := fields["key"].strip():
        headers.append((KEY_HEADER, key))
    return {
        "method": fields["method"].strip() or "GET",
        "url": fields["url"].strip() or "/",
        "headers": headers,
        "body": fields["body"].encode(),
        "client": fields["client"].strip() or "127.0.0.1",
    }


def tried(ran: Ran) -> Tried:
    """What the page shows of a run."""
    body = ran.response.body if ran.response else ""
    lines = [
        {"level": line.level, "worker": line.worker, "message": line.message[:LINE_SHOWN], "cut": max(0, len(line.message) - LINE_SHOWN)}
        for line in ran.logs[:LINES_SHOWN]
    ]
    problems = [
        {"file": each.file, "line": each.line, "column": each.column or 1, "message": f"{each.name}: {each.message}"[:500]}
        for each in ran.exceptions
        if each.file and each.line
    ]
    return Tried(ran, _pretty(ran, body[:BODY_SHOWN]), max(0, len(body) - BODY_SHOWN), lines, max(0, len(ran.logs) - LINES_SHOWN), problems)


def _headers(text: str) -> list[tuple[str, str]]:
    """`Name: value` on each line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise FieldInvalid(f"Line {number} of the headers has no colon: write Name: value.", field="headers", line=number)
        found.append((name.strip(), value.strip()))
    return found


def _pretty(ran: Ran, body: str) -> str:
    """JSON with its own indentation; everything else as it came."""
    kind = next((value for name, value in (ran.response.headers if ran.response else ()) if name.lower() == "content-type"), "")
    if "json" in kind and len(body) < BODY_SHOWN:
        try:
            return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return body
    return body
