"""Every call into wasmtime's C interface, in one place.

Owns the pointers, the struct layouts and the buffers that calls share. It uses the shared library that wasmtime-py loads rather than its
classes, because `wasmtime.Func.__call__` costs 25 us where the same C call with reused buffers costs 2 us, and because the async
calls have no class at all. That layer is private to wasmtime-py, so the version is pinned and checked, and nothing outside
this module may import it.

Nothing here runs Python inside a guest's call: there are no host functions, hence no callbacks.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_bool, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wasmtime import _bindings as b
from wasmtime import _ffi

from sandbox.errors import HostelError

SUPPORTED = "50.0.1"
_dll: Any = _ffi.dll


class EngineFailed(HostelError):
    """The WebAssembly engine refused a call."""

    code = "engine_failed"


def check_version() -> None:
    """Raise `EngineFailed` unless wasmtime-py is the version whose private layout this module was written against."""
    found = version("wasmtime")
    if found != SUPPORTED:
        raise EngineFailed(f"wasmtime {SUPPORTED} is needed, {found} is installed.")


def _call(name: str, result: Any, *arguments: Any) -> Any:
    """The C function with plain-integer pointers: no ctypes object is made for one in a call."""
    return ctypes.CFUNCTYPE(result, *arguments)((name, _dll))


_config_new = _call("wasm_config_new", c_void_p)
_engine_new = _call("wasm_engine_new_with_config", c_void_p, c_void_p)
_engine_delete = _call("wasm_engine_delete", None, c_void_p)
_increment_epoch = _call("wasmtime_engine_increment_epoch", None, c_void_p)
_module_new = _call("wasmtime_module_new", c_void_p, c_void_p, c_char_p, c_size_t, c_void_p)
_module_serialize = _call("wasmtime_module_serialize", c_void_p, c_void_p, c_void_p)
_module_deserialize_file = _call("wasmtime_module_deserialize_file", c_void_p, c_void_p, c_char_p, c_void_p)
_module_delete = _call("wasmtime_module_delete", None, c_void_p)
_store_new = _call("wasmtime_store_new", c_void_p, c_void_p, c_void_p, c_void_p)
_store_context = _call("wasmtime_store_context", c_void_p, c_void_p)
_store_delete = _call("wasmtime_store_delete", None, c_void_p)
_store_limiter = _call("wasmtime_store_limiter", None, c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64)
_set_deadline = _call("wasmtime_context_set_epoch_deadline", None, c_void_p, c_uint64)
# The header declares an error pointer, but the function returns nothing (wasmtime 50, crates/c-api/src/async.rs).
_async_yield = _call("wasmtime_context_epoch_deadline_async_yield_and_update", None, c_void_p, c_uint64)
_linker_new = _call("wasmtime_linker_new", c_void_p, c_void_p)
_linker_delete = _call("wasmtime_linker_delete", None, c_void_p)
_linker_instantiate_pre = _call("wasmtime_linker_instantiate_pre", c_void_p, c_void_p, c_void_p, c_void_p)
_pre_instantiate = _call("wasmtime_instance_pre_instantiate", c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)
_pre_instantiate_async = _call("wasmtime_instance_pre_instantiate_async", c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)
_pre_delete = _call("wasmtime_instance_pre_delete", None, c_void_p)
_export_get = _call("wasmtime_instance_export_get", c_bool, c_void_p, c_void_p, c_char_p, c_size_t, c_void_p)
_memory_data = _call("wasmtime_memory_data", c_void_p, c_void_p, c_void_p)
_memory_data_size = _call("wasmtime_memory_data_size", c_size_t, c_void_p, c_void_p)
_memory_grow = _call("wasmtime_memory_grow", c_void_p, c_void_p, c_void_p, c_uint64, c_void_p)
_global_get = _call("wasmtime_global_get", None, c_void_p, c_void_p, c_void_p)
_call_async = _call("wasmtime_func_call_async", c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p)
_future_poll = _call("wasmtime_call_future_poll", c_bool, c_void_p)
_future_delete = _call("wasmtime_call_future_delete", None, c_void_p)
_trap_code = _call("wasmtime_trap_code", c_bool, c_void_p, c_void_p)
_trap_message = _call("wasm_trap_message", None, c_void_p, c_void_p)
_trap_delete = _call("wasm_trap_delete", None, c_void_p)
_error_message = _call("wasmtime_error_message", None, c_void_p, c_void_p)
_error_delete = _call("wasmtime_error_delete", None, c_void_p)
_vec_delete = _call("wasm_byte_vec_delete", None, c_void_p)

VAL = ctypes.sizeof(b.wasmtime_val)
EXTERN = ctypes.sizeof(b.wasmtime_extern)
_EXTERN_OF = b.wasmtime_extern.of.offset
_VAL_OF = b.wasmtime_val.of.offset
TRAP_STACK_OVERFLOW = b.wasmtime_trap_code_enum.WASMTIME_TRAP_CODE_STACK_OVERFLOW.value


class _Vec(ctypes.Structure):
    _fields_ = (("size", c_size_t), ("data", c_void_p))


def _taken(vec: _Vec) -> bytes:
    data = ctypes.string_at(vec.data, vec.size) if vec.data else b""
    _vec_delete(byref(vec))
    return data


def _check(error: int | None) -> None:
    if error:
        raise EngineFailed(_error_text(error))


def _error_text(error: int) -> str:
    vec = _Vec()
    _error_message(error, byref(vec))
    _error_delete(error)
    return _taken(vec).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Trapped:
    """Why a call ended early. `code` is wasmtime's trap code, or None for an error that is no trap."""

    code: int | None
    message: str

    @property
    def stack_overflow(self) -> bool:
        """Whether the native stack ran out."""
        return self.code == TRAP_STACK_OVERFLOW


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What the engine is made with; every field is part of a compiled module's identity."""

    # Native stack of a guest; the fiber it runs on is larger, since wasmtime's own calls come on top.
    max_wasm_stack: int = 4 * 1024 * 1024
    async_stack: int = 4352 * 1024
    # 0 none, 1 speed, 2 speed and size.
    opt_level: int = 1

    def identity(self) -> str:
        """A string that changes when compiled code must be made again."""
        return f"wasmtime-{SUPPORTED}-{self.max_wasm_stack}-{self.async_stack}-{self.opt_level}"


