"""Compiling the guest: QuickJS-ng and our C layer to one WebAssembly module, with ziglang's clang.

Owns the fetching of the pinned source, the compiler flags and the per-file object cache. Must not run the module (that is
`preinit`) nor know where the result is installed (that is `build`).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from sandbox.errors import HostelError
from sandbox.guest import encodings
from sandbox.guest.patch import PatchFailed, patched

HERE = Path(__file__).parent
ENGINE_FILES = ("quickjs.c", "libregexp.c", "libunicode.c", "dtoa.c")
LAYER_FILES = ("wasi.c", "random.c", "heap.c", "wire.c", "text.c", "modules.c", "json.c", "digest.c", "legacy.c", "host.c", "turn.c")
# The C stack in linear memory; the JavaScript engine stops itself at half of it (turn.c, JS_STACK_BYTES).
STACK_BYTES = 2 * 1024 * 1024
COMPILE_FLAGS = (
    "--target=wasm32-wasi",
    "-O2",
    "-DNDEBUG",
    # All it does in the engine's source is to switch its pool of small blocks off (JS_ARENA_LARGE_BLOCKS_ONLY): heap.c is ours.
    "-D__SANITIZE_ADDRESS__",
    "-std=gnu11",
    "-fno-sanitize=undefined",
    "-mbulk-memory",
    "-mnontrapping-fptoint",
    "-msign-ext",
    "-Wno-everything",
    "-include",
    str(HERE / "c" / "stack.h"),
)
LINK_FLAGS = (
    "--target=wasm32-wasi",
    "-mexec-model=reactor",
    "-O2",
    "-Wl,--strip-all",
    "-Wl,--export=__stack_pointer",
    f"-Wl,-z,stack-size={STACK_BYTES}",
)
PIP_FLAGS = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes")

Progress = Callable[[str], None]


class GuestBuildFailed(HostelError):
    """The guest could not be built."""

    code = "guest_build_failed"


def fetch_engine(cache: Path, progress: Progress) -> Path:
    """The folder of QuickJS-ng's C files, downloaded once and checked against the pinned hash."""
    pins = (HERE / "sources.txt").read_bytes()
    folder = cache / f"engine-{hashlib.sha256(pins).hexdigest()[:16]}"
    if not folder.is_dir():
        progress("fetching the JavaScript engine's source")
        partial = cache / f"engine.{os.getpid()}"
        partial.mkdir(parents=True, exist_ok=True)
        _run(
            [sys.executable, "-m", "pip", "download", *PIP_FLAGS, "-r", str(HERE / "sources.txt"), "-d", str(partial)],
        )
        archive = next(partial.glob("quickjs_ng-*.tar.gz"))
        _unpack(archive, partial)
        archive.unlink()
        partial.rename(folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """The engine's C files, flat. By hand: `extractall(filter=...)` is missing from Python 3.11.3 and older."""
    with tarfile.open(archive) as packed:
        for member in packed:
            path = PurePosixPath(member.name)
            if member.isfile() and path.parent.name == "upstream-quickjs" and path.suffix in {".c", ".h"}:
                content = packed.extractfile(member)
                assert content is not None
                (folder / path.name).write_bytes(content.read())


def compile_guest(cache: Path, bootstrap: bytes, progress: Progress) -> Path:
    """The linked module (not yet initialised); `bootstrap` is the JavaScript layer's source."""
    engine = fetch_engine(cache, progress)
    objects = cache / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    header_digest = hashlib.sha256(b"".join((HERE / "c" / name).read_bytes() for name in ("hostel.h", "stack.h")))
    # Flags and compiler count too; the folder they are in does not.
    header_digest.update(repr([flag for flag in COMPILE_FLAGS if not flag.startswith("/")]).encode() + _compiler_version().encode())
    generated = {"turn.c": ("bootstrap.inc", c_string(bootstrap)), "legacy.c": ("encodings.inc", encodings.source().decode())}
    built: list[Path] = []
    for folder, names in ((engine, ENGINE_FILES), (HERE / "c", LAYER_FILES)):
        for name in names:
            source = _source(folder / name)
            digest = header_digest.copy()
            digest.update(source)
            included = generated.get(name)
            if included is not None:
                digest.update(included[1].encode())
            target = objects / f"{name[:-2]}-{digest.hexdigest()[:24]}.o"
            if not target.exists():
                progress(f"compiling {name}")
                _compile(source, engine, included, target)
            built.append(target)
    digest = hashlib.sha256("".join(path.name for path in built).encode() + repr(LINK_FLAGS).encode())
    linked = objects / f"guest-{digest.hexdigest()[:24]}.wasm"
    if not linked.exists():
        progress("linking the guest")
        partial = linked.with_suffix(f".{os.getpid()}")
        _zig(["cc", *LINK_FLAGS, *map(str, built), "-o", str(partial)], cache)
        partial.replace(linked)
    return linked


def c_string(source: bytes) -> str:
    """A C array initialiser for any bytes, with a terminating zero."""
    return "static const char bootstrap_source[] = {" + ",".join(map(str, source)) + ",0};\n"


def _source(path: Path) -> bytes:
    """A file as it is compiled: the engine's own with our change."""
    if path.name != "quickjs.c":
        return path.read_bytes()
    try:
        appendix = "\n".join((HERE / "c" / name).read_text() for name in ("seal.c", "context.c"))
        return patched(path.read_text(), appendix).encode()
    except PatchFailed as failed:
        raise GuestBuildFailed(str(failed)) from failed


def _compile(source: bytes, engine: Path, included: tuple[str, str] | None, target: Path) -> None:
    include = target.parent / "include"
    include.mkdir(exist_ok=True)
    if included is not None:
        (include / included[0]).write_text(included[1])
    partial, copy = target.with_suffix(f".{os.getpid()}.o"), target.with_suffix(f".{os.getpid()}.c")
    copy.write_bytes(source)
    folders = [f"-I{folder}" for folder in (engine, HERE / "c", include)]
    try:
        _zig(["cc", *COMPILE_FLAGS, *folders, "-c", str(copy), "-o", str(partial)], target.parent.parent)
    finally:
        copy.unlink()
    partial.replace(target)


def _compiler_version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - only needed when building

    return version("ziglang")


def _zig(arguments: list[str], cache: Path) -> None:
    # Zig keeps the C library it builds on the way; beside ours, so that one folder holds everything.
    zig_cache = str((cache / "zig").absolute())
    _run([sys.executable, "-m", "ziglang", *arguments], ZIG_GLOBAL_CACHE_DIR=zig_cache, ZIG_LOCAL_CACHE_DIR=zig_cache)


def _run(command: list[str], **environment: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})  # noqa: S603
    if done.returncode:
        raise GuestBuildFailed(f"{' '.join(command[:4])} … failed:\n{(done.stderr or done.stdout)[-2000:]}")
