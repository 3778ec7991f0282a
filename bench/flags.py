"""How many evaluations of a flag one core does in a second: `python -m bench.flags [--count N]`.

Owns the scenes: flags as tenants write them, alone and among 10,000. Figures are the best of several rounds, since noise only subtracts.
Needs neither Django nor a server: the engine is plain Python.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "platform"))

from flags.evaluation import Ruleset

ROUNDS: Final = 7
FLAGS: Final = 10_000
CONTEXT: Final = {
    "targetingKey": "user-1234",
    "plan": "pro",
    "email": "ada@example.com",
    "country": "DE",
    "path": "/checkout/pay",
    "ip": "192.0.2.7",
    "app": "2.4.1",
    "headers": {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"},
}


def flag(**fields: Any) -> dict[str, Any]:
    """A boolean flag that is on."""
    variants = {"on": True, "off": False}
    return {"type": "boolean", "salt": "5f2b8c0d", "variants": variants, "off": "off", "serve": {"variant": "off"}, **fields}


def when(**condition: Any) -> dict[str, Any]:
    """A rule for whom one condition holds."""
    return {"id": condition.get("operator", "rule"), "when": condition, "serve": {"variant": "on"}}


HALVES: Final = {"split": [{"variant": "on", "percentage": 50}, {"variant": "off", "percentage": 50}]}
STAFF: Final = {"salt": "s", "when": {"attribute": "email", "operator": "ends_with", "value": "@hostel.example"}}
SCENES: Final[Mapping[str, Mapping[str, Any]]] = {
    "on for everybody": flag(serve={"variant": "on"}),
    "a split": flag(serve=HALVES),
    # A segment that does not hold, two conditions of which the second fails, and a split: what most flags look like.
    "typical": flag(
        rules=[
            {"id": "staff", "when": {"segment": "staff"}, "serve": {"variant": "on"}},
            {
                "id": "paying",
                "when": {
                    "all": [
                        {"attribute": "plan", "operator": "in", "value": ["pro", "team"]},
                        {"not": {"attribute": "country", "operator": "in", "value": ["DE", "AT", "CH"]}},
                    ]
                },
                "serve": {"variant": "on"},
            },
        ],
        serve=HALVES,
    ),
    "every costly operator": flag(
        rules=[
            when(attribute="header:user-agent", operator="matches", value=r"Chrome/(1[0-9]{2})\b"),
            when(attribute="app", operator="semver_greater_than", value="3.0.0"),
            when(attribute="ip", operator="in_cidr", value=["10.0.0.0/8", "2001:db8::/32"]),
            when(operator="percentage", value=0),
        ],
        serve=HALVES,
    ),
}


def rate(call: Callable[[], object], count: int) -> float:
    """Calls a second, the best of the rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, time.perf_counter() - started)
    return count / best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="evaluations in a round")
    count = parser.parse_args().count
    document = {"format": 1, "environment": "production", "segments": {"staff": STAFF}}
    for name, scene in SCENES.items():
        ruleset = Ruleset.of({**document, "flags": {"f": scene}})
        found = rate(lambda ruleset=ruleset: ruleset.evaluate("f", CONTEXT, False, expected="boolean"), count)  # type: ignore[misc]
        print(f"{name:24} {found:>10,.0f} evaluations/s  {1e6 / found:5.2f} us")
    many = {**document, "flags": {f"f{number}": SCENES["typical"] for number in range(FLAGS)}}
    ruleset = Ruleset.of(many)
    found = rate(lambda: ruleset.evaluate("f7777", CONTEXT, False, expected="boolean"), count)
    print(f"{f'typical, of {FLAGS:,}':24} {found:>10,.0f} evaluations/s  {1e6 / found:5.2f} us")
    import msgspec  # noqa: PLC0415 - only to make the bytes

    data = msgspec.json.encode(many)
    reading = rate(lambda: Ruleset(data), 3)
    first = rate(lambda: Ruleset(data).evaluate("f7777", CONTEXT), 3)
    print(f"reading {FLAGS:,} flags ({len(data) / 1e6:.1f} MB): {1e3 / reading:.1f} ms, with the first evaluation {1e3 / first:.1f} ms")


if __name__ == "__main__":
    main()