def engine_new(config: EngineConfig) -> int:
    """A new engine with epoch interruption and copy-on-write memory images."""
    check_version()
    raw = _config_new()
    setters: tuple[tuple[str, Any, int], ...] = (
        ("wasmtime_config_epoch_interruption_set", c_bool, 1),
        ("wasmtime_config_max_wasm_stack_set", c_size_t, config.max_wasm_stack),
        ("wasmtime_config_async_stack_size_set", c_size_t, config.async_stack),
        ("wasmtime_config_cranelift_opt_level_set", c_uint8, config.opt_level),
        ("wasmtime_config_memory_init_cow_set", c_bool, 1),
        # Nothing the guest does not use is left switched on.
        ("wasmtime_config_wasm_simd_set", c_bool, 0),
        ("wasmtime_config_wasm_relaxed_simd_set", c_bool, 0),
        ("wasmtime_config_wasm_threads_set", c_bool, 0),
        ("wasmtime_config_wasm_memory64_set", c_bool, 0),
        ("wasmtime_config_wasm_multi_memory_set", c_bool, 0),
        ("wasmtime_config_native_unwind_info_set", c_bool, 0),
    )
    for name, kind, value in setters:
        _call(name, None, c_void_p, kind)(raw, value)
    engine: int | None = _engine_new(raw)
    if not engine:
        raise EngineFailed("The engine could not be made.")
    return engine


def engine_delete(engine: int) -> None:
    """Free an engine; modules and stores must be gone."""
    _engine_delete(engine)


def increment_epoch(engine: int) -> None:
    """Advance the epoch: guests past their deadline yield at their next loop edge or call."""
    _increment_epoch(engine)


def module_compile(engine: int, binary: bytes) -> bytes:
    """Compile with Cranelift; the native code as `module_open` takes it from a file."""
    module, vec = c_void_p(), _Vec()
    _check(_module_new(engine, binary, len(binary), byref(module)))
    try:
        _check(_module_serialize(module, byref(vec)))
    finally:
        _module_delete(module)
    return _taken(vec)


def module_open(engine: int, path: Path) -> int:
    """Map compiled code that this installation made itself; never a file from anywhere else (it is native code)."""
    module = c_void_p()
    _check(_module_deserialize_file(engine, str(path).encode(), byref(module)))
    assert module.value
    return module.value


def module_delete(module: int) -> None:
    """Free a module."""
    _module_delete(module)


def prepare(engine: int, module: int) -> int:
    """A pre-checked instantiation of a module that imports nothing; raises `EngineFailed` when it imports anything."""
    linker, pre = _linker_new(engine), c_void_p()
    try:
        _check(_linker_instantiate_pre(linker, module, byref(pre)))
    finally:
        _linker_delete(linker)
    assert pre.value
    return pre.value


def prepared_delete(pre: int) -> None:
    """Free what `prepare` made."""
    _pre_delete(pre)


