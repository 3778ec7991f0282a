"""Results as a page: docs/performance.json in, the measured part of docs/performance.md out.

Owns the wording of figures. Renders from the JSON alone, so that the page cannot say anything else; a test compares the two. Must not
measure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

BEGIN: Final = "<!-- measured -->\n"
END: Final = "<!-- /measured -->"
_VERDICT: Final = {True: "met", False: "**not met**", None: "-"}
# From here up no decimals are shown, and below it that many significant digits.
_WHOLE: Final = 100
_DIGITS: Final = 3


def placed(page: str, measured: str) -> str:
    """`page` with `measured` between the two comments; ValueError where they are missing."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"The page has no {BEGIN.strip()} … {END}.")
    return pattern.sub(lambda _: BEGIN + measured + END, page)


def render(results: Mapping[str, Any]) -> str:
    """Everything that is measured, as Markdown."""
    if not results["lines"]:
        return "Not measured yet: `make bench`.\n"
    head = [f"Measured on {results['date']}" + (" in a **quick** run: the figures are rough" if results["quick"] else "") + "."]
    facts = {
        **results["machine"],
        "load generator": results["generator"],
        "workerd": results["workerd"] or "not measured",
        **results["versions"],
    }
    table = ["", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items())]
    rows = ["", "| row | placed | Hostel | workerd | ratio | target | |", "|---|---|---|---|---|---|---|", *map(_row, results["lines"])]
    notes = _notes(results)
    return "\n".join([*head, *table, *rows, *(["", *notes] if notes else [])]) + "\n"


def summary(results: Mapping[str, Any]) -> str:
    """One line on how many targets are met."""
    judged = [line["met"] for line in results["lines"] if line["target"]]
    return f"{judged.count(True)} of {len(judged)} targets met, {judged.count(False)} not met, {judged.count(None)} not judged"


def _row(line: Mapping[str, Any]) -> str:
    unit = line["unit"]
    cells = (line["title"], line["variant"], _spread(line["hostel"], unit), _spread(line["workerd"], unit), _spread(line["ratio"], "x"))
    return "| " + " | ".join([*cells, _target(line["target"], unit), _VERDICT[line["met"]] if line["target"] else ""]) + " |"


def _spread(spread: Mapping[str, Any] | None, unit: str) -> str:
    """`median unit (low-high)`, or a dash."""
    if spread is None:
        return "-"
    middle = f"{number(spread['median'])} {unit}"
    return middle if len(spread["rounds"]) == 1 else f"{middle} ({number(spread['low'])}-{number(spread['high'])})"


def _target(target: Mapping[str, Any] | None, unit: str) -> str:
    if target is None:
        return "-"
    return f"{target['sense']} {number(target['bound'])} {'x' if target['of'] == 'ratio' else unit}"


def number(value: float) -> str:
    """A figure as a person reads it: three significant digits, thousands apart."""
    if abs(value) >= _WHOLE:
        return f"{value:,.0f}"
    text = f"{value:.{_DIGITS}g}"
    return text if "e" not in text else f"{value:.4f}"


def _notes(results: Mapping[str, Any]) -> list[str]:
    notes = [
        f"- {line['title']}{', ' + line['variant'] if line['variant'] else ''}: {'; '.join(line['notes'])}."
        for line in results["lines"]
        if line["notes"]
    ]
    notes += [f"- The row {row} could not be measured: {' '.join(reason.split())}" for row, reason in results["failed"].items()]
    notes += [f"- {note}" for note in results["notes"]]
    return notes
