"""`hostel doctor`: look everything over."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

import django
from django.core.exceptions import ImproperlyConfigured

from controlplane import config
from controlplane.config import Config
from ops.cli import Outcome
from ops.doctor import machine
from ops.doctor.finding import Finding, fail
from sandbox.errors import HostelError

_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def examine(options: Namespace) -> Outcome:
    """Every look; 1 where something does not work."""
    found = list(_looks(config.load(), deep=options.deep))
    counts = Counter(one.level for one in found)
    width = max(len(one.name) for one in found)
    lines = []
    for one in found:
        lines.append(f"{_MARKS[one.level]}  {one.name.ljust(width)}  {one.said}")
        if one.advice:
            lines.append(f"{' ' * (width + 6)}  → {one.advice}")
    lines += ["", f"{counts['ok']} well, {counts['warn']} to look at, {counts['fail']} broken."]
    data = {"healthy": not counts["fail"], "findings": [asdict(one) for one in found]}
    return Outcome(data, lines, code=1 if counts["fail"] else 0)


def _looks(settings: Config, *, deep: bool) -> Iterator[Finding]:
    yield from machine.looks(settings)
    try:
        django.setup()
    except (HostelError, ImproperlyConfigured, ValueError) as error:
        yield fail("django", f"it does not start: {error}", "The message names the setting or the file.")
        return
    # Models exist only now.
    from ops.doctor import data, services  # noqa: PLC0415

    yield from services.reached()
    answering = True
    for one in data.looks(deep=deep):
        answering = answering and not (one.name in ("database", "schema") and one.level == "fail")
        yield one
    if answering:
        yield from services.running()