class RawInstance:
    """One store with one instance of the guest, and the buffers of its calls.

    Not safe for two threads at once; any thread may use it while no other does. `close` frees everything, also in mid-call.
    """

    __slots__ = (
        "_answer",
        "_args",
        "_argument",
        "_buffer",
        "_ends",
        "_exports",
        "_future",
        "_known",
        "_memory",
        "_out",
        "_results",
        "_slice",
        "_traps",
        "context",
        "data",
        "store",
    )

    def __init__(self, engine: int, pre: int, memory_limit: int, slice_epochs: int) -> None:
        """Instantiate; `memory_limit` in bytes, `slice_epochs` epochs between yields. Raises `EngineFailed`."""
        self.store: int | None = _store_new(engine, None, None)
        self.context = _store_context(self.store)
        self.limit_memory(memory_limit)
        self._future: int | None = None
        # args | results | trap, error | instance | spare extern
        self._buffer = ctypes.create_string_buffer(2 * VAL + 16 + 16 + EXTERN)
        base = ctypes.addressof(self._buffer)
        self._args, self._results, self._traps = base, base + VAL, base + 2 * VAL
        # The same places, read and written without a new ctypes object each time.
        self._argument = (c_uint32 * 1).from_buffer(self._buffer, _VAL_OF)
        self._answer = (c_int32 * 1).from_buffer(self._buffer, VAL + _VAL_OF)
        self._ends = (c_uint64 * 2).from_buffer(self._buffer, 2 * VAL)
        self._out = self._traps + 16
        self._exports: dict[bytes, Any] = {}
        _set_deadline(self.context, 1 << 40)
        trap = c_void_p()
        error = _pre_instantiate(pre, self.context, self._out, byref(trap))
        if error or trap.value:
            message = _error_text(error) if error else _trap_text(trap.value or 0).message
            self.close()
            raise EngineFailed(f"The guest could not be instantiated: {message}")
        self._memory = self.export(b"memory")
        self.data: int = _memory_data(self.context, self._memory)
        self._known = self.size()
        self._slice = slice_epochs
        _async_yield(self.context, slice_epochs)

    def export(self, name: bytes) -> int:
        """Address of the func or memory struct of an export; it lives as long as this object."""
        held = self._exports.get(name)
        if held is None:
            held = ctypes.create_string_buffer(EXTERN)
            if not _export_get(self.context, self._out, name, len(name), held):
                raise EngineFailed(f"The guest has no export {name.decode()}.")
            self._exports[name] = held
        address: int = ctypes.addressof(held) + _EXTERN_OF
        return address

    def size(self) -> int:
        """Bytes of linear memory."""
        size: int = _memory_data_size(self.context, self._memory)
        return size

    def holds(self, end: int) -> bool:
        """Whether linear memory has the bytes up to `end`. It never shrinks, so the engine is asked only when it might have grown."""
        if end > self._known:
            self._known = self.size()
        return end <= self._known

    @property
    def under_way(self) -> bool:
        """Whether a call has begun and not ended, or the instance is closed."""
        return self._future is not None or self.store is None

    def limit_memory(self, limit: int) -> None:
        """Bound linear memory anew, in bytes; what is there already stays."""
        _store_limiter(self.store, limit, 100_000, 1, 10, 1)

    def stack_pointer(self) -> int:
        """The C stack's pointer: where the stack begins when nothing is on it."""
        value = ctypes.create_string_buffer(VAL)
        _global_get(self.context, self.export(b"__stack_pointer"), value)
        return int(c_uint32.from_buffer(value, _VAL_OF).value)

    def grow_to(self, size: int) -> None:
        """Grow linear memory to at least `size` bytes (a multiple of 64 KiB); raises `EngineFailed` beyond the limit."""
        missing = size - self.size()
        if missing > 0:
            previous = c_uint64()
            _check(_memory_grow(self.context, self._memory, missing >> 16, byref(previous)))

    def begin(self, function: int, argument: int | None, results: int = 1) -> None:
        """Start a call of an exported function of at most one i32 each way; nothing runs until `poll`."""
        if argument is not None:
            # Its kind, i32, is 0 and was never anything else.
            self._argument[0] = argument
        ends = self._ends
        ends[0] = ends[1] = 0
        # The deadline is absolute: what the latest slice left of it has passed long ago.
        _set_deadline(self.context, self._slice)
        self._future = _call_async(
            self.context, function, self._args, 0 if argument is None else 1, self._results, results, self._traps, self._traps + 8
        )

    def poll(self) -> bool:
        """Run until the call ends (True) or a slice is over (False). Releases the GIL."""
        ended: bool = _future_poll(self._future)
        if ended:
            _future_delete(self._future)
            self._future = None
            return True
        return False

    def result(self) -> int | Trapped:
        """The value of the call that has ended, or why it trapped."""
        trap, error = self._ends
        if trap:
            return _trap_text(trap)
        if error:
            return Trapped(None, _error_text(error))
        return self._answer[0]

    def close(self) -> None:
        """Free the instance; a call under way is dropped where it stands. Repeatable."""
        if self._future:
            _future_delete(self._future)
            self._future = None
            self.result()
        if self.store:
            _store_delete(self.store)
            self.store = None


def _trap_text(trap: int) -> Trapped:
    code = c_uint8()
    known = _trap_code(trap, byref(code))
    vec = _Vec()
    _trap_message(trap, byref(vec))
    _trap_delete(trap)
    return Trapped(code.value if known else None, _taken(vec).rstrip(b"\0").decode("utf-8", "replace"))
