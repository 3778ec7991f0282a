"""Making the base image.

The guest is run to the point where the engine and the Web APIs exist, and its memory becomes the module's initial memory (what the
tool Wizer does).

Owns that one run. Must not know where files lie; it maps bytes to bytes.
"""

from __future__ import annotations

import ctypes
import tempfile
from pathlib import Path

from sandbox.engine import raw
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
    instance = raw.RawInstance(engine, prepared, MEMORY_LIMIT, slice_epochs=1)
    try:
        for name in (b"_initialize", b"hostel_init"):
            outcome = _finish(instance, name)
            if outcome:
                raise GuestBuildFailed(f"{name.decode()} failed: {outcome}\n{_last_words(instance)}")
        return ctypes.string_at(instance.data, instance.size())
    finally:
        instance.close()
        raw.prepared_delete(prepared)
        raw.module_delete(module)


def _finish(instance: raw.RawInstance, name: bytes) -> int | raw.Trapped:
    instance.begin(instance.export(name), None, results=0 if name == b"_initialize" else 1)
    while not instance.poll():
        pass
    outcome = instance.result()
    return 0 if name == b"_initialize" and not isinstance(outcome, raw.Trapped) else outcome


def _last_words(instance: raw.RawInstance) -> str:
    """What the JavaScript layer threw, out of the outbox."""
    instance.begin(instance.export(b"hostel_control"), None)
    instance.poll()
    control = instance.result()
    if isinstance(control, raw.Trapped):
        return ""
    words = (ctypes.c_uint32 * 4).from_address(instance.data + control)
    return ctypes.string_at(instance.data + words[2], words[3]).decode("utf-8", "replace")
