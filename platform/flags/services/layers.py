"""Layers: made, removed. Which slice of one a flag has is the flag's own."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from flags.documents import Document, layer_document
from flags.errors import FlagInUse, LayerNotFound
from flags.models import FlagLayer
from flags.services.environments import environments_ensure
from flags.services.support import all_environments, check_description, check_key
from tenants import epoch
from tenants.actor import Actor
from tenants.errors import NameTaken, QuotaExceeded
from tenants.models import Tenant
from tenants.services.support import audit, tenant_lock

LAYERS = 100


@transaction.atomic
def layer_create(*, tenant: Tenant, key: str, description: str = "", actor: Actor) -> FlagLayer:
    """A new layer without flags. Raises `FlagInvalid`, `NameTaken`, `QuotaExceeded`."""
    tenant = tenant_lock(tenant)
    environments_ensure(tenant)
    check_key(key)
    there = FlagLayer.objects.filter(tenant=tenant)
    if there.filter(key=key).exists():
        raise NameTaken(f"There is a layer {key!r}.", field="key")
    if there.count() >= LAYERS:
        raise QuotaExceeded(f"A tenant may have {LAYERS} layers.", field="key", limit=LAYERS)
    layer = FlagLayer.objects.create(tenant=tenant, key=key, description=check_description(description))
    _put(tenant, key, layer_document(layer))
    audit(tenant=tenant, actor=actor, action="flag_layer_create", target=key, after={"description": description})
    return layer


@transaction.atomic
def layer_delete(*, tenant: Tenant, key: str, actor: Actor) -> None:
    """Remove a layer. Raises `LayerNotFound`, or `FlagInUse` while flags are in it."""
    tenant = tenant_lock(tenant)
    layer = layer_of(tenant, key)
    for environment in all_environments(tenant):
        if users := sorted(layer_slices(Document.of(environment), key)):
            raise FlagInUse(f"Flags are in the layer {key!r}: {', '.join(users[:5])} ({environment.name}).", flags=users[:100])
    FlagLayer.objects.filter(pk=layer.pk).delete()
    _put(tenant, key, None)
    audit(tenant=tenant, actor=actor, action="flag_layer_delete", target=key, before={"description": layer.description})


def layer_of(tenant: Tenant, key: str) -> FlagLayer:
    """The tenant's layer. Raises `LayerNotFound`."""
    layer = FlagLayer.objects.filter(tenant=tenant, key=key).first() if "\0" not in key else None
    if layer is None:
        raise LayerNotFound
    return layer


def layer_slices(document: Document, key: str) -> dict[str, list[tuple[int, int]]]:
    """The pieces of a layer that flags have, by flag."""
    return {
        flag: [(start, end) for start, end in found["layer"].get("pieces", [])]
        for flag, found in document.naming('"layer":{')
        if found.get("layer") and found["layer"]["key"] == key
    }


def _put(tenant: Tenant, key: str, value: dict[str, Any] | None) -> None:
    for environment in all_environments(tenant):
        document = Document.of(environment)
        document.put("layers", key, value)
        document.save(environment)
    epoch.bump(reason=f"flag layer {key}")
