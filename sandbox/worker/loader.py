"""The Worker Loader: workers made by workers.

Owns the way from a loader call to a dynamic worker's answer: its key, its code when nobody has it, its limits. A key belongs to
one tenant's worker and binding, so two tenants using the same key never meet. Semantics: docs/protocol.md, "Targets", after workerd's
worker-loader.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from sandbox import compatibility
from sandbox.bundle import Bundle, Module, ModuleKind
from sandbox.errors import HostelError, InvocationError, StartupFailed
from sandbox.http import Request, Response
from sandbox.protocol.effects import Fields
from sandbox.worker.calls import Answer, Call, CallRefused, of_child
from sandbox.worker.target import Program, Target, WorkerKey

Dispatch = Callable[[Target, Request], Awaitable[Response]]

_LIMIT_NAMES: Final = {"cpuMs": "cpu_ms", "subRequests": "subrequests"}


class Loader:
    """Reaches dynamic workers through the same dispatch as any other."""

    def __init__(self, dispatch: Dispatch) -> None:
        """`dispatch` is the sandbox's own."""
        self._dispatch = dispatch

    async def reach(self, call: Call, spec: dict[str, Any], request: Request) -> Answer:
        """The dynamic worker's answer to `request`. Errors of the factory and of the code are this call's."""
        parent = call.invocation.target
        if spec.get("kind") == "self":
            return await self._own(call, spec, request)
        binding, key = str(spec.get("binding", "")), spec.get("key")
        isolate = call.invocation.isolate
        # load() has no key: its worker belongs to this stub in this isolate alone.
        version = f"~{id(isolate):x}.{isolate.since:.6f}.{spec.get('stub')}" if key is None else str(key)
        target = replace(
            parent,
            key=WorkerKey(parent.key.tenant, f"{parent.key.worker}~{binding}", version),
            source=lambda: _program(call),
            entrypoint=str(spec.get("entrypoint") or ""),
            meta={"props": spec.get("props")},
            meta_json=b"",
            services={},
            dispatchers={},
            capabilities={},
            depth=parent.depth + 1,
            mode="reuse",
            limits=parent.limits.lowered_by(_limits(spec.get("limits"))),
        )
        try:
            response = await self._dispatch(target, request)
        except StartupFailed as failed:
            raise CallRefused(_as_script_error(failed)) from failed
        except InvocationError:
            raise
        except HostelError as error:
            raise CallRefused(of_child(error)) from error
        headers = [
            *response.headers,
            (b"worker-loader-start", response.start.encode()),
            (b"worker-loader-key", _header_safe(response.key)),
        ]
        return Answer(response.status, response.reason, request.url, headers, response.body)

    async def _own(self, call: Call, spec: dict[str, Any], request: Request) -> Answer:
        """An entrypoint of the same worker (`ctx.exports`)."""
        parent = call.invocation.target
        target = replace(
            parent,
            entrypoint=str(spec.get("entrypoint") or ""),
            meta={**parent.meta, "props": spec.get("props")},
            meta_json=b"",
            depth=parent.depth + 1,
        )
        try:
            response = await self._dispatch(target, request)
        except InvocationError:
            raise
        except HostelError as error:
            raise CallRefused(of_child(error)) from error
        return Answer(response.status, response.reason, request.url, response.headers, response.body)


async def _program(call: Call) -> Program:
    frame = await call.ask_code()
    fields = Fields(frame.payload)
    text = fields.text()
    if frame.flags & 1:
        raise CallRefused(text)
    described = json.loads(text)
    env = fields.bytes()
    modules = tuple(Module(fields.text(), ModuleKind(min(fields.number(), 4)), fields.bytes()) for _ in range(fields.number()))
    bundle = Bundle(
        main=str(described["mainModule"]),
        modules=modules,
        compatibility_date=str(described["compatibilityDate"]),
        compatibility_flags=tuple(map(str, described.get("compatibilityFlags") or ())),
        env_serialized=env,
        outbound=bool(described.get("outbound", True)),
        transforms=False,
    )
    compatibility.check(bundle.compatibility_flags)
    return Program(bundle, limits=_limits(described.get("limits")))


def _limits(given: Any) -> dict[str, int]:
    if not isinstance(given, dict):
        return {}
    return {_LIMIT_NAMES[name]: value for name, value in given.items() if name in _LIMIT_NAMES and isinstance(value, int) and value > 0}


def _as_script_error(failed: StartupFailed) -> str:
    place = ":".join(str(part) for part in (failed.file, failed.line, failed.column) if part is not None)
    return f"{failed.message}\n    at {place}" if place else failed.message


def _header_safe(text: str) -> bytes:
    return text.encode("ascii", "replace").translate(None, bytes(range(32)) + b"\x7f")
