"""How a guest's fetch() fails.

Owns the errors of outbound requests: their names and messages are what JavaScript sees, so none may tell more about the host's own
network than that the policy refused. Must not raise anything itself.

    HostelError
    ├── EgressRuleInvalid           the operator's setting
    └── FetchFailed
        ├── FetchInvalid            the request cannot be made at all
        ├── EgressRefused           the policy says no
        ├── RedirectFailed
        ├── LoopDetected
        ├── HostUnresolved
        ├── FetchTimedOut
        ├── NetworkLost
        ├── TlsFailed
        └── UpstreamInvalid         the answer is no HTTP response, or breaks a limit
"""

from __future__ import annotations

from typing import ClassVar, Literal

from sandbox.errors import HostelError


class EgressRuleInvalid(HostelError):
    """An entry of the egress allow-list cannot be read."""

    code = "egress_rule_invalid"


class FetchFailed(HostelError):
    """The request could not be made."""

    code = "fetch_failed"
    status = 502
    fault = "tenant"
    # The constructor of the JavaScript exception. The Fetch standard knows only TypeError; workerd throws a plain Error for what
    # happens on the wire, and code that retries tells the two apart.
    name: ClassVar[Literal["Error", "TypeError"]] = "Error"


class FetchInvalid(FetchFailed):
    """The URL cannot be fetched."""

    code = "fetch_invalid"
    status = 400
    name = "TypeError"


class EgressRefused(FetchFailed):
    """The request is not allowed by this platform's egress policy."""

    code = "egress_refused"
    status = 403
    name = "TypeError"


class RedirectFailed(FetchFailed):
    """The redirect could not be followed."""

    code = "fetch_redirect_failed"
    name = "TypeError"


class LoopDetected(FetchFailed):
    """The request has passed through this platform too many times."""

    code = "fetch_loop_detected"
    status = 508


class HostUnresolved(FetchFailed):
    """The host could not be resolved."""

    code = "fetch_host_unresolved"


class FetchTimedOut(FetchFailed):
    """The host did not accept a connection in time."""

    code = "fetch_timed_out"
    status = 504


class NetworkLost(FetchFailed):
    """Network connection lost."""

    code = "fetch_network_lost"


class TlsFailed(FetchFailed):
    """A secure connection could not be made."""

    code = "fetch_tls_failed"


class UpstreamInvalid(FetchFailed):
    """The response is not valid HTTP, or larger than this platform allows."""

    code = "fetch_response_invalid"
