"""The error tree of the whole project, and the sandbox's own leaves.

Owns the root that every package's errors descend from, so that one handler can turn any of them into one
answer. Must not know how an answer is rendered (JSON, envelope or page: that is the platform's).

    HostelError                         code, status, fault, message, detail
    ├── BundleInvalid                   the upload itself is wrong, nothing was run
    ├── StartupFailed                   the top level was run, or could not be
    │   ├── SyntaxFailed
    │   ├── ModuleMissing
    │   ├── TopLevelThrew
    │   ├── TopLevelUnsettled
    │   ├── NoHandlers
    │   ├── TransformExceeded
    │   ├── StartupCpuExceeded
    │   └── StartupMemoryExceeded
    ├── InvocationError                 a request was started and could not be answered by the worker
    │   ├── WorkerThrew
    │   ├── WorkerHung
    │   ├── CpuExceeded
    │   ├── MemoryExceeded
    │   ├── WallTimeExceeded
    │   ├── StackExhausted
    │   ├── ResponseInvalid
    │   ├── IsolateLost
    │   ├── VisitorLeft
    │   └── HandlerMissing
    ├── Overloaded                      refused before it was started
    │   ├── ConcurrencyExceeded
    │   └── QueueFull
    └── GuestFault                      the sandbox broke its own promise
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from sandbox.outcome import Outcome

Fault = Literal["visitor", "tenant", "platform"]


class HostelError(Exception):
    """Something went wrong inside Hostel."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    fault: ClassVar[Fault] = "platform"

    def __init__(self, message: str = "", **detail: Any) -> None:
        """Keep `message` (the class docstring's first line if empty) and `detail` (JSON-able facts: field, limit, line)."""
        self.message: str = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.detail: Mapping[str, Any] = {k: v for k, v in detail.items() if v is not None}
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """The one machine-readable shape: `code`, `status`, `fault`, `message` and the detail beside them."""
        return {"code": self.code, "status": self.status, "fault": self.fault, "message": self.message, **self.detail}


class BundleInvalid(HostelError):
    """The worker's modules or settings are not valid."""

    code = "bundle_invalid"
    status = 400
    fault = "tenant"


class StartupFailed(HostelError):
    """The worker could not be started. `file`, `line` and `column` (1-based) say where, when it is known."""

    code = "startup_failed"
    status = 400
    fault = "tenant"

    def __init__(
        self,
        message: str = "",
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        stack: str | None = None,
        **detail: Any,
    ) -> None:
        """Keep the place of the fault beside the message."""
        super().__init__(message, file=file, line=line, column=column, stack=stack, **detail)
        self.file, self.line, self.column, self.stack = file, line, column, stack


class SyntaxFailed(StartupFailed):
    """A module has a syntax error."""

    code = "script_syntax_error"


class ModuleMissing(StartupFailed):
    """An import does not resolve to a module of the worker."""

    code = "module_not_found"


class TopLevelThrew(StartupFailed):
    """The top level of a module threw an exception."""

    code = "script_top_level_threw"


class TopLevelUnsettled(StartupFailed):
    """A top-level await never settles."""

    code = "script_top_level_unsettled"


class NoHandlers(StartupFailed):
    """The main module exports no handler."""

    code = "script_no_handlers"


class TransformExceeded(StartupFailed):
    """A TypeScript module is too large or too deeply nested to be made JavaScript of."""

    code = "script_transform_exceeded"


class StartupCpuExceeded(StartupFailed):
    """The top level used more CPU time than start-up may use."""

    code = "startup_cpu_exceeded"


class StartupMemoryExceeded(StartupFailed):
    """The top level used more memory than a worker may use."""

    code = "startup_memory_exceeded"


class InvocationError(HostelError):
    """The worker could not answer the request."""

    code = "worker_failed"
    status = 500
    fault: ClassVar[Fault] = "tenant"
    outcome: ClassVar[Outcome] = Outcome.EXCEPTION


class WorkerThrew(InvocationError):
    """The worker threw an exception."""

    code = "worker_exception"


class WorkerHung(InvocationError):
    """The script will never generate a response."""

    code = "worker_hung"


class CpuExceeded(InvocationError):
    """The worker used more CPU time than it may use for a request."""

    code = "worker_exceeded_cpu"
    status = 503
    outcome = Outcome.EXCEEDED_CPU


class MemoryExceeded(InvocationError):
    """The worker used more memory than it may use."""

    code = "worker_exceeded_memory"
    status = 503
    outcome = Outcome.EXCEEDED_MEMORY


class WallTimeExceeded(InvocationError):
    """The worker took longer than a request may take."""

    code = "worker_exceeded_wall_time"
    status = 504
    outcome = Outcome.EXCEEDED_WALL_TIME


class StackExhausted(InvocationError):
    """The worker exhausted its call stack."""

    code = "worker_stack_exhausted"


class ResponseInvalid(InvocationError):
    """The worker's response is not a valid HTTP response."""

    code = "worker_response_invalid"


class IsolateLost(InvocationError):
    """The instance that served this request was lost to another request of the same worker."""

    code = "worker_isolate_lost"
    status = 503
    outcome = Outcome.ABORTED


class VisitorLeft(InvocationError):
    """The visitor closed the connection before the worker answered."""

    code = "visitor_left"
    status = 499
    fault = "visitor"
    outcome = Outcome.CANCELED


class HandlerMissing(InvocationError):
    """The worker has no handler for this kind of event."""

    code = "worker_handler_missing"


class Overloaded(HostelError):
    """The platform has no room for the request now."""

    code = "overloaded"
    status = 503


class ConcurrencyExceeded(Overloaded):
    """The tenant has as many requests under way as it may have."""

    code = "tenant_concurrency_exceeded"
    status = 429
    fault = "tenant"


class QueueFull(Overloaded):
    """Too many requests are waiting for this worker."""

    code = "worker_queue_full"


class GuestFault(HostelError):
    """The sandbox's guest broke the turn protocol."""

    code = "guest_fault"
