"""What is left of a rate, told in the reply's headers.

Owns the fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers): whoever counts a request notes its rate here, and
a middleware of the control plane writes them all. Must not count.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_ATTRIBUTE = "hostel_rates"


@dataclass(frozen=True, slots=True)
class Rate:
    """One limit of so many calls in a period, and how much of it is left until it begins again (in seconds)."""

    name: str
    limit: int
    remaining: int
    period_seconds: int
    resets_in: int


def note_rate(request: HttpRequest, rate: Rate) -> None:
    """Tell `rate` in the reply to `request`."""
    setattr(request, _ATTRIBUTE, (*getattr(request, _ATTRIBUTE, ()), rate))


def write_rates(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add the noted rates, in the order they were noted, to the reply's headers."""
    rates: tuple[Rate, ...] = getattr(request, _ATTRIBUTE, ())
    if rates:
        response.headers["RateLimit-Policy"] = ", ".join(f'"{rate.name}";q={rate.limit};w={rate.period_seconds}' for rate in rates)
        response.headers["RateLimit"] = ", ".join(f'"{rate.name}";r={rate.remaining};t={rate.resets_in}' for rate in rates)
