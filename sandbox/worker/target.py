"""What a request is sent to: which version, under which limits, with which capabilities.

Owns the description only. Must not look anything up.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from sandbox.bundle import Bundle
from sandbox.limits import Limits
from sandbox.worker.record import HostCall, InvocationRecord

if TYPE_CHECKING:
    from sandbox.http import Request, Response
    from sandbox.worker.calls import Calls
    from sandbox.worker.capabilities import Capability


# The meta of nearly every dynamic worker, written once.
_NO_PROPS: Final = b'{"props":null}'


@dataclass(frozen=True, slots=True)
class WorkerKey:
    """The pool's key: immutable content, so a cached instance is never stale."""

    tenant: str
    worker: str
    version: str
    variant: str = ""
    # `tenant-version`, with the worker's name between and the variant behind where there is one.
    text: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Write the text once: every request reads it."""
        text = "-".join(part for part in (self.tenant, self.worker, self.version, self.variant) if part)
        object.__setattr__(self, "text", text)


@dataclass(frozen=True, slots=True)
class Program:
    """A version's code, and its image if one was made; an image of another build of the guest is not used."""

    bundle: Bundle
    image: bytes | None = None
    # Limits the code itself asks for (the Worker Loader's `limits`); they only lower the target's.
    limits: Mapping[str, int] = field(default_factory=dict)


Service = Callable[["Request"], Awaitable["Response"]]


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Which worker of a dispatch namespace a guest asks for, and under what: everything in it comes from the guest."""

    worker: str
    # The worker's `ctx.props`; any JSON value.
    props: Any = None
    # `cpu_ms` (at least 1) and `subrequests` (at least 0); they only lower the worker's own.
    limits: Mapping[str, int] = field(default_factory=dict)
    # For the outbound worker's `env`, by name.
    parameters: Mapping[str, Any] = field(default_factory=dict)


Dispatcher = Callable[[Dispatched, "Request"], Awaitable["Response"]]


@dataclass(slots=True)
class Target:
    """Where a request goes. Reusable for any number of requests to the same version."""

    key: WorkerKey
    # Asked when the pool holds nothing of the key.
    source: Callable[[], Awaitable[Program]]
    limits: Limits = field(default_factory=Limits)
    # `fresh`: an instance serves one request. `reuse`: like an isolate of Workers.
    mode: Literal["reuse", "fresh"] = "reuse"
    # Named exports are chosen by name; "" is the default export.
    entrypoint: str = ""
    # Request meta (docs/protocol.md).
    meta: Mapping[str, Any] = field(default_factory=dict)
    # Other workers this one may call, by binding name.
    services: Mapping[str, Service] = field(default_factory=dict)
    # Namespaces this one may dispatch into, by binding name.
    dispatchers: Mapping[str, Dispatcher] = field(default_factory=dict)
    # What else this one may ask the host, by binding name.
    capabilities: Mapping[str, Capability] = field(default_factory=dict)
    # What every fetch() is sent to instead of the internet, if anything.
    outbound_worker: Service | None = None
    # Whether fetch() may leave at all.
    outbound: bool = True
    # Share of the slow lane.
    weight: int = 1
    # Requests this one has already passed through (service and loader calls), against endless recursion.
    depth: int = 0
    on_finish: Callable[[InvocationRecord], None] | None = None
    # Hears of each call of the outside, when its answer's head has come or it has failed. Costs nothing where nobody listens.
    on_call: Callable[[HostCall], None] | None = None
    meta_json: bytes = b""
    calls: Calls = field(default=None, repr=False)  # type: ignore[assignment]  # set by the sandbox that dispatches

    def __post_init__(self) -> None:
        """Encode the meta once."""
        if not self.meta_json:
            self.meta_json = _NO_PROPS if self.meta == {"props": None} else json.dumps(dict(self.meta), separators=(",", ":")).encode()
