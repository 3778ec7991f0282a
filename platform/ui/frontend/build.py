"""Bundling and installing what the pages bring from elsewhere.

    python -m ui.frontend.build --home var/frontend

Owns the layout of its folder:

    <home>/<build>/            the files, each with a hash of its content in its name, and the same compressed (.gz)
    <home>/<build>/files.json  their plain names
    <home>/current             the name of the newest build
    <home>/failed              why there is none, after an attempt that did not work out

One bundle each, because it is half the size of the modules it is made of, and one request instead of nineteen. Never fails a set-up: where
it cannot be done, `failed` says why (`hostel doctor` reads it) and the pages do without.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from ui.frontend import packages
from ui.frontend.packages import FetchFailed, Progress

ENTRIES: Final = packages.HERE / "entries"
FILES: Final = "files.json"
ESBUILD_FLAGS: Final = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none", "--log-level=error")
_BUNDLE_SECONDS: Final = 60
# How the one line on standard output begins, which a set-up passes on to the person.
MISSING: Final = "@missing "


def expected() -> str:
    """The name of the build that this source makes."""
    digest = hashlib.sha256()
    for path in [packages.HERE / "package-lock.json", *sorted(ENTRIES.iterdir()), Path(__file__)]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:20]


def current(home: Path) -> bool:
    """Whether this source's build is there."""
    return (home / expected() / FILES).exists() and (home / "current").exists() and (home / "current").read_text() == expected()


def install(home: Path, progress: Progress = lambda _: None) -> None:
    """Fetch and bundle what is missing; raises `FetchFailed`. Safe for several processes at once: one does it, the others wait."""
    if current(home):
        return
    try:
        home.mkdir(parents=True, exist_ok=True)
        with (home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (home / expected() / FILES).exists():
                _build(home, progress)
            _write(home / "current", expected())
    except OSError as error:
        raise FetchFailed(f"{home} cannot be written: {error.strerror or type(error).__name__}") from error
    (home / "failed").unlink(missing_ok=True)


def _build(home: Path, progress: Progress) -> None:
    work, partial = home / f"work.{os.getpid()}", home / f"{expected()}.{os.getpid()}"
    try:
        for folder in (work, partial):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        modules = packages.fetch(work, progress)
        progress("bundling them")
        files = {}
        for entry in sorted(ENTRIES.glob("*.js")):
            files[entry.name] = _keep(partial, entry.name, _bundle(work, modules, entry))
        files["licences.txt"] = _keep(partial, "licences.txt", _licences(modules))
        (partial / FILES).write_text(json.dumps(files))
        partial.rename(home / expected())
    finally:
        for folder in (work, partial):
            shutil.rmtree(folder, ignore_errors=True)


def _bundle(work: Path, modules: Path, entry: Path) -> bytes:
    """The entry and everything it imports, minified. Its copy stands beside the packages, where they are looked for."""
    copy = work / entry.name
    shutil.copyfile(entry, copy)
    programs = sorted(modules.glob("@esbuild/*/bin/esbuild"))
    if not programs:
        raise FetchFailed("there is no bundler (esbuild) for this kind of machine")
    try:
        done = subprocess.run(  # noqa: S603 - pinned by its hash
            [programs[0], *ESBUILD_FLAGS, copy.name], capture_output=True, check=False, cwd=work, timeout=_BUNDLE_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise FetchFailed(f"the bundler (esbuild) did not run: {type(error).__name__}") from error
    if done.returncode:
        raise FetchFailed(f"the bundler (esbuild) refused: {done.stderr.decode(errors='replace')[:400]}")
    return done.stdout


def _keep(folder: Path, name: str, content: bytes) -> str:
    """Write the content under its hashed name, plain and compressed; returns the name."""
    stem, dot, suffix = name.rpartition(".")
    hashed = f"{stem}-{hashlib.sha256(content).hexdigest()[:16]}{dot}{suffix}"
    (folder / hashed).write_bytes(content)
    (folder / f"{hashed}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    return hashed


def _licences(modules: Path) -> bytes:
    """What the packages ask to be kept with copies of them."""
    parts = []
    for found in sorted([*modules.glob("*/LICENSE*"), *modules.glob("@*/*/LICENSE*")]):
        name = found.parent.relative_to(modules).as_posix()
        if "esbuild" not in name:
            parts.append(f"{name}\n\n{found.read_text(errors='replace').strip()}\n")
    return "\n\n".join(parts).encode()


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(text)
    partial.replace(path)


def main() -> int:
    """Install with progress on standard error. 0 also where it could not be done: what for, the last line says."""
    parser = argparse.ArgumentParser(description="Fetch and bundle the scripts that the pages bring from elsewhere.")
    parser.add_argument("--home", type=Path, default=Path("var/frontend"), help="where they are installed (default var/frontend)")
    home: Path = parser.parse_args().home.absolute()
    started = time.monotonic()

    def progress(step: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {step}", file=sys.stderr, flush=True)  # noqa: T201

    try:
        install(home, progress)
    except FetchFailed as failed:
        with contextlib.suppress(OSError):
            _write(home / "failed", str(failed))
        print(f"{MISSING}The editor and the charts could not be fetched, pages do without them: {failed}", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
