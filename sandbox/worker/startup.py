"""Start-up: a bundle's top level is run once, and what it leaves is a worker.

Owns the reading of what went wrong: which error, in which file, on which line. Must not keep the instance when it failed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sandbox import compatibility, errors, nodejs
from sandbox.bundle import Bundle, ModuleKind
from sandbox.engine.engine import Engine
from sandbox.engine.instance import Instance
from sandbox.limits import Limits
from sandbox.protocol import effects, events
from sandbox.protocol.effects import Fields
from sandbox.scheduler.account import Account
from sandbox.scheduler.scheduler import Result, Scheduler, Stop, Stopped
from sandbox.transform.prepare import Prepared, prepare, wanted
from sandbox.worker.record import LEVELS, LogLine

# "    at name (file:12:34)" or "    at file:12:34", as the engine writes them.
_FRAME: Final = re.compile(r"^\s*at (?:.*\()?([^()\s][^()]*?):(\d+)(?::(\d+))?\)?$", re.MULTILINE)
_MISSING: Final = re.compile(r'No such module "(?P<specifier>.*?)"\.?(?:\s+imported from "(?P<importer>.*?)")?', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Started:
    """A worker whose top level has run."""

    instance: Instance
    # Handlers of the default export, e.g. ("fetch",).
    handlers: tuple[str, ...]
    # Named exports that can be called -> their handlers.
    entrypoints: dict[str, tuple[str, ...]]
    cpu_us: int
    logs: tuple[LogLine, ...]
    warnings: tuple[str, ...] = ()


async def start(  # noqa: PLR0917 - the sandbox's own
    engine: Engine, scheduler: Scheduler, bundle: Bundle, limits: Limits, tenant: str, weight: int = 1
) -> Started:
    """Run the top level under start-up limits in a fresh instance. Raises `BundleInvalid` or a leaf of `StartupFailed`."""
    bundle.check(limits)
    prepared = Prepared(bundle.modules)
    if wanted(bundle):
        prepared = await asyncio.get_running_loop().run_in_executor(None, prepare, bundle, engine.transform)
    instance = engine.instantiate(limits.memory_bytes)
    account = Account(tenant, limits.startup_cpu_ms * 1_000_000, weight=weight)
    try:
        result = await run(scheduler, instance, _turn(bundle, prepared), account)
        return _started(instance, result, bundle, prepared, limits, account)
    except BaseException:
        instance.close()
        raise


async def run(scheduler: Scheduler, instance: Instance, payload: bytes, account: Account) -> Result:
    """One turn, awaited."""
    future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
    done: Callable[[Result], None] = lambda result: None if future.done() else future.set_result(result)  # noqa: E731
    result = scheduler.run(instance, payload, account, done)
    if result is not None:
        return result
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        # The turn must be over before its instance can be closed.
        account.cancelled = True
        await future
        raise


def _turn(bundle: Bundle, prepared: Prepared) -> bytes:
    """The start-up turn. Its clock is 0 and its entropy follows from the code, so that the same upload makes the same image."""
    digest = hashlib.sha256()
    parts = []
    scripts = [*nodejs.modules(bundle, prepared.modules), *prepared.modules] if nodejs.wanted(bundle) else prepared.modules
    for module in scripts:
        digest.update(module.name.encode() + b"\0" + module.content)
        parts.append(events.module(module.name, module.kind, module.content))
        if (places := prepared.maps.get(module.name)) is not None:
            parts.append(events.line_map(module.name, places.sources, places.wire()))
    configuration = {
        "main": bundle.main,
        "compatibility_date": bundle.compatibility_date,
        "compatibility_flags": list(bundle.compatibility_flags),
        "env": [dict(binding) for binding in bundle.env],
        "outbound": bundle.outbound,
        "node": nodejs.wanted(bundle),
        "flags": compatibility.guest_flags(bundle.compatibility_date, bundle.compatibility_flags),
        "process_env": nodejs.populates_env(bundle),
    }
    head = events.prelude(now_ms=0.0, entropy=digest.digest())
    return head + b"".join(parts) + events.load(json.dumps(configuration).encode(), bundle.env_serialized)


def _started(  # noqa: PLR0917 - what a start-up was made of
    instance: Instance, outbox: Result, bundle: Bundle, prepared: Prepared, limits: Limits, account: Account
) -> Started:
    if isinstance(outbox, Stopped):
        raise _stopped(outbox, limits, account)
    logs: list[LogLine] = []
    loaded: dict[str, Any] | None = None
    for frame in effects.frames(outbox):
        fields = Fields(frame.payload)
        if frame.op == effects.LOG:
            level, timestamp, message = fields.number(), fields.real(), fields.text()
            logs.append(LogLine(timestamp, LEVELS[min(level, 4)], message))
        elif frame.op == effects.EXCEPTION and frame.flags == effects.FROM_STARTUP:
            raise _thrown(fields.text(), fields.text(), fields.text(), bundle, prepared)
        elif frame.op == effects.LOADED:
            loaded = json.loads(fields.text())
    if loaded is None:
        raise errors.TopLevelUnsettled(file=bundle.main)
    handlers = tuple(map(str, loaded.get("handlers", ())))
    entrypoints = {str(name): tuple(map(str, found)) for name, found in loaded.get("entrypoints", {}).items()}
    if not handlers and not entrypoints:
        raise errors.NoHandlers(
            f"The main module {bundle.main!r} exports no handler (export default {{ fetch() {{ … }} }}).", file=bundle.main
        )
    return Started(instance, handlers, entrypoints, account.used_us, tuple(logs), prepared.warnings)


def _stopped(stopped: Stopped, limits: Limits, account: Account) -> errors.HostelError:
    if stopped.stop is Stop.CPU:
        return errors.StartupCpuExceeded(
            f"The top level used more than {limits.startup_cpu_ms} ms of CPU time.", limit=limits.startup_cpu_ms, used_us=account.used_us
        )
    if stopped.stop is Stop.MEMORY:
        return errors.StartupMemoryExceeded(limit=limits.memory_bytes)
    if stopped.stop is Stop.STACK:
        return errors.TopLevelThrew("Uncaught RangeError: Maximum call stack size exceeded")
    return errors.GuestFault(stopped.message or "The start-up was broken off.")


def _thrown(name: str, message: str, stack: str, bundle: Bundle, prepared: Prepared) -> errors.StartupFailed:
    missing = _MISSING.match(message)
    if missing:
        file = missing["importer"] or bundle.main
        line, column = _place_of(bundle, file, missing["specifier"])
        return errors.ModuleMissing(message, file=file, line=line, column=column, module=missing["specifier"])
    stack = prepared.authored(stack)
    file, line, column = _first_frame(stack, bundle, prepared)
    kind = errors.SyntaxFailed if name == "SyntaxError" and _at_parse(stack, file, line) else errors.TopLevelThrew
    return kind(f"Uncaught {name}: {message}", file=file, line=line, column=column, stack=stack or None)


def _first_frame(stack: str, bundle: Bundle, prepared: Prepared) -> tuple[str | None, int | None, int | None]:
    names = {module.name.removeprefix("./") for module in bundle.modules}
    names.update(source for places in prepared.maps.values() for source in places.sources)
    for file, line, column in _FRAME.findall(stack):
        if file in names:
            return file, int(line), int(column) if column else None
    return None, None, None


def _at_parse(stack: str, file: str | None, line: int | None) -> bool:
    """Whether the error is the parser's: then its place is the only frame, and no function is named."""
    frames = [part for part in stack.splitlines() if part.strip()]
    return not frames or (file is not None and frames[0].strip().startswith(f"at {file}:{line}"))


def _place_of(bundle: Bundle, file: str, specifier: str) -> tuple[int | None, int | None]:
    """Where `file` imports `specifier`: the engine does not say, but the specifier stands there in quotes."""
    for module in bundle.modules:
        if module.name.removeprefix("./") == file and module.kind is ModuleKind.JS:
            text = module.content.decode("utf-8", "replace")
            found = re.search(rf"""(?:from|import)\s*\(?\s*(['"]){re.escape(specifier)}\1""", text)
            if found:
                before = text[: found.start(1)]
                return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return None, None
