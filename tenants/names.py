"""What names may look like.

Owns the patterns of tenants, workers and host names, as far as no database is needed to tell.
"""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from tenants.errors import FieldInvalid, HostnameInvalid, NamespaceNameInvalid, TenantNameInvalid, WorkerNameInvalid

# One label of a host name (RFC 1123): workers answer at {worker}.{tenant}.{base}.
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# As Cloudflare's script names, lower case: the name is a host label, where letters have no case.
_WORKER = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
_ALIAS = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")
_VERSION_PREFIX = re.compile(r"[0-9a-f]{8}")
# Tenants' labels that would be mistaken for the platform's own hosts.
RESERVED_TENANTS = frozenset({"www", "api", "admin", "static", "localhost", "hostel", "client", "internal"})
HOSTNAME_CHARACTERS = 253
EMAIL_CHARACTERS = 254
# Between a namespace and a worker in it; neither can hold one, nor can a host.
_SEPARATOR = ":"


def check_tenant_slug(slug: str) -> str:
    """`slug` itself; raises `TenantNameInvalid`."""
    if not _LABEL.fullmatch(slug):
        raise TenantNameInvalid(field="slug", limit=63)
    if slug in RESERVED_TENANTS or slug.startswith("xn--"):
        raise TenantNameInvalid(f"The name {slug!r} is reserved.", field="slug")
    return slug


def check_worker_name(name: str) -> str:
    """`name` itself; raises `WorkerNameInvalid`."""
    if not is_worker_name(name):
        raise WorkerNameInvalid(field="name", limit=63)
    return name


def check_namespace_name(name: str) -> str:
    """`name` itself; raises `NamespaceNameInvalid`."""
    if not is_worker_name(name):
        raise NamespaceNameInvalid(field="name", limit=63)
    return name


def check_qualified_name(name: str) -> str:
    """`name` itself, a worker's or `namespace:worker`; raises `WorkerNameInvalid`."""
    if split_name(name) is None:
        raise WorkerNameInvalid(field="name", limit=63)
    return name


def qualified(namespace: str, name: str) -> str:
    """The qualified name of a worker: `namespace:name`, or the name alone for one outside of namespaces ("")."""
    return f"{namespace}{_SEPARATOR}{name}" if namespace else name


def split_name(name: str) -> tuple[str, str] | None:
    """The namespace ("" for none) and the name that a qualified name is made of; None for what is none."""
    namespace, separator, own = name.rpartition(_SEPARATOR)
    if not is_worker_name(own) or (separator and not is_worker_name(namespace)):
        return None
    return namespace, own


def check_text(text: str, *, field: str, limit: int, least: int = 0) -> str:
    """`text` itself; raises `FieldInvalid` unless it has `least` to `limit` characters, all of which a database can keep."""
    if not least <= len(text) <= limit:
        raise FieldInvalid(f"The {field} must have {least} to {limit} characters.", field=field, limit=limit)
    if "\0" in text or not _encodable(text):
        raise FieldInvalid(f"The {field} must be Unicode text without U+0000.", field=field)
    return text


def check_email(text: str, *, field: str = "email") -> str:
    """The address as it is kept: without spaces around it, in lower case. Raises `FieldInvalid`.

    Only ASCII: letters of other alphabets that look like Latin ones, or become them when their case changes, would make two people of one
    or one of two.
    """
    address = check_text(text.strip(), field=field, limit=EMAIL_CHARACTERS, least=3)
    if not address.isascii():
        raise FieldInvalid("An address must be written in ASCII (punycode for other domains).", field=field)
    try:
        validate_email(address)
    except ValidationError:
        raise FieldInvalid("This is not an e-mail address.", field=field) from None
    return address.lower()


def is_worker_name(name: str) -> bool:
    """Whether a worker (or a namespace) can have that name: what cannot is looked up nowhere. A qualified name is none."""
    return _WORKER.fullmatch(name) is not None


def is_alias(name: str) -> bool:
    """Whether `name` can stand before a worker's name in a host, and is no beginning of a version's id."""
    return _ALIAS.fullmatch(name) is not None and _VERSION_PREFIX.fullmatch(name) is None


def check_alias(name: str) -> str:
    """`name` itself; raises `FieldInvalid` unless it is an alias."""
    if not is_alias(name):
        raise FieldInvalid(
            "An alias is 1 to 40 lower-case letters, digits and hyphens, begins with a letter and is not 8 hexadecimal digits.",
            field="alias",
        )
    return name


def check_hostname(hostname: str, *, reserved: tuple[str, ...]) -> str:
    """`hostname` in lower case without a closing dot; raises `HostnameInvalid` (also for the `reserved` ones and what lies under them)."""
    name = hostname.lower().removesuffix(".")
    labels = name.split(".")
    # Some letters of other alphabets become ASCII in lower case (U+212A is a k then).
    if not hostname.isascii() or len(name) > HOSTNAME_CHARACTERS or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):  # noqa: PLR2004
        raise HostnameInvalid(
            "A host name must be two or more DNS labels (punycode for others).", field="hostname", limit=HOSTNAME_CHARACTERS
        )
    if labels[-1].isdecimal():
        raise HostnameInvalid("A host name must not be an address.", field="hostname")
    if any(name == own or name.endswith(f".{own}") for own in reserved):
        raise HostnameInvalid("This host name belongs to the platform.", field="hostname")
    return name


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
