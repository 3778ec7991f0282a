"""Makes the virtual environment: the one step that runs before anything of the project's can be imported.

Owns `.venv`, its pinned packages and the `.pth` file that puts the two source roots on the import path (docs/decisions/0001). Started by
the Makefile as a file under a bare Python (`python3 -I platform/ops/environment.py`), so it may use the standard library only, and must
not import its own package.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Environment of the installer: nothing may ask a question, and an old pip must not nag about its age.
QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}
# Variables of an outer environment that would lead pip elsewhere.
MISLEADING = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_REQUIRE_VIRTUALENV"}
# Seconds between two signs of life when the terminal is not one.
PLAIN_INTERVAL = 10.0


def fingerprint(root: Path, *, dev: bool) -> dict[str, str]:
    """What the environment depends on: the interpreter, the checkout's place and the content of each pins file asked for."""
    files = ["requirements.txt", *(["requirements-dev.txt"] if dev else [])]
    return {
        "python": f"{sys.implementation.cache_tag} {'.'.join(map(str, sys.version_info[:3]))}",
        "root": str(root),
        **{name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in files},
    }


def is_current(stamp: Path, wanted: Mapping[str, str]) -> bool:
    """Whether the environment was finished with everything in `wanted` (it may hold more: development pins include the others)."""
    try:
        found: Any = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and all(found.get(key) == value for key, value in wanted.items())


def works(python: Path) -> bool:
    """Whether the environment's interpreter starts and is of the version that runs now (a system upgrade leaves a dangling one)."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [python, "-I", "-c", "import sys, pip; print(sys.version_info[:2])"], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == str(sys.version_info[:2])


def make(root: Path, *, dev: bool = False) -> bool:
    """Bring `root/.venv` up to date; return whether anything was done. Exits with a message when pip fails."""
    folder = root / ".venv"
    stamp = folder / "hostel.json"
    wanted = fingerprint(root, dev=dev)
    if is_current(stamp, wanted) and (folder / "bin" / "python").exists():
        write_command(folder)
        return False
    stamp.unlink(missing_ok=True)
    python = folder / "bin" / "python"
    if not works(python):
        started = time.monotonic()
        say(f"making the environment in {folder.name}")
        venv.EnvBuilder(with_pip=True, clear=folder.exists(), symlinks=True).create(folder)
        say(f"made the environment in {time.monotonic() - started:.0f} s")
    pins = root / ("requirements-dev.txt" if dev else "requirements.txt")
    install(python, pins)
    site = subprocess.run(  # noqa: S603 - our own interpreter
        [python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True, check=True
    )
    Path(site.stdout.strip(), "hostel.pth").write_text(f"{root}\n{root / 'platform'}\n")
    write_command(folder)
    stamp.write_text(json.dumps(wanted))
    return True


def write_command(folder: Path) -> None:
    """Make `bin/hostel`, as the installed wheel has it: the project itself is on the path and not installed."""
    script = folder / "bin" / "hostel"
    text = f"#!{folder / 'bin' / 'python'}\nimport sys\n\nfrom ops.__main__ import main\n\nsys.exit(main())\n"
    if not script.exists() or script.read_text() != text:
        script.write_text(text)
        script.chmod(0o755)


def install(python: Path, pins: Path) -> None:
    """Install exactly what `pins` names, checked against its hashes, showing how far it is. Exits with pip's words if it fails."""
    environ = {key: value for key, value in os.environ.items() if key not in MISLEADING}
    count = sum(1 for line in pins.read_text().splitlines() if line[:1].isalnum())
    command: list[str | Path] = [python, "-m", "pip", "install", "--require-hashes", "--progress-bar", "off", "--requirement", pins]
    started = told = time.monotonic()
    live = sys.stdout.isatty()
    say(f"installing {count} pinned packages from {pins.name}")
    tail: list[str] = []
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env={**environ, **QUIET}
    ) as pip:
        assert pip.stdout is not None
        collected, unpacking = 0, False
        for line in pip.stdout:
            tail = [*tail[-40:], line.rstrip()]
            collected += line.startswith("Collecting ")
            began = line.startswith("Installing collected")
            unpacking = unpacking or began
            doing = "unpacking them" if unpacking else f"{collected} fetched"
            now = time.monotonic()
            if live:
                sys.stdout.write(f"\r\x1b[K  · {doing}, {now - started:.0f} s")
                sys.stdout.flush()
            elif now - told >= PLAIN_INTERVAL or began:
                told = now
                say(f"{doing}, {now - started:.0f} s")
    if live:
        sys.stdout.write("\r\x1b[K")
    if pip.returncode:
        sys.exit("\n".join([*tail, "", f"The packages of {pins.name} could not be installed: pip's words are above."]))
    say(f"installed them in {time.monotonic() - started:.0f} s")


def say(text: str) -> None:
    """One line to the person waiting."""
    sys.stdout.write(f"  · {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make or update Hostel's virtual environment.")
    parser.add_argument("--dev", action="store_true", help="with what the tests need")
    try:
        make(ROOT, dev=parser.parse_args().dev)
    except KeyboardInterrupt:
        sys.exit(130)
