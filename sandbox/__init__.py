"""Hostel's sandbox: guest code in WebAssembly, inside limits.

A library of its own: no Django, no database, no tenant's row. It knows a key, a bundle of code, limits and what the code may reach.
This module is its whole public surface; names are imported when they are first used, so that a program which only wants `Limits` does not
load the engine.

    async with Sandbox() as box:
        worker = await box.load("hello", Bundle.js("export default { fetch: () => new Response('hi') }"))
        print(await (await worker.fetch("http://example.com/")).text())
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.bindings.egress import EgressPolicy
    from sandbox.bundle import Bundle, Module, ModuleKind
    from sandbox.errors import BundleInvalid, HostelError, InvocationError, Overloaded, StartupFailed
    from sandbox.http import Request, Response
    from sandbox.limits import Limits
    from sandbox.outcome import Outcome
    from sandbox.pool.pool import PoolConfig
    from sandbox.sandbox import Built, Sandbox, SandboxConfig, Worker
    from sandbox.worker.record import InvocationRecord, LogLine, Thrown
    from sandbox.worker.target import Program, Target, WorkerKey

_HOME = {
    "EgressPolicy": "bindings.egress",
    "Bundle": "bundle",
    "Module": "bundle",
    "ModuleKind": "bundle",
    "BundleInvalid": "errors",
    "HostelError": "errors",
    "InvocationError": "errors",
    "Overloaded": "errors",
    "StartupFailed": "errors",
    "Request": "http",
    "Response": "http",
    "Limits": "limits",
    "Outcome": "outcome",
    "PoolConfig": "pool.pool",
    "Built": "sandbox",
    "Sandbox": "sandbox",
    "SandboxConfig": "sandbox",
    "Worker": "sandbox",
    "InvocationRecord": "worker.record",
    "LogLine": "worker.record",
    "Thrown": "worker.record",
    "Program": "worker.target",
    "Target": "worker.target",
    "WorkerKey": "worker.target",
}

__all__ = [
    "Built",
    "Bundle",
    "BundleInvalid",
    "EgressPolicy",
    "HostelError",
    "InvocationError",
    "InvocationRecord",
    "Limits",
    "LogLine",
    "Module",
    "ModuleKind",
    "Outcome",
    "Overloaded",
    "PoolConfig",
    "Program",
    "Request",
    "Response",
    "Sandbox",
    "SandboxConfig",
    "StartupFailed",
    "Target",
    "Thrown",
    "Worker",
    "WorkerKey",
]


def __getattr__(name: str) -> Any:
    """Import a public name's module when it is first asked for (PEP 562)."""
    try:
        module = import_module(f"sandbox.{_HOME[name]}")
    except KeyError:
        raise AttributeError(f"module 'sandbox' has no attribute {name!r}") from None
    value = globals()[name] = getattr(module, name)
    return value
