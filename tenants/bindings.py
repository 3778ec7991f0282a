"""A worker's environment, between what a client sends, what a row keeps and what the sandbox gets.

Owns the kinds of binding there are, the taking over from the newest version (`inherit`, `keep_bindings`) and the sealing of secrets. A kind
that is not supported is refused by name, never dropped.

    sent     {"type": "secret_text", "name": "KEY", "text": "s3cret"}
    stored   {"type": "secret_text", "name": "KEY", "sealed": "hs2.…", "digest": "…"}
    shown    {"type": "secret_text", "name": "KEY"}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenants.errors import (
    BindingInvalid,
    BindingTargetMissing,
    BindingUnsupported,
    InheritUnresolved,
    NamespaceNameInvalid,
    WorkerNameInvalid,
)
from tenants.names import check_namespace_name, check_worker_name
from tenants.secrets import keyed_digest, seal, unseal

if TYPE_CHECKING:
    from tenants.models import Tenant, Version

Binding = dict[str, Any]
BINDING_COUNT = 256
SECRET_TYPES = frozenset({"secret_text"})
# What an environment may hold of its own: what differs between environments and is no code.
ENVIRONMENT_TYPES = frozenset({"plain_text", "json", "secret_text", "service"})
# Names of parameters for an outbound worker.
_PARAMETER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,255}")
PARAMETER_COUNT = 64
# The environment of flags that is read when a binding names none.
DEFAULT_FLAG_ENVIRONMENT = "production"
_FLAG_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class Resolved:
    """Bindings as a row stores them, and what the uploader should be told."""

    bindings: list[Binding]
    warnings: tuple[str, ...] = ()


def secret_context(tenant: Tenant) -> str:
    """What a tenant's secrets are sealed for."""
    return f"tenant:{tenant.account_id}:secret"


def resolve(
    sent: Sequence[Mapping[str, Any]], *, tenant: Tenant, base: Version | None, keep: Sequence[str] = (), strict: bool = False
) -> Resolved:
    """The bindings of a new version; raises `BindingInvalid` or a leaf of it, naming the binding.

    `base` is the version that `inherit` and `keep` take from. Keeping applies to names that were not sent.
    """
    if len(sent) > BINDING_COUNT:
        raise BindingInvalid(f"A version may have {BINDING_COUNT} bindings.", field="bindings", limit=BINDING_COUNT)
    earlier = {binding["name"]: binding for binding in base.bindings} if base else {}
    stored: list[Binding] = []
    warnings: list[str] = []
    for index, binding in enumerate(sent):
        if not isinstance(binding, Mapping):
            raise BindingInvalid("A binding must be an object.", field=f"bindings[{index}]")
        name, kind = _text(binding, "name"), _text(binding, "type")
        if kind != "inherit":
            stored.append(_store(kind, name, binding, tenant))
            continue
        if binding.get("version_id", "latest") not in ("latest", str(base.pk) if base else "latest"):
            raise BindingInvalid("Bindings can be inherited from the newest version only.", field="bindings.version_id", binding=name)
        found = earlier.get(str(binding.get("old_name") or name))
        if found is not None:
            stored.append({**found, "name": name})
        elif strict:
            raise InheritUnresolved(f"There is no binding {name!r} to inherit.", field="bindings.name", binding=name)
        else:
            warnings.append(f"There is no binding {name!r} to inherit, so it was left out.")
    taken = {binding["name"] for binding in stored}
    stored += [binding for name, binding in earlier.items() if binding["type"] in keep and name not in taken]
    return Resolved(stored, tuple(warnings))


def shown(bindings: Sequence[Binding]) -> list[Binding]:
    """Bindings as anybody who may see the worker may see them."""
    return [{key: value for key, value in binding.items() if key not in ("sealed", "digest")} for binding in bindings]


def descriptors(bindings: Sequence[Binding], *, tenant: Tenant, version_id: str, tag: str, created: str) -> list[Binding]:
    """Bindings as the sandbox gets them (docs/protocol.md, LOAD), secrets opened; raises `SecretUnreadable`."""
    described: list[Binding] = []
    for binding in bindings:
        match binding["type"]:
            case "secret_text":
                text = unseal(binding["sealed"], context=secret_context(tenant)).decode()
                described.append({"type": "secret_text", "name": binding["name"], "text": text})
            case "version_metadata":
                described.append({**binding, "id": version_id, "tag": tag, "timestamp": created})
            case "flagship" | "flags":
                environment = binding.get("app_id") or binding["environment"]
                described.append({"type": "flags", "name": binding["name"], "environment": environment})
            case _:
                described.append(dict(binding))
    return described


def canonical(bindings: Sequence[Binding]) -> list[Binding]:
    """Bindings as a manifest's hash sees them: by name, each secret as its keyed digest."""
    without_envelope = ({key: value for key, value in binding.items() if key != "sealed"} for binding in bindings)
    return sorted(without_envelope, key=lambda binding: str(binding["name"]))


def seal_secret(name: str, text: str, *, tenant: Tenant) -> Binding:
    """A secret as a row stores it."""
    plain = text.encode("utf-8", "surrogatepass")
    context = secret_context(tenant)
    sealed, digest = seal(plain, context=context, tenant=tenant), keyed_digest(plain, context=context, tenant=tenant)
    return {"type": "secret_text", "name": name, "sealed": sealed, "digest": digest}


