"""Small rulesets for the tests of flags."""

from __future__ import annotations

from flags.evaluation import Ruleset

PEOPLE = [f"user-{number}" for number in range(2_000)]


def flag(kind="boolean", **fields):
    """A flag that is on, and serves `off` to everybody."""
    variants = {"on": True, "off": False} if kind == "boolean" else {}
    return {"type": kind, "salt": "pepper", "variants": variants, "off": "off", "serve": {"variant": "off"}, **fields}


def one(segments=None, layers=None, **fields):
    """A ruleset with the flag `f`."""
    return Ruleset.of(
        {"format": 1, "environment": "production", "flags": {"f": flag(**fields)}, "segments": segments or {}, "layers": layers or {}}
    )


def when(condition, **fields):
    """A ruleset whose flag `f` is on for whom `condition` holds."""
    return one(rules=[{"id": "r", "when": condition, "serve": {"variant": "on"}}], **fields)


def holds(condition, context):
    """Whether a condition holds."""
    found = when(condition).evaluate("f", context)
    assert found.error_code is None, found
    return found.value


def split(**percentages):
    """`serve` of a split."""
    return {"split": [{"variant": name, "percentage": percentage} for name, percentage in percentages.items()]}
