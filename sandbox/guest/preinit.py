"""Making the base image.

The guest is run to the point where the engine and the Web APIs exist, and its memory becomes the module's initial memory (what the
tool Wizer does).

Owns that one run. Must not know where files lie; it maps bytes to bytes.
"""

from __future__ import annotations

import ctypes
import tempfile
from pathlib import Path
from typing import Any

from sandbox.engine import raw
from sandbox.engine.instance import INBOX, OUTBOX, OUTBOX_LENGTH
from sandbox.guest.toolchain import GuestBuildFailed
from sandbox.guest.wasmfile import with_memory

MEMORY_LIMIT = 256 * 1024 * 1024


def preinitialise(linked: bytes, config: raw.EngineConfig) -> tuple[bytes, bytes]:
    """(the module with its memory baked in, its compiled code) of a freshly linked guest."""
    engine = raw.engine_new(config)
    try:
        image = _run_init(engine, raw.module_compile(engine, linked))
        baked = with_memory(linked, image)
        return baked, raw.module_compile(engine, baked)
    finally:
        raw.engine_delete(engine)


def _run_init(engine: int, compiled: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "guest.cwasm"
        path.write_bytes(compiled)
        module = raw.module_open(engine, path)
    prepared = raw.prepare(engine, module)
    # One instance compiles the JavaScript layer, and what that takes is thrown away with it; the other becomes the base image.
    compiler, instance = (raw.RawInstance(engine, prepared, MEMORY_LIMIT, slice_epochs=1) for _ in range(2))
    try:
        _must(compiler, b"_initialize", results=0)
        _must(compiler, b"hostel_compile")
        words = _control(compiler)
        code = ctypes.string_at(compiler.data + words[OUTBOX], words[OUTBOX_LENGTH])
        _must(instance, b"_initialize", results=0)
        _call(instance, b"hostel_reserve", len(code))
        ctypes.memmove(instance.data + _control(instance)[INBOX], code, len(code))
        _must(instance, b"hostel_init", len(code))
        return ctypes.string_at(instance.data, instance.size())
    finally:
        compiler.close()
        instance.close()
        raw.prepared_delete(prepared)
        raw.module_delete(module)


def _call(instance: raw.RawInstance, name: bytes, argument: int | None = None, *, results: int = 1) -> int | raw.Trapped:
    instance.begin(instance.export(name), argument, results=results)
    while not instance.poll():
        pass
    return instance.result()


def _must(instance: raw.RawInstance, name: bytes, argument: int | None = None, *, results: int = 1) -> None:
    """Call what answers 0, or nothing at all, when it went well; raises `GuestBuildFailed`."""
    outcome = _call(instance, name, argument, results=results)
    if isinstance(outcome, raw.Trapped) or (results and outcome):
        raise GuestBuildFailed(f"{name.decode()} failed: {outcome}\n{_last_words(instance)}")


def _control(instance: raw.RawInstance) -> Any:
    """The control block's words."""
    address = _call(instance, b"hostel_control")
    if isinstance(address, raw.Trapped):
        raise GuestBuildFailed(address.message)
    return (ctypes.c_uint32 * 8).from_address(instance.data + address)


def _last_words(instance: raw.RawInstance) -> str:
    """What the JavaScript layer threw, out of the outbox."""
    if instance.under_way:
        return ""
    words = _control(instance)
    return ctypes.string_at(instance.data + words[OUTBOX], words[OUTBOX_LENGTH]).decode("utf-8", "replace")
