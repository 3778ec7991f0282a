"""What a request says of itself, as the flag engine reads it.

Owns the context that is made of a request and the places where a targeting key is looked for. Bounded whatever a visitor sends: what is too
long or too much is left out. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from experiments.naming import TARGETING_CHARACTERS
from sandbox.http import Headers, Request
from tenants.rollout import VERSION_KEY

VALUES: Final = 100
VALUE_CHARACTERS: Final = 2_048
# Under which name a visitor's version key goes along: no worker's tag.
KEY_FOLLOWS: Final = "key"
_HEADER: Final = "cloudflare-workers-version-key"
_PLACES: Final = {"cookie": "cookies", "header": "headers", "query": "query"}


def context_of(method: str, url: str, headers: Headers, ip: str) -> dict[str, Any]:
    """The context of a request; where a cookie or parameter comes twice the first counts, headers are joined with a comma."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    named: dict[str, str] = {}
    cookies: dict[str, str] = {}
    for raw, value in headers:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        if name == "cookie":
            _read_cookies(text, cookies)
        elif name in named:
            named[name] = f"{named[name]}, {text}"[:VALUE_CHARACTERS]
        elif len(named) < VALUES and len(text) <= VALUE_CHARACTERS:
            named[name] = text
    found: dict[str, Any] = {
        "method": method,
        "host": host,
        "path": parts.path[:VALUE_CHARACTERS] or "/",
        "headers": named,
        "cookies": cookies,
        "query": _query(parts.query),
    }
    if ip:
        found["ip"] = ip
    if country := named.get("cf-ipcountry"):
        found["country"] = country
    return found


def context_of_request(request: Request) -> dict[str, Any]:
    """The context of a request that a worker was given: the platform's headers say whose it is."""
    ip = next((value.decode("latin-1") for name, value in request.headers if name == b"cf-connecting-ip"), "")
    return context_of(request.method, request.url, request.headers, ip)


def targeting_key(sources: tuple[str, ...], context: Mapping[str, Any], version_key: str | None = None) -> str | None:
    """The first of `sources` (`version-key`, `ip`, `cookie:NAME`, `header:NAME`, `query:NAME`) that the request has.

    `version_key` is what keeps the visitor on a version (gateway.selecting), where that is known.
    """
    for source in sources:
        kind, _, name = source.partition(":")
        if kind == "ip":
            value = context.get("ip")
        elif kind == VERSION_KEY:
            value = version_key or context["headers"].get(_HEADER)
        else:
            value = context[_PLACES[kind]].get(name.lower() if kind == "header" else name)
        if value:
            return str(value)[:TARGETING_CHARACTERS]
    return None


def _query(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    # Cut before it is split: the rest of a monstrous query is nobody's parameter.
    pairs = "&".join(text[: VALUES * VALUE_CHARACTERS].split("&", VALUES)[:VALUES])
    for name, value in parse_qsl(pairs, keep_blank_values=True):
        if len(name) <= VALUE_CHARACTERS and len(value) <= VALUE_CHARACTERS:
            found.setdefault(name, value)
    return found


def _read_cookies(text: str, cookies: dict[str, str]) -> None:
    for pair in text.split(";", VALUES)[:VALUES]:
        name, separator, value = pair.partition("=")
        if separator and len(cookies) < VALUES and len(value) <= VALUE_CHARACTERS:
            cookies.setdefault(name.strip(), value.strip().strip('"'))
