"""Every setting of Hostel, in one typed place.

Owns the names, types, defaults and one-line meanings of the environment's variables; docs/operations.md shows the same table and a test
compares them. Must not import Django: the supervisor and the gateway read it before there is any.

Each variable may also be given as a file: `HOSTEL_SECRET_KEY_FILE=/run/secrets/key` (for Docker and Kubernetes secrets).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from environs import EnvValidationError, FileAwareEnv, ValidationError

from controlplane import validation
from sandbox.limits import MIB, MOST, Limits
from tenants.definitions import DEFINITIONS, LIMIT_NAMES

ROOT = Path(__file__).resolve().parents[2]


def _setting(env: str, kind: str, default: Any, doc: str, *, shown: str | None = None, private: bool = False) -> Any:
    """A field read from `env` by the environs parser `kind`; `shown` is the default as the documentation words it.

    `private` values (they may hold a password) stay out of the configuration's repr.
    """
    metadata = {"env": env, "kind": kind, "doc": doc, "shown": shown if shown is not None else _shown(default)}
    if callable(default):
        return field(default_factory=default, metadata=metadata, repr=not private)
    return field(default=default, metadata=metadata, repr=not private)


def _shown(default: Any) -> str:
    if default is None or default in ("", ()):
        return "(empty)"
    return str(default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What an operator can set. Times in seconds, sizes in bytes unless the name says otherwise."""

    home: Path = _setting(  # noqa: RUF009 - it is a field()
        "HOSTEL_HOME", "path", lambda: ROOT / "var", "Folder of everything that is kept: database, blobs, keys, sockets.", shown="`var/`"
    )
    host: str = _setting("HOSTEL_HOST", "str", "127.0.0.1", "Address the gateway listens on; also a host name of the control plane.")
    port: int = _setting("HOSTEL_PORT", "int", 8787, "Port the gateway listens on.")
    gateway_workers: int | None = _setting(
        "HOSTEL_GATEWAY_WORKERS", "int", None, "Gateway processes, each with a pool of its own.", shown="one for each core"
    )
    guest_cache: Path | None = _setting(  # noqa: RUF009 - as all of them
        "HOSTEL_GUEST_CACHE", "path", None, "Folder of the built guest, where several homes share one.", shown="`HOSTEL_HOME/guest`"
    )
    frontend_cache: Path | None = _setting(  # noqa: RUF009 - as all of them
        "HOSTEL_FRONTEND_CACHE",
        "path",
        None,
        "Folder of the scripts that pages bring from elsewhere, where several homes share one.",
        shown="`HOSTEL_HOME/frontend`",
    )
    demo: bool = _setting("HOSTEL_DEMO", "bool", True, "Set up the demo tenant and its operator account when starting.")
    base_domain: str = _setting(
        "HOSTEL_BASE_DOMAIN", "str", "localhost", "Workers are served at `{worker}.{tenant}.` and this; the control plane at this itself."
    )
    control_hosts: tuple[str, ...] = _setting(
        "HOSTEL_CONTROL_HOSTS", "list", (), "More host names of the control plane, comma separated, without ports."
    )
    public_scheme: str = _setting("HOSTEL_PUBLIC_SCHEME", "str", "http", "Scheme visitors use, for the addresses shown to tenants.")
    public_port: int | None = _setting(
        "HOSTEL_PUBLIC_PORT", "int", None, "Port visitors use, where a proxy stands before the gateway.", shown="`HOSTEL_PORT`"
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "HOSTEL_TRUSTED_PROXIES", "list", (), "Networks whose `X-Forwarded-For` and `X-Forwarded-Proto` the gateway believes."
    )
    access_log: bool = _setting("HOSTEL_ACCESS_LOG", "bool", False, "One log line for every request the gateway answers.")
    database_url: str = _setting(
        "DATABASE_URL",
        "str",
        "",
        "`postgres://user:password@host:port/name`, or `sqlite:////path`.",
        shown="SQLite in `HOSTEL_HOME`",
        private=True,
    )
    redis_url: str = _setting(
        "REDIS_URL", "str", "", "`redis://…`: shared cache, and news of changed configuration between machines.", private=True
    )
    broker_url: str = _setting(
        "CELERY_BROKER_URL",
        "str",
        "hostel://",
        "What wakes background workers: `hostel://` (the database), `redis://…` or `amqp://…`. Jobs are rows either way.",
        private=True,
    )
    secret_key: str = _setting(
        "HOSTEL_SECRET_KEY",
        "str",
        "",
        "Master keys, comma separated, each of 32 characters or more; the first one seals, every one unseals.",
        shown="`HOSTEL_HOME/secret.key`, made on first use",
        private=True,
    )
    debug: bool = _setting("HOSTEL_DEBUG", "bool", False, "Logs for people instead of JSON lines. Never a stack trace to a visitor.")
    log_level: str = _setting("HOSTEL_LOG_LEVEL", "str", "INFO", "Least level that is logged: DEBUG, INFO, WARNING or ERROR.")
    egress_allow: tuple[str, ...] = _setting(
        "HOSTEL_EGRESS_ALLOW",
        "list",
        (),
        "Address blocks and host names that workers may fetch although they are loopback, private or link-local.",
    )
    upload_wait_seconds: float = _setting("HOSTEL_UPLOAD_WAIT_SECONDS", "float", 30.0, "How long an upload waits for its build.")
    max_upload_bytes: int = _setting("HOSTEL_MAX_UPLOAD_BYTES", "int", 64 * MIB, "Largest upload request, modules and metadata together.")
    api_calls_per_minute: int = _setting(
        "HOSTEL_API_CALLS_PER_MINUTE", "int", 1200, "Calls of the APIs that one token may make in a minute."
    )
    max_workers_per_tenant: int = _setting("HOSTEL_MAX_WORKERS_PER_TENANT", "int", 500, "Workers one tenant may have.")
    max_namespaces_per_tenant: int = _setting("HOSTEL_MAX_NAMESPACES_PER_TENANT", "int", 100, "Dispatch namespaces one tenant may have.")
    max_workers_per_namespace: int = _setting("HOSTEL_MAX_WORKERS_PER_NAMESPACE", "int", 10_000, "Workers one dispatch namespace may hold.")
    max_flags_per_tenant: int = _setting("HOSTEL_MAX_FLAGS_PER_TENANT", "int", 10_000, "Feature flags one tenant may have.")
    max_flag_segments_per_tenant: int = _setting(
        "HOSTEL_MAX_FLAG_SEGMENTS_PER_TENANT", "int", 500, "Segments of feature flags one tenant may have."
    )
    signup: str = _setting(
        "HOSTEL_SIGNUP", "str", "open", "Who may sign up: `open` (everybody), `invited` (whoever follows an invitation), `closed` (nobody)."
    )
    email_url: str = _setting(
        "HOSTEL_EMAIL_URL",
        "str",
        "",
        "How mail leaves: `smtp://user:password@host:587` (with STARTTLS unless `?tls=none`), `smtps://…`, `console://`, `file:///folder`.",
        shown="files in `HOSTEL_HOME/mail`",
        private=True,
    )
    email_from: str = _setting("HOSTEL_EMAIL_FROM", "str", "", "Address that mail comes from.", shown="`hostel@` and `HOSTEL_BASE_DOMAIN`")
    oidc_server_url: str = _setting("HOSTEL_OIDC_SERVER_URL", "str", "", "Single sign-on: issuer of an OpenID Connect provider.")
    oidc_client_id: str = _setting("HOSTEL_OIDC_CLIENT_ID", "str", "", "Single sign-on: what the provider knows Hostel by.")
    oidc_client_secret: str = _setting("HOSTEL_OIDC_CLIENT_SECRET", "str", "", "Single sign-on: Hostel's secret there.", private=True)
    oidc_id: str = _setting("HOSTEL_OIDC_ID", "str", "sso", "Single sign-on: part of its address, `/accounts/oidc/{id}/login/callback/`.")
    oidc_name: str = _setting("HOSTEL_OIDC_NAME", "str", "Single sign-on", "Single sign-on: its name on the log-in page.")
    max_tenants_per_person: int = _setting(
        "HOSTEL_MAX_TENANTS_PER_PERSON", "int", 5, "Tenants one person may own; 0 leaves making tenants to operators."
    )
    max_versions_per_deployment: int = _setting(
        "HOSTEL_MAX_VERSIONS_PER_DEPLOYMENT", "int", 10, "Versions one deployment may split traffic between."
    )
    limits: Mapping[str, int] = _setting(
        "HOSTEL_LIMITS",
        "limits",
        dict,
        "What no tenant can pass, where it differs from the built-in limits: `cpu_ms=500,requests_per_day=1000000`.",
        shown="(built in)",
    )
    job_concurrency: int = _setting("HOSTEL_JOB_CONCURRENCY", "int", 4, "Jobs one background worker runs at once.")
    job_lease_seconds: float = _setting(
        "HOSTEL_JOB_LEASE_SECONDS", "float", 15.0, "A job whose worker has been silent this long is run again."
    )
    job_sweep_seconds: float = _setting("HOSTEL_JOB_SWEEP_SECONDS", "float", 10.0, "How often overdue jobs are looked for.")
    job_keep_days: int = _setting("HOSTEL_JOB_KEEP_DAYS", "int", 7, "Finished jobs are kept this long.")
    jobs_inline: bool = _setting("HOSTEL_JOBS_INLINE", "bool", False, "Run jobs in the process that asks for them (tests, scripts).")
    tenant_grace_days: int = _setting(
        "HOSTEL_TENANT_GRACE_DAYS", "int", 7, "A tenant whose deletion was asked for is stopped at once, and erased after this."
    )
    blob_grace_seconds: float = _setting(
        "HOSTEL_BLOB_GRACE_SECONDS", "float", 86_400.0, "Blobs that nothing refers to are removed when they are older than this."
    )
    log_bytes_per_tenant: int = _setting(
        "HOSTEL_LOG_BYTES_PER_TENANT", "int", 256 * MIB, "Records kept of one tenant's invocations, compressed; the oldest go first."
    )
    metrics_allow: tuple[str, ...] = _setting(
        "HOSTEL_METRICS_ALLOW", "list", (), "Networks that may read `/metrics` without an operator's token."
    )
    tails_per_tenant: int = _setting("HOSTEL_TAILS_PER_TENANT", "int", 10, "Live tails one tenant may have open at once.")
    epoch_poll_seconds: float = _setting(
        "HOSTEL_EPOCH_POLL_SECONDS", "float", 0.5, "How often a gateway looks for configuration changed on another machine."
    )

    webhook_allow: tuple[str, ...] = _setting(
        "HOSTEL_WEBHOOK_ALLOW",
        "list",
        (),
        "Address blocks and host names that webhooks may be sent to although they are loopback, private or link-local.",
    )
    webhook_keep_days: int = _setting("HOSTEL_WEBHOOK_KEEP_DAYS", "int", 30, "What was sent to webhooks is kept this long.")
    stale_seconds: float = _setting(
        "HOSTEL_STALE_SECONDS",
        "float",
        10.0,
        "While the database does not answer, gateways serve what they know; when this has lasted longer, they count and log warnings.",
    )

    @property
    def run(self) -> Path:
        """Sockets and counters of the running processes."""
        return self.home / "run"

    @property
    def spool(self) -> Path:
        """What invocations have left and nobody has counted yet; files of this machine's gateways."""
        return self.home / "spool"

    @property
    def guest_home(self) -> Path:
        """Where the guest is installed."""
        return self.guest_cache or self.home / "guest"

    @property
    def frontend_home(self) -> Path:
        """Where the scripts are installed that pages bring from elsewhere."""
        return self.frontend_cache or self.home / "frontend"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names of the control plane, lower case, without ports."""
        names = (self.base_domain, "localhost", "127.0.0.1", "[::1]", self.host, *self.control_hosts)
        return tuple(dict.fromkeys(name.lower() for name in names if name not in ("0.0.0.0", "::", "")))  # noqa: S104 - left out

    @property
    def platform_limits(self) -> Limits:
        """The sandbox's limits that nobody can pass; every tenant starts from them."""
        return Limits(**{**Limits().as_dict(), **{name: value for name, value in self.limits.items() if name in LIMIT_NAMES}})

    @property
    def platform_values(self) -> dict[str, int | None]:
        """Every limit and quota that nobody can pass, by name; None is no limit."""
        counts = {
            "workers": self.max_workers_per_tenant,
            "workers_per_namespace": self.max_workers_per_namespace,
            "namespaces": self.max_namespaces_per_tenant,
            "flags": self.max_flags_per_tenant,
            "flag_segments": self.max_flag_segments_per_tenant,
        }
        built_in = {**Limits().as_dict(), **counts}
        return {name: self.limits.get(name, built_in.get(name)) for name in DEFINITIONS}

    @property
    def database(self) -> str:
        """The database's address, the default filled in."""
        return self.database_url or f"sqlite:///{quote(str((self.home / 'db.sqlite3').absolute()))}"

    def origin(self, host: str) -> str:
        """`scheme://host[:port]` under which visitors reach `host`; the port is left out where the scheme implies it."""
        implied = {"http": 80, "https": 443}.get(self.public_scheme)
        port = self.public_port or self.port
        return f"{self.public_scheme}://{host}" + ("" if implied == port else f":{port}")


