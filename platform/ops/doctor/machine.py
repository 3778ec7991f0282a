"""The machine: settings, home, disk, clock, kernel, port. Needs no database."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from controlplane import config
from controlplane.config import Config
from ops.doctor.finding import Finding, fail, ok, warn
from ops.lock import StartRefused, holder, require_free_port
from ops.processes import SOCKET_PATH_BYTES, local
from sandbox.guest import build
from ui.frontend import build as frontend_build

GIB: Final = 1 << 30
LOW_BYTES, LOW_SHARE, FULL_BYTES = 2 * GIB, 0.05, GIB // 4
_WALL = "from sandbox.wall import raise_wall; import dataclasses, json; print(json.dumps(dataclasses.asdict(raise_wall())))"
_WALL_SECONDS: Final = 20


def looks(settings: Config) -> Iterator[Finding]:
    """Every look at the machine."""
    warnings = config.warnings(settings)
    yield from (warn("settings", said, "Correct or remove it; docs/operations.md lists the settings.") for said in warnings)
    if not warnings:
        yield ok("settings", "every variable is known and makes sense")
    yield from home(settings)
    yield disk(settings.home)
    yield guest(settings)
    yield frontend(settings)
    yield wall()
    yield port(settings)


def home(settings: Config) -> Iterator[Finding]:
    """The folder of everything that is kept."""
    folder = settings.home
    if not folder.is_dir():
        yield fail("home", f"{folder} is not there", "Start Hostel once, or set HOSTEL_HOME to where its home is.")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield fail("home", f"{folder} cannot be written to", f"Give it to the user Hostel runs as: chown -R … {folder}")
        return
    if len(os.fsencode(settings.run / "gateway-4194304.sock")) > SOCKET_PATH_BYTES:
        yield fail("home", f"{folder} is too long for the path of a Unix socket", "Choose a shorter HOSTEL_HOME.")
        return
    open_to_others = [path.name for path in _private(folder) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_to_others:
        yield fail("home", f"others can read {', '.join(open_to_others)}", f"chmod go= in {folder}; think about new keys.")
    else:
        yield ok("home", f"{folder}, readable by its owner only")


def _private(folder: Path) -> list[Path]:
    return [path for path in (folder / "secret.key", folder / "demo.json", folder / "db.sqlite3") if path.exists()]


def disk(folder: Path) -> Finding:
    """Room on the home's file system."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    usage = shutil.disk_usage(there)
    said = f"{usage.free / GIB:.1f} GiB of {usage.total / GIB:.0f} GiB are free"
    if usage.free < FULL_BYTES:
        return fail("disk", said, "Make room: uploads and records are refused when it is full.")
    if usage.free < LOW_BYTES or usage.free < usage.total * LOW_SHARE:
        return warn("disk", said, "Make room soon, or lower retention.")
    return ok("disk", said)


def guest(settings: Config) -> Finding:
    """The built guest, and whether it is this release's."""
    current = settings.guest_home / "current"
    try:
        name = current.read_text().strip()
    except OSError:
        return fail("guest", f"there is none in {settings.guest_home}", "Build it: make guest (a minute or two).")
    if not (settings.guest_home / name / "guest.cwasm").exists():
        return fail("guest", f"{name} has no native code", "Build it again: make guest.")
    if name != build.expected():
        return warn("guest", f"{name} is not the one this release makes ({build.expected()})", "Build it: make guest, then restart.")
    return ok("guest", f"{name}, this release's")


def frontend(settings: Config) -> Finding:
    """The scripts that pages bring from elsewhere: without them the editor is a text field, and charts are tables."""
    home = settings.frontend_home
    if frontend_build.current(home):
        return ok("editor and charts", f"{frontend_build.expected()}, this release's")
    advice = "Fetch them where a package registry can be reached: make frontend."
    if (home / "failed").exists():
        return warn("editor and charts", f"they could not be fetched: {(home / 'failed').read_text()[:300]}", advice)
    return warn("editor and charts", f"they are not in {home}, or of another release", advice)


def wall() -> Finding:
    """What the kernel takes from processes that run guests; tried in a process of its own, because it is for good."""
    try:
        done = subprocess.run([sys.executable, "-c", _WALL], capture_output=True, text=True, check=True, timeout=_WALL_SECONDS)  # noqa: S603
        found: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return fail("second wall", f"it could not be tried ({type(error).__name__})", "Look at the log of the gateway.")
    missing = [f"{name.replace('_', ' ')}: {state}" for name, state in found.items() if state.startswith("no")]
    if missing:
        return warn(
            "second wall",
            "; ".join(missing),
            "Linux 5.13 or newer has Landlock; a container's own seccomp profile may refuse ours (docs/security.md).",
        )
    return ok("second wall", "no new privileges, seccomp and Landlock")


def port(settings: Config) -> Finding:
    """Whether the port is ours, free, or somebody else's."""
    if holder(settings.run) is not None:
        return ok("port", f"Hostel runs in this home; {local(settings.host)}:{settings.port} is its own")
    try:
        require_free_port(settings.host, settings.port)
    except StartRefused as refusal:
        return fail("port", refusal.message, "Or another Hostel, of another home, has it.")
    return ok("port", f"Hostel does not run in this home; {settings.host}:{settings.port} is free")
