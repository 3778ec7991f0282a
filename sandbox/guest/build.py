"""Building and installing the guest: source -> module -> base image -> native code, each step cached by its inputs.

    python -m sandbox.guest.build --home var/guest

Owns the layout of the guest's folder:

    <home>/cache/              the engine's source, objects, the compiler's own cache
    <home>/<build>/guest.wasm  the module with its base image
    <home>/<build>/guest.cwasm its native code for this machine and this wasmtime
    <home>/current             the name of the newest build

A build's name is a digest of everything that went into it, so an image made from it can say what it belongs to. Must not
load the guest into a pool; see `sandbox.engine`.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.engine.raw import EngineConfig
from sandbox.guest import preinit, toolchain

LAYER = Path(__file__).parent / "js"


@dataclass(frozen=True, slots=True)
class Guest:
    """An installed guest."""

    # Digest of the guest's source, flags and engine configuration.
    build: str
    # Native code.
    code: Path


def bootstrap() -> bytes:
    """The JavaScript layer as one function expression: the files of manifest.txt in order, in one scope."""
    names = [line for line in (LAYER / "manifest.txt").read_text().split() if line and not line.startswith("#")]
    source = "".join((LAYER / name).read_text() for name in names)
    return ('(function (host, globalThis) { "use strict";\n' + source + "\n})").encode()


def install(home: Path, progress: Callable[[str], None] = lambda _: None, config: EngineConfig | None = None) -> Guest:
    """Build what is missing and return the guest; raises `GuestBuildFailed`. `progress` hears each step's name.

    Safe for several processes at once: one builds, and every file appears by an atomic rename.
    """
    config = config or EngineConfig()
    cache = home / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    build = _build_name(config)
    target = home / build
    code = target / "guest.cwasm"
    if not code.exists():
        with (home / "lock").open("w") as lock:
            # One builds, the others wait and find it built.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not code.exists():
                _build(cache, target, config, progress)
    marker = home / f"current.{os.getpid()}"
    marker.write_text(build)
    marker.replace(home / "current")
    return Guest(build, code)


def expected(config: EngineConfig | None = None) -> str:
    """The name of the build that this source makes on this machine."""
    return _build_name(config or EngineConfig())


def _build(cache: Path, target: Path, config: EngineConfig, progress: Callable[[str], None]) -> None:
    """Everything from source to native code; `target` appears whole or not at all."""
    linked = toolchain.compile_guest(cache, bootstrap(), progress)
    progress("making the base image and its native code")
    baked, compiled = preinit.preinitialise(linked.read_bytes(), config)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    (partial / "guest.wasm").write_bytes(baked)
    (partial / "guest.cwasm").write_bytes(compiled)
    partial.rename(target)


def _build_name(config: EngineConfig) -> str:
    """Digest of every input; native code also depends on the processor, so its name is part of it."""
    digest = hashlib.sha256(bootstrap())
    digest.update((toolchain.HERE / "sources.txt").read_bytes())
    for source in sorted((toolchain.HERE / "c").iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    # An image holds what its worker imported of them.
    for source in sorted((toolchain.HERE / "node").iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    for name in ("toolchain.py", "patch.py", "preinit.py", "wasmfile.py", "encodings.py"):
        digest.update((toolchain.HERE / name).read_bytes())
    # The tables of encodings are Python's.
    digest.update(f"{sys.version_info[:2]} {config.identity()} {platform.machine()} {_processor()}".encode())
    return digest.hexdigest()[:20]


def _processor() -> str:
    """The processor's features, as far as the system tells: code compiled on one machine must not be mapped on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def main() -> int:
    """Build with progress on standard error; prints the build's name."""
    parser = argparse.ArgumentParser(description="Build the JavaScript guest.")
    parser.add_argument("--home", type=Path, default=Path("var/guest"), help="where the guest is installed (default var/guest)")
    home: Path = parser.parse_args().home
    started = time.monotonic()
    guest = install(home, lambda step: print(f"{time.monotonic() - started:6.1f} s  {step}", file=sys.stderr, flush=True))  # noqa: T201
    print(guest.build)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
