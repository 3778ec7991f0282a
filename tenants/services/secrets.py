"""Secrets of a worker. A secret belongs to a version, so changing one makes a version from the newest one's code."""

from __future__ import annotations

from collections.abc import Mapping

from tenants.actor import Actor
from tenants.bindings import SECRET_TYPES, Binding, Resolved, seal_secret
from tenants.errors import BindingInvalid, LatestNotDeployed, NameTaken, SecretNotFound
from tenants.models import Deployment, Tenant, Version, Worker
from tenants.services.drafts import draft_of
from tenants.services.versions import Publication, Uploaded, again_if_moved, newest_of, publish, upload_again

SECRET_COUNT = 256


def secret_put(*, tenant: Tenant, worker_name: str, name: str, text: str, actor: Actor, source: str) -> Uploaded:
    """Set one secret and serve the version that has it; raises as `secrets_update`."""
    return secrets_update(tenant=tenant, worker_name=worker_name, changes={name: text}, actor=actor, source=source)


def secret_delete(*, tenant: Tenant, worker_name: str, name: str, actor: Actor, source: str) -> Uploaded:
    """Remove one secret and serve the version without it; raises as `secrets_update`."""
    return secrets_update(tenant=tenant, worker_name=worker_name, changes={name: None}, actor=actor, source=source)


def secrets_update(
    *,
    tenant: Tenant,
    worker_name: str,
    changes: Mapping[str, str | None],
    actor: Actor,
    source: str,
    message: str = "",
    tag: str = "",
    annotations: Mapping[str, str] | None = None,
    deploy: bool = True,
) -> Uploaded:
    """Make one version with all `changes` (None removes). If `deploy`, it takes the newest version's place in the live deployment.

    Raises `WorkerNotFound`, `SecretNotFound`, `NameTaken` (the name is a binding of another type), `LatestNotDeployed` (serving it would
    bring code into service that nobody has deployed), and whatever a build may raise.
    """

    def attempt() -> Uploaded:
        worker, base = newest_of(tenant, worker_name)
        if deploy:
            _require_deployed(worker, base)
        upload = upload_again(base, message=message or _message(changes), tag=tag, annotations=annotations or {})
        resolved = Resolved(_changed(base.bindings, changes, tenant))
        draft = draft_of(tenant=tenant, worker_name=worker_name, worker_limits=worker.limits, upload=upload, resolved=resolved)
        how = Publication(actor=actor, source=source, base=base, deploy=deploy, in_place=True, action="secrets_update")
        return publish(draft, how)

    return again_if_moved(attempt)


def _changed(bindings: list[Binding], changes: Mapping[str, str | None], tenant: Tenant) -> list[Binding]:
    if not 1 <= len(changes) <= SECRET_COUNT:
        raise BindingInvalid(f"1 to {SECRET_COUNT} secrets can be changed at once.", field="secrets", limit=SECRET_COUNT)
    by_name = {binding["name"]: binding for binding in bindings}
    for name, text in changes.items():
        earlier = by_name.get(name)
        if earlier is not None and earlier["type"] not in SECRET_TYPES:
            raise NameTaken(f"The name {name!r} is taken by a binding of type {earlier['type']}.", field="name")
        if text is not None:
            by_name[name] = seal_secret(name, text, tenant=tenant)
        elif earlier is None:
            raise SecretNotFound(f"There is no secret {name!r}.", field="name")
        else:
            del by_name[name]
    return list(by_name.values())


def _require_deployed(worker: Worker, base: Version) -> None:
    live = Deployment.objects.filter(worker=worker).order_by("-pk").first()
    if live is not None and not live.entries.filter(version=base).exists():
        raise LatestNotDeployed


def _message(changes: Mapping[str, str | None]) -> str:
    """What the version list says: which secrets changed, and how."""
    words = [f"{'removed' if text is None else 'set'} secret {name}" for name, text in changes.items()]
    text = ", ".join(words)
    return text[:1].upper() + text[1:] if len(text) <= 200 else f"Changed {len(words)} secrets"  # noqa: PLR2004 - a line of a list
