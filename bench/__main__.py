"""`python -m bench`: measures what the environment asks for (bench/plan.py) and writes the results.

Owns the order of a run and where results go. A whole run is published in docs/; a quick or a partial one, or one without workerd, goes to
var/bench, because figures of different runs must not stand in one table.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import generator, machine, plan, processes, report, workerd
from bench.figures import BenchFailed, Line
from bench.hostel import SETTINGS, Hostel
from bench.plan import ROOT, SCRATCH, Plan
from bench.rows import ROWS
from bench.sides import Bench, Side

# Above this load something else is running, and says so in the report.
_BUSY = 0.7


async def measure(chosen: Plan) -> dict[str, Any]:
    """Every row of the plan; the results as docs/performance.json holds them."""
    names = [name for name in ROWS if not chosen.rows or name in chosen.rows]
    load, ticks = machine.load(), machine.ticks()
    lines: list[Line] = []
    failed: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        say("starting Hostel")
        hostel = await stack.enter_async_context(Hostel(chosen))
        program = await _workerd()
        sides: tuple[Side, ...] = (hostel, workerd.Workerd(program, chosen)) if program else (hostel,)
        bench = Bench(chosen, hostel, sides, tuple(processes.variants()), say)
        facts = machine.machine(), machine.versions(await hostel.guest_build()), await workerd.version(program) if program else None
        for name in names:
            if chosen.late:
                failed[name] = f"the time ({chosen.minutes} minutes, BENCH_MINUTES) was up"
                continue
            say(f"{name} ({names.index(name) + 1} of {len(names)})")
            try:
                found = await ROWS[name](bench)
            except Exception as error:  # noqa: BLE001 - the other rows are still worth measuring
                failed[name] = str(error) if isinstance(error, BenchFailed) else f"{type(error).__name__}: {error}"
                say(f"  could not be measured: {failed[name]}")
                continue
            lines += found
            for line in found:
                say(f"  {_told(line)}")
    notes = [f"Hostel ran with its defaults but for {', '.join(f'`{name}={value}`' for name, value in SETTINGS.items())}."]
    stolen = machine.stolen(ticks, machine.ticks())
    notes.append(
        f"The load of the machine was {load:.2f} before the run; the hypervisor took {stolen:.1f} % of its processor time during it."
    )
    if load > _BUSY:
        notes.append("**Something else was running when the run began.**")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "quick": chosen.quick,
        "rounds": chosen.rounds,
        "seconds": chosen.seconds,
        "machine": facts[0],
        "versions": facts[1],
        "workerd": facts[2],
        "generator": await generator.name(),
        "lines": [line.as_dict() for line in lines],
        "failed": failed,
        "notes": notes,
    }


async def _workerd() -> Path | None:
    try:
        program = await workerd.install(say)
    except BenchFailed as error:
        say(f"  workerd could not be installed: {error}")
        return None
    if program is None:
        say("  there is no npm here: Hostel is measured alone")
    return program


def _told(line: Line) -> str:
    row = report.render({**_EMPTY, "lines": [line.as_dict()]}).splitlines()
    return next(text for text in row if line.title in text).strip("| ")


_EMPTY: dict[str, Any] = {
    "date": "",
    "quick": False,
    "machine": {},
    "versions": {},
    "workerd": "",
    "generator": "",
    "failed": {},
    "notes": [],
}
_began = time.monotonic()


def say(text: str) -> None:
    """One line of progress."""
    took = int(time.monotonic() - _began)
    sys.stdout.write(f"{took // 60:3d}:{took % 60:02d}  {text}\n")
    sys.stdout.flush()


def write(results: dict[str, Any], folder: Path) -> None:
    """Put the results into `folder`: the JSON, and the measured part of the page (of which docs/ has the original)."""
    page = (ROOT / "docs" / "performance.md").read_text()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "performance.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (folder / "performance.md").write_text(report.placed(page, report.render(results)))


def main() -> int:
    """Measure, write, tell; returns an exit code: 1 when a row could not be measured. A target that is missed is a result."""
    try:
        chosen = plan.read(known=tuple(ROWS))
        # Both leave every block, so that no server stays behind; a shell that runs this in the background has switched Ctrl-C off.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        results = asyncio.run(measure(chosen))
    except BenchFailed as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; nothing was written.\n")
        return 130
    folder = ROOT / "docs" if chosen.whole and results["workerd"] else SCRATCH
    write(results, folder)
    say(f"{report.summary(results)}; written to {folder.relative_to(ROOT)}/performance.md and .json")
    return 1 if results["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
