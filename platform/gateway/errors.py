"""What the gateway itself answers when no worker can.

    HostelError
    ├── RequestRejected                  the request cannot be routed, whatever is deployed
    │   ├── HostMissing · HostInvalid · HostUnknown
    │   └── MethodRefused · BodyTooLarge · BodyTimedOut · RequestLooped · UpgradeRefused
    ├── WorkerNotDeployed               the tenant's: the worker is there, and nothing of it is live
    ├── RequestsExceeded                the tenant's: its quota is used up
    └── GatewayFailed                   the platform's own
        └── RoutesUnavailable · GatewayDraining · ControlPlaneDown · ControlPlaneFailed

Owns the leaves only: the first line of a docstring is what a visitor reads, `ADVICE` what can be done about it.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.errors import HostelError
from sandbox.http import Headers


class RequestRejected(HostelError):
    """The request cannot be answered."""

    code = "request_rejected"
    status = 400
    fault = "visitor"


class HostMissing(RequestRejected):
    """The request names no host, or more than one."""

    code = "host_missing"


class HostInvalid(RequestRejected):
    """The request's host name is not valid."""

    code = "host_invalid"


class HostUnknown(RequestRejected):
    """Nothing is deployed at this address."""

    code = "host_unknown"
    status = 404


class MethodRefused(RequestRejected):
    """This method is not served here."""

    code = "method_refused"
    status = 405


class BodyTooLarge(RequestRejected):
    """The request's body is larger than this worker accepts."""

    code = "request_body_too_large"
    status = 413


class BodyTimedOut(RequestRejected):
    """The request's body did not arrive in time."""

    code = "request_body_timed_out"
    status = 408


class RequestLooped(RequestRejected):
    """The request has passed through this platform too many times."""

    code = "request_looped"
    status = 508


class UpgradeRefused(RequestRejected):
    """WebSocket connections are not served here."""

    code = "upgrade_refused"
    status = 501


class RequestsExceeded(HostelError):
    """This site has had as many visitors as it may have for now."""

    code = "tenant_requests_exceeded"
    status = 429
    fault = "tenant"

    def __init__(self, message: str = "", *, headers: Headers | None = None, **detail: Any) -> None:
        """`retry_after` in seconds is what the visitor is told, beside `headers`."""
        super().__init__(message, **detail)
        self.headers: Headers = headers or []


class WorkerNotDeployed(HostelError):
    """This worker has no deployment yet."""

    code = "worker_not_deployed"
    status = 404
    fault = "tenant"


class GatewayFailed(HostelError):
    """The gateway could not pass the request on."""

    code = "gateway_failed"
    status = 502


class RoutesUnavailable(GatewayFailed):
    """It is not known at the moment what is deployed at this address."""

    code = "routes_unavailable"
    status = 503


class GatewayDraining(GatewayFailed):
    """This server is being taken out of service; another one answers."""

    code = "gateway_draining"
    status = 503


class ControlPlaneDown(GatewayFailed):
    """The control plane is not running, or is just starting."""

    code = "control_plane_down"
    status = 503


class ControlPlaneFailed(GatewayFailed):
    """The control plane broke off the connection."""

    code = "control_plane_failed"


# What a page says below the message, by whose fault it is.
ADVICE: Final = {
    "visitor": "Check the address and the request, then try again.",
    "tenant": "The site's owner can find out more with the request id below.",
    "platform": "This is not your fault. Try again in a moment; if it lasts, tell the platform's operator the request id below.",
}
