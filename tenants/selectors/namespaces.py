"""Dispatch namespaces and the workers in them."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count, QuerySet

from tenants.models import Namespace, Tenant, Worker
from tenants.names import split_name
from tenants.services.namespaces import workers_in
from tenants.services.promotion import Preview, preview_of
from tenants.services.support import namespace_of


def namespace_list(*, tenant: Tenant) -> QuerySet[Namespace]:
    """The tenant's namespaces, by name, each with its `worker_count`; none for a caller who may see some workers only."""
    found = Namespace.objects.filter(tenant=tenant).select_related("promotes_to")
    if tenant.only_workers is not None:
        found = found.none()
    return found.annotate(worker_count=Count("workers")).order_by("name")


def namespace_get(*, tenant: Tenant, name: str) -> Namespace:
    """One namespace; raises `NamespaceNotFound`."""
    return namespace_of(tenant, name)


def namespace_workers(
    *, tenant: Tenant, namespace: Namespace, with_tags: Collection[str] = (), without_tags: Collection[str] = ()
) -> QuerySet[Worker]:
    """The namespace's workers (those the caller may see) by name; only those that have all of `with_tags` and none of `without_tags`."""
    found = workers_in(namespace, with_tags, without_tags).filter(tenant=tenant).select_related("tenant", "namespace").order_by("name")
    if tenant.only_workers is None:
        return found
    places = (split_name(name) for name in tenant.only_workers)
    return found.filter(name__in=[place[1] for place in places if place is not None and place[0] == namespace.name])


def promotion_preview(*, tenant: Tenant, worker_name: str) -> Preview:
    """What promoting the worker (`namespace:name`) would do now. Raises `WorkerNotFound` or `PromotionImpossible`."""
    return preview_of(tenant, worker_name)
