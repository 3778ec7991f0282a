"""What became of a flag: its revisions, and what each changed."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from flags.models import Flag, FlagRevision


def history(*, flag: Flag) -> QuerySet[FlagRevision]:
    """The flag's revisions, newest first."""
    return FlagRevision.objects.filter(flag=flag).order_by("-number")


def difference(before: Any, after: Any, path: str = "") -> list[dict[str, Any]]:
    """What changed between two JSON values: `{"path", "before", "after"}` for each place, None where there was or is nothing.

    Lists of things with an `id` or a `variant` are compared by it, so that a moved rule is no rule that was written anew.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        names = [*before, *(name for name in after if name not in before)]
        return [line for name in names if name != "pieces" for line in difference(before.get(name), after.get(name), _joined(path, name))]
    if _named(before) and _named(after):
        old, new = _by_name(before), _by_name(after)
        lines = difference(old, new, path)
        if [name for name in old if name in new] != [name for name in new if name in old]:
            lines.append({"path": _joined(path, "order"), "before": list(old), "after": list(new)})
        return lines
    return [] if before == after else [{"path": path, "before": before, "after": after}]


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and ("id" in one or "variant" in one) for one in value)


def _by_name(value: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(one.get("id") or one.get("variant")): one for one in value}


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
