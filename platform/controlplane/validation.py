"""Whether the settings make sense: each by itself, and all together.

Owns the rules that a type cannot say, the refusal that names every bad variable at once, and the warnings about what is allowed but is
probably a mistake. Must not read the environment's values (controlplane.config does) nor import Django.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from sandbox.errors import HostelError

if TYPE_CHECKING:
    from controlplane.config import Config

PREFIX = "HOSTEL_"
# Read by others than `config`: by `scripts/python`, and by the test suite.
_READ_ELSEWHERE = re.compile(r"HOSTEL_PYTHON|HOSTEL_TEST_\w+")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*", re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9a-f:.\[\]]+", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9-]{1,40}")
KEY_CHARACTERS = 32
PORTS = 65_535
# A lease is renewed three times before it ends, and a busy machine may be late by some tenths of a second.
LEASE_SECONDS = 1
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsInvalid(HostelError):
    """Settings that cannot be used; `problems` has each variable with what is wrong with it."""

    code = "settings_invalid"

    @classmethod
    def naming(cls, problems: Mapping[str, Sequence[str]]) -> Self:
        """The error that names every variable of `problems`."""
        lines = [f"  {name}: {' '.join(said)}" for name, said in problems.items()]
        return cls("\n".join(["These settings are not valid:", *lines]), problems={name: list(said) for name, said in problems.items()})


def problems(config: Config, names: Mapping[str, str]) -> dict[str, list[str]]:
    """Variable -> what is wrong, for all of them. `names` maps the fields that could be read at all to their variables."""
    found: dict[str, list[str]] = {}
    for field, variable in names.items():
        if said := _field(field, getattr(config, field)):
            found.setdefault(variable, []).append(said)
    for fields, said in _together(config):
        # What contradicts a value that is wrong by itself is heard when that one is right.
        if all(field in names and names[field] not in found for field in fields):
            found.setdefault(names[fields[0]], []).append(said)
    return found


def warnings(config: Config, *, known: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """What is allowed and probably not meant, one sentence each: unknown variables first."""
    every = [*known, *(f"{name}_FILE" for name in known)]
    found = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in every and not _READ_ELSEWHERE.fullmatch(name):
            near = difflib.get_close_matches(name, every, 1)
            found.append(f"{name} is no setting of Hostel." + (f" Did you mean {near[0]}?" if near else ""))
    return [*found, *_doubtful(config)]


def _doubtful(config: Config) -> Iterator[str]:
    public = config.base_domain != "localhost" and not config.base_domain.endswith((".localhost", ".test", ".example"))
    if config.public_scheme == "https" and not config.trusted_proxies:
        yield (
            "HOSTEL_PUBLIC_SCHEME is https, so a proxy stands before the gateway, but HOSTEL_TRUSTED_PROXIES names none: "
            "every visitor will seem to come from the proxy."
        )
    if public and config.public_scheme == "http":
        yield f"Workers and the control plane are at {config.base_domain} without TLS: passwords and tokens can be read on their way."
    if public and config.demo:
        yield "HOSTEL_DEMO is on although HOSTEL_BASE_DOMAIN is a public name: the demo tenant and its operator will exist there."
    if config.database_url.startswith("postgres") and not config.secret_key:
        yield (
            "DATABASE_URL names PostgreSQL but HOSTEL_SECRET_KEY is not set: a second machine would make a key of its own "
            "and could not read this one's secrets."
        )


def _field(name: str, value: Any) -> str | None:
    """What is wrong with one value by itself."""
    rule = _RULES.get(name)
    if rule is not None:
        return rule(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0:
        return f"{value} must be more than 0."
    return None


def _together(config: Config) -> Iterator[tuple[tuple[str, ...], str]]:
    """What contradicts what: the fields, the one to change first, and why."""
    implied = {"http": 80, "https": 443}
    other = {80: "http", 443: "https"}.get(config.public_port or config.port)
    if other and other != config.public_scheme and config.public_scheme in implied:
        field = "public_port" if config.public_port else "port"
        port = config.public_port or config.port
        yield (
            ("public_scheme", field),
            f"{config.public_scheme} contradicts port {port}, which is {other}'s: set HOSTEL_PUBLIC_PORT to the port visitors use.",
        )
    for field in ("oidc_client_id", "oidc_client_secret"):
        if config.oidc_server_url and not getattr(config, field):
            yield (field, "oidc_server_url"), "is needed for the single sign-on that HOSTEL_OIDC_SERVER_URL names."
    if config.job_sweep_seconds > config.job_lease_seconds * 20:
        yield ("job_sweep_seconds", "job_lease_seconds"), "must be at most 20 leases: jobs of a dead worker would wait that long."


def _port(value: int | None) -> str | None:
    return None if value is None or 1 <= value <= PORTS else f"{value} must be a port, 1 to {PORTS}."


def _one_of(*choices: str) -> Callable[[str], str | None]:
    return lambda value: None if value in choices else f"{value[:40]!r} must be one of {', '.join(choices)}."


def _address(*schemes: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            # The value may hold a password: it is not repeated.
            return "is no address that can be read (is a `/` or `@` of the password percent-encoded?)."
        if value and parts.scheme not in schemes:
            return f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}."
        return None

    return check


def _hosts(value: Sequence[str]) -> str | None:
    bad = [name for name in value if not _HOST.fullmatch(name) and not _ADDRESS.fullmatch(name)]
    return f"{bad[0][:80]!r} is no host name (no scheme, no port)." if bad else None


def _networks(value: Sequence[str]) -> str | None:
    for network in value:
        try:
            ip_network(network, strict=False)
        except ValueError:
            return f"{network[:80]!r} is no network such as 10.0.0.0/8."
    return None


def _secret_key(value: str) -> str | None:
    keys = [key.strip() for key in value.split(",") if key.strip()]
    return f"each key must have {KEY_CHARACTERS} characters or more." if any(len(key) < KEY_CHARACTERS for key in keys) else None


def _base_domain(value: str) -> str | None:
    return (
        None if _HOST.fullmatch(value) and value == value.lower() else f"{value[:80]!r} must be a host name in lower case, without a port."
    )


def _oidc_id(value: str) -> str | None:
    return None if _LABEL.fullmatch(value) else f"{value[:40]!r} must be 1 to 40 lower-case letters, digits and hyphens."


def _lease(value: float) -> str | None:
    return None if value >= LEASE_SECONDS else f"{value:g} must be {LEASE_SECONDS} or more."


def _not_negative(value: float) -> str | None:
    return None if value >= 0 else f"{value:g} must be 0 or more."


# Field -> what is wrong with a value of its type, if anything. Numbers without a rule must be more than 0.
_RULES: Mapping[str, Callable[[Any], str | None]] = {
    "port": _port,
    "public_port": _port,
    "base_domain": _base_domain,
    "control_hosts": _hosts,
    "public_scheme": _one_of("http", "https"),
    "trusted_proxies": _networks,
    "metrics_allow": _networks,
    "database_url": _address("postgres", "postgresql", "sqlite"),
    "redis_url": _address("redis", "rediss", "unix"),
    "broker_url": _address("hostel", "redis", "rediss", "amqp", "amqps"),
    "secret_key": _secret_key,
    "log_level": _one_of(*LEVELS),
    "signup": _one_of("open", "invited", "closed"),
    "email_url": _address("smtp", "smtps", "console", "file"),
    "oidc_server_url": _address("https", "http"),
    "oidc_id": _oidc_id,
    "max_tenants_per_person": _not_negative,
    "job_lease_seconds": _lease,
    "blob_grace_seconds": _not_negative,
}
