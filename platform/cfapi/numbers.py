"""Cloudflare's numbers for Hostel's errors.

Owns the mapping, which is part of the interface: wrangler branches on `errors[0].code`. Must not decide what went wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sandbox.errors import BundleInvalid, HostelError, StartupFailed

# Numbers of Cloudflare's own, by Hostel's code. Sources: the recorded traffic of the real clients (10000, 10007, 10021, 10090),
# "Errors on Worker upload" in Cloudflare's Workers documentation (10006 to 10069), the constants of wrangler (10007, 10090, 10215),
# error messages users have published (7003, 10143, 10405), the API's documentation of rate limits (1015).
NUMBERS: Mapping[str, int] = {
    "credentials_missing": 10000,
    "token_invalid": 10000,
    "token_scope_missing": 10000,
    "account_forbidden": 10000,
    "tenant_suspended": 10015,
    "quota_exceeded": 10037,
    "route_not_found": 7003,
    "page_not_found": 7003,
    "method_not_allowed": 10405,
    "throttled": 1015,
    "worker_not_found": 10007,
    "worker_name_invalid": 10016,
    "namespace_name_invalid": 10016,
    "script_no_handlers": 10068,
    "upload_too_large": 10027,
    "request_invalid": 10026,
    "body_invalid": 10026,
    "body_too_large": 10026,
    "upload_invalid": 10026,
    "upload_type_invalid": 10026,
    "upload_boundary_missing": 10026,
    "upload_truncated": 10026,
    "upload_malformed": 10026,
    "upload_parts_exceeded": 10026,
    "upload_part_header_too_large": 10026,
    "metadata_missing": 10026,
    "metadata_too_large": 10026,
    "metadata_invalid": 10026,
    "secret_not_found": 10056,
    "inherit_unresolved": 10057,
    "binding_target_missing": 10143,
    "latest_not_deployed": 10215,
    "internal_error": 10013,
}
# Of a worker that is not in its dispatch namespace (workers-sdk, constants of wrangler).
DISPATCH_SCRIPT_NOT_FOUND = 10092
# "Validation Error": all that is wrong with the worker itself.
VALIDATION = 10021
# What has no public number of Cloudflare's gets one of Hostel's: 98000 and the HTTP status.
OWN_NUMBERS = 98_000


def number(error: HostelError) -> int:
    """The numeric code of an error."""
    if error.code in NUMBERS:
        return NUMBERS[error.code]
    of_worker = error.code.startswith(("module_", "binding_")) or error.code.endswith("_unsupported")
    if of_worker or isinstance(error, StartupFailed | BundleInvalid):
        return VALIDATION
    return OWN_NUMBERS + error.status


def numbers_table(errors: Iterable[type[HostelError]]) -> str:
    """Code, HTTP status and number of those `errors` that an API can answer with, as a Markdown table.

    Left out are errors of running workers and of the gateway: visitors meet them, callers of an API do not.
    """
    answered = [
        error
        for error in errors
        if error.__module__.partition(".")[0] in {"cfapi", "controlplane", "tenants"}
        or error is HostelError
        or issubclass(error, BundleInvalid | StartupFailed)
    ]
    rows = (f"| `{error.code}` | {error.status} | {number(error('x'))} |" for error in answered)
    return "\n".join(["| code | status | number |", "|---|---|---|", *dict.fromkeys(rows)]) + "\n"