def _store(kind: str, name: str, binding: Mapping[str, Any], tenant: Tenant) -> Binding:
    if kind == "secret_text":
        return seal_secret(name, _text(binding, "text", empty=True), tenant=tenant)
    try:
        make = _PLAIN[kind]
    except KeyError:
        known = sorted({"inherit", "secret_text", *_PLAIN})
        raise BindingUnsupported(
            f"Bindings of type {kind[:40]!r} are not supported; these are: {', '.join(known)}.", field="bindings.type", binding=name
        ) from None
    made = {"type": kind, "name": name, **make(binding)}
    if kind == "service" and not tenant.shows(made["service"]):
        # Who may not see a worker cannot call it through code of their own either.
        raise BindingTargetMissing(
            f"There is no worker {made['service']!r} to bind.", field="bindings.service", service=made["service"], binding=name
        )
    if kind == "dispatch_namespace" and tenant.only_workers is not None:
        # A namespace is all of the workers in it.
        namespace = made["namespace"]
        raise BindingTargetMissing(
            f"There is no namespace {namespace!r} to bind.", field="bindings.namespace", namespace=namespace, binding=name
        )
    return made


def _text(binding: Mapping[str, Any], key: str, *, empty: bool = False) -> str:
    value = binding.get(key)
    if not isinstance(value, str) or not (value or empty):
        name = binding.get("name")
        raise BindingInvalid(
            f"A binding's {key} must be a string.", field=f"bindings.{key}", binding=name[:80] if isinstance(name, str) else None
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BindingInvalid(f"A binding's {key} must be Unicode text.", field=f"bindings.{key}") from None
    return value


def _json(binding: Mapping[str, Any]) -> Binding:
    if "json" not in binding:
        raise BindingInvalid("A json binding must have a value called json.", field="bindings.json", binding=binding["name"])
    return {"json": binding["json"]}


def _service(binding: Mapping[str, Any]) -> Binding:
    target = _worker_name(_text(binding, "service"), "bindings.service", binding)
    return {"service": target, **({"entrypoint": _text(binding, "entrypoint")} if binding.get("entrypoint") else {})}


def _dispatch_namespace(binding: Mapping[str, Any]) -> Binding:
    """Stored as Cloudflare writes it: {"namespace", "outbound": {"worker": {"service"}, "params": [{"name"}]}}.

    An outbound of the shape {"service", "params": ["…"]} is taken, too.
    """
    namespace, name = _text(binding, "namespace"), binding["name"]
    try:
        check_namespace_name(namespace)
    except NamespaceNameInvalid:
        raise BindingInvalid("A namespace must be a namespace's name.", field="bindings.namespace", binding=name) from None
    outbound = binding.get("outbound")
    if outbound is None:
        return {"namespace": namespace}
    if not isinstance(outbound, Mapping):
        raise BindingInvalid("An outbound must be an object.", field="bindings.outbound", binding=name)
    worker = outbound.get("worker", outbound)
    service = worker.get("service") if isinstance(worker, Mapping) else None
    if not isinstance(service, str):
        raise BindingInvalid("An outbound must name the service that is its worker.", field="bindings.outbound.service", binding=name)
    described = {"worker": {"service": _worker_name(service, "bindings.outbound.service", binding)}}
    return {"namespace": namespace, "outbound": {**described, "params": _parameters(outbound.get("params"), name)}}


def _parameters(sent: Any, name: str) -> list[dict[str, Any]]:
    found = [entry.get("name") if isinstance(entry, Mapping) else entry for entry in (sent if isinstance(sent, list | tuple) else ())]
    fits = all(isinstance(entry, str) and _PARAMETER.fullmatch(entry) for entry in found) and len(set(found)) == len(found)
    if (sent is not None and not isinstance(sent, list | tuple)) or not fits or len(found) > PARAMETER_COUNT:
        raise BindingInvalid(
            f"An outbound's params must be at most {PARAMETER_COUNT} different JavaScript identifiers.",
            field="bindings.outbound.params",
            binding=name,
            limit=PARAMETER_COUNT,
        )
    return [{"name": entry} for entry in found]


def _environment(key: str) -> Callable[[Mapping[str, Any]], Binding]:
    """A binding that names an environment of flags under `key`; whether there is one is found out by evaluating."""

    def make(binding: Mapping[str, Any]) -> Binding:
        environment = binding[key] if binding.get(key) is not None else DEFAULT_FLAG_ENVIRONMENT
        if not isinstance(environment, str) or not _FLAG_ENVIRONMENT.fullmatch(environment):
            raise BindingInvalid(
                f"{key} must be the name of an environment of flags.", field=f"bindings.{key}", binding=binding["name"], limit=63
            )
        return {key: environment}

    return make


def _worker_name(name: str, field: str, binding: Mapping[str, Any]) -> str:
    try:
        return check_worker_name(name)
    except WorkerNameInvalid:
        raise BindingInvalid("A service must be a worker's name.", field=field, binding=binding["name"]) from None


_PLAIN: Mapping[str, Callable[[Mapping[str, Any]], Binding]] = {
    "plain_text": lambda binding: {"text": _text(binding, "text", empty=True)},
    "json": _json,
    "service": _service,
    "dispatch_namespace": _dispatch_namespace,
    # Bindings with one id share a cache; without one, the binding's own name keeps it apart.
    "worker_loader": lambda binding: {"id": _text(binding, "id")} if binding.get("id") else {},
    "version_metadata": lambda _binding: {},
    # The same thing by Cloudflare's name, whose app is an environment here, and by our own.
    "flagship": _environment("app_id"),
    "flags": _environment("environment"),
}