def settings_fields() -> list[Field[Any]]:
    """The fields that are read from the environment, in order."""
    return [item for item in fields(Config) if "env" in item.metadata]


def load() -> Config:
    """Read the environment; raise `validation.SettingsInvalid` that names every bad variable at once, and why."""
    env = FileAwareEnv(eager=False)
    env.add_parser("limits", _limits)
    values: dict[str, Any] = {}
    names = {item.name: str(item.metadata["env"]) for item in settings_fields()}
    for item in settings_fields():
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        parse: Callable[..., Any] = getattr(env, item.metadata["kind"])
        try:
            value = parse(names[item.name], default=default)
        except (OSError, UnicodeDecodeError, ValueError) as error:
            # The file that a `…_FILE` variable names.
            raise validation.SettingsInvalid.naming({f"{names[item.name]}_FILE": [_sentence(str(error))]}) from None
        values[item.name] = tuple(map(str.strip, value)) if item.metadata["kind"] == "list" and value is not None else value
    unread: dict[str, list[str]] = {}
    try:
        env.seal()
    except EnvValidationError as error:
        unread = {name: [_sentence(said) for said in messages] for name, messages in _messages(error).items()}
    # What could not be read stands as its default, so that everything else is still checked.
    read = {field: name for field, name in names.items() if name not in unread}
    for item in settings_fields():
        if item.name not in read:
            values[item.name] = item.default_factory() if item.default_factory is not MISSING else item.default
    for name in ("home", "guest_cache", "frontend_cache"):
        values[name] = values[name] and values[name].absolute()
    config = Config(**values)
    wrong = {**unread, **validation.problems(config, read)}
    if wrong:
        raise validation.SettingsInvalid.naming({name: wrong[name] for name in names.values() if name in wrong})
    return config


