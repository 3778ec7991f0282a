"""TypeScript and JSX to JavaScript, by the OXC transform that the PyPI package quickjs-rs carries as a WebAssembly module.

Owns the running of that module: its own engine, a fresh instance for each file, bounds on memory and on work (wasmtime's fuel, so that
the same file always passes or always fails), and no host function at all: what it imports of WASI is answered by a few lines of
WebAssembly. Of the package nothing but that file is used. Must not know what a bundle is.

The interface was read off the package's own `_transform.py` (version 0.2.6): `qjst_transform(name, name length, source, length, flags)`
answers 0 (transformed), 1 (nothing to do) or an error's number; result and error are then found through `qjst_result_*`, `qjst_error_*`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import wasmtime

from sandbox.errors import GuestFault, SyntaxFailed, TransformExceeded
from sandbox.languages import language

SOURCE_BYTES: Final = 8 * 1024 * 1024
MEMORY_BYTES: Final = 512 * 1024 * 1024
# About ten seconds of a processor; a megabyte of source takes some hundred milliseconds.
FUEL: Final = 20_000_000_000
STACK_BYTES: Final = 1024 * 1024
_TRANSFORMED, _UNCHANGED = 0, 1
_ERROR: Final = re.compile(r"source (?:parse|transform) error in .*?: ", re.DOTALL)
# A token that no grammar knows: put behind the beginning of a source it shows whether the parser got that far.
_SENTINEL: Final = b"\0"
_SENTINEL_MESSAGE: Final = "Invalid Character"
# Where a source may be cut: behind comments, strings, templates, words and single signs.
_TOKEN: Final = re.compile(
    rb"//[^\n]*|/\*.*?(?:\*/|\Z)|`(?:[^`\\]|\\.)*`?|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|[A-Za-z0-9_$\x80-\xff]+|\S",
    re.DOTALL,
)


class Transform:
    """The compiled transform. Any thread may use it."""

    def __init__(self, cache: Path | None = None) -> None:
        """`cache` is a folder for its native code; None compiles it anew (some seconds)."""
        self._cache = cache
        self._lock = threading.Lock()
        self._loaded: tuple[wasmtime.Engine, wasmtime.Module] | None = None

    def javascript(self, name: str, source: bytes) -> bytes:
        """The module as JavaScript.

        Raises `SyntaxFailed` (file, line, column) and `TransformExceeded`.
        """
        if len(source) > SOURCE_BYTES:
            raise TransformExceeded(f"The module {name!r} has {len(source)} bytes of TypeScript, {SOURCE_BYTES} are allowed.", file=name)
        flags = language(name)
        content, messages = self._run(name, source, flags)
        if content is not None:
            return content
        line, column = self._place(name, source, flags, messages)
        raise SyntaxFailed(f"Uncaught SyntaxError: {messages}", file=name, line=line, column=column)

    def _place(self, name: str, source: bytes, flags: int, messages: str) -> tuple[int | None, int | None]:
        """Where the parser stops: the transform says what is wrong and not where, so it is asked for ever shorter beginnings."""
        ends = [match.end() for match in _TOKEN.finditer(source)]
        first = messages.split("; ", maxsplit=1)[0]

        def stops(count: int) -> bool:
            _, found = self._run(name, source[: ends[count - 1]] + b" " + _SENTINEL, flags)
            return not found.startswith(_SENTINEL_MESSAGE)

        def says(count: int) -> bool:
            return first in self._run(name, source[: ends[count - 1]], flags)[1].split("; ")

        if not ends:
            return 1, 1
        if "`EOF`" in first:
            return _line_column(source, len(source.rstrip()))
        for wrong in (stops, says):
            if not wrong(len(ends)):
                continue
            low, high = 1, len(ends)
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if wrong(middle) else (middle + 1, high)
            start = ends[low - 2] if low > 1 else 0
            rest = source[start:]
            return _line_column(source, start + len(rest) - len(rest.lstrip()))
        return _line_column(source, len(source.rstrip()))

    def _run(self, name: str, source: bytes, flags: int) -> tuple[bytes | None, str]:
        """(JavaScript, "") or (None, what is wrong). Raises `TransformExceeded` when it takes more than its bounds, or traps."""
        engine, module = self._ready()
        store = wasmtime.Store(engine)
        try:
            store.set_limits(memory_size=MEMORY_BYTES, instances=1, tables=4, memories=1)
            store.set_fuel(FUEL)
            # Without files, arguments, variables or output.
            store.set_wasi(wasmtime.WasiConfig())
            linker = wasmtime.Linker(engine)
            linker.define_wasi()
            return _call(store, linker.instantiate(store, module).exports(store), name.encode(), source, flags)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            why = "is nested too deeply" if "stack" in str(error) else "takes too much work or memory"
            raise TransformExceeded(f"The module {name!r} {why} to be made JavaScript of.", file=name) from None
        finally:
            store.close()

    def _ready(self) -> tuple[wasmtime.Engine, wasmtime.Module]:
        with self._lock:
            if self._loaded is None:
                config = wasmtime.Config()
                config.consume_fuel = True
                config.max_wasm_stack = STACK_BYTES
                engine = wasmtime.Engine(config)
                self._loaded = engine, self._module(engine)
            return self._loaded

    def _module(self, engine: wasmtime.Engine) -> wasmtime.Module:
        binary = _binary()
        if self._cache is None:
            return wasmtime.Module(engine, binary)
        identity = hashlib.sha256(binary + f"{version('wasmtime')} {STACK_BYTES}".encode()).hexdigest()[:20]
        path = self._cache / f"transform-{identity}.cwasm"
        try:
            return wasmtime.Module.deserialize_file(engine, str(path))
        except wasmtime.WasmtimeError:
            module = wasmtime.Module(engine, binary)
        with contextlib.suppress(OSError):
            # Behind the wall the folder cannot be written: then it is compiled by each process that needs it.
            partial = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
            partial.write_bytes(module.serialize())
            partial.replace(path)
        return module


def _binary() -> bytes:
    """The package's file. The package itself is not imported: it brings an engine of its own."""
    spec = find_spec("quickjs_rs")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise GuestFault("The package quickjs-rs is not installed: TypeScript cannot be read.")
    return (Path(next(iter(folders))) / "_transform.wasm").read_bytes()


def _call(store: wasmtime.Store, exports: Any, name: bytes, source: bytes, flags: int) -> tuple[bytes | None, str]:
    memory = exports["memory"]

    def put(data: bytes) -> int:
        address = int(exports["qjst_alloc"](store, max(1, len(data))))
        memory.write(store, data, address)
        return address

    def take(what: str) -> bytes:
        address, length = (int(exports[f"qjst_{what}_{part}"](store)) for part in ("ptr", "len"))
        return bytes(memory.read(store, address, address + length))

    status = exports["qjst_transform"](store, put(name), len(name), put(source), len(source), flags)
    if status == _TRANSFORMED:
        return take("result"), ""
    if status == _UNCHANGED:
        return source, ""
    return None, _ERROR.sub("", take("error").decode("utf-8", "replace"), count=1)[:1000] or "The source cannot be read."


def _line_column(source: bytes, at: int) -> tuple[int, int]:
    before = source[:at]
    return before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
