"""`hostel keys …`: replacing the master key."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from ops.cli import Outcome
from ops.commands.support import operator
from tenants import services


def status(_options: Namespace) -> Outcome:
    """Which master key seals, which others there are, and which of those nothing needs any more."""
    found = services.keys_status()
    data = {**asdict(found), "removable": list(found.removable)}
    lines = [f"{found.current} seals; it has sealed {found.sealed.get(found.current, 0)} data keys."]
    for key in sorted({*found.earlier, *found.sealed} - {found.current}):
        count = found.sealed.get(key, 0)
        where = "on the ring" if key in found.earlier else "NOT on the ring"
        lines.append(f"{key} ({where}) has sealed {count} data keys" + ("; it can be taken off." if not count else "."))
    return Outcome(data, lines)


def rotate(_options: Namespace) -> Outcome:
    """Seal everything with the first master key; 1 where something could not be opened."""
    done = services.keys_rotate(actor=operator())
    lines = [f"Sealed with {done.key}: {done.data_keys} data keys, {done.versions} versions, {done.images} images."]
    if done.unreadable:
        lines += ["These could not be opened (is an earlier key missing?):", *(f"  {one}" for one in done.unreadable)]
    else:
        lines.append("The earlier keys can be taken off now.")
    return Outcome(asdict(done), lines, code=1 if done.unreadable else 0)