def warnings(config: Config) -> list[str]:
    """What is allowed and probably a mistake, unknown `HOSTEL_…` variables included, one sentence each."""
    known = [str(item.metadata["env"]) for item in settings_fields()]
    return validation.warnings(config, known=known, environ=os.environ)


def settings_table() -> str:
    """The settings as the Markdown table that docs/operations.md holds."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for item in settings_fields():
        cells = (f"`{item.metadata['env']}`", item.metadata["shown"], item.metadata["doc"])
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _limits(value: Any) -> dict[str, int]:
    """`name=number` pairs, comma separated, each of `tenants.definitions`; raises `ValidationError` naming the bad one."""
    if isinstance(value, dict):
        return value
    parsed: dict[str, int] = {}
    for pair in filter(None, (part.strip() for part in str(value).split(","))):
        name, _, number = pair.partition("=")
        digits = number.isascii() and number.isdecimal() and len(number) <= len(str(MOST))
        if name not in DEFINITIONS or not digits or not 1 <= int(number) <= DEFINITIONS[name].most:
            raise ValidationError(f"{pair!r} is no limit: it must be name=positive number, with a name of {', '.join(DEFINITIONS)}")
        parsed[name] = int(number)
    return parsed


def _messages(error: EnvValidationError) -> dict[str, list[str]]:
    """What environs found, by variable."""
    found = error.error_messages
    return dict(found) if isinstance(found, Mapping) else {}


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
