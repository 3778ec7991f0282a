"""Workers themselves: their settings and their end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from tenants import epoch
from tenants.actor import Actor
from tenants.definitions import checked
from tenants.errors import SettingInvalid
from tenants.models import Tenant, Version, Worker
from tenants.names import check_text, is_worker_name
from tenants.services.support import audit, check_revision, tenant_lock, worker_of
from tenants.uploads import WorkerSettings

TAG_COUNT, TAG_CHARACTERS = 64, 1_000
CONSUMER_COUNT = 10
# Least and most of what a retention policy says.
RETENTION = {"keep": (1, 100_000), "days": (1, 3_650)}
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
# Observability is kept as the client sent it.
_KEPT_BYTES = 16_384


@transaction.atomic
def worker_settings_update(
    *, tenant: Tenant, worker_name: str, settings: WorkerSettings, expected: int | None = None, actor: Actor
) -> Worker:
    """Change what no version carries.

    Raises `WorkerNotFound`, `SettingInvalid`, or `ChangedMeanwhile` unless the worker's revision is `expected`.
    """
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    check_revision(worker.revision, expected)
    if worker.namespace is not None and (settings.subdomain_enabled or settings.previews_enabled):
        field = "subdomain_enabled" if settings.subdomain_enabled else "previews_enabled"
        raise SettingInvalid("A worker in a namespace answers at no host of its own: a dispatcher leads to it.", field=field)
    before = {name: getattr(worker, name) for name in settings.changes()}
    settings_apply(worker, settings)
    worker.modified = timezone.now()
    worker.save()
    after = {name: getattr(worker, name) for name in before}
    audit(tenant=tenant, actor=actor, action="worker_settings_update", target=worker_name, before=before, after=after)
    epoch.bump(reason=f"worker {worker_name}")
    return worker


@transaction.atomic
def worker_delete(*, tenant: Tenant, worker_name: str, actor: Actor) -> None:
    """Remove a worker with its versions, deployments and host names. Its blobs go with the next collection."""
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    count = Version.objects.filter(worker=worker).count()
    # Through the queryset: a version's own delete() refuses.
    Worker.objects.filter(pk=worker.pk).delete()
    audit(tenant=tenant, actor=actor, action="worker_delete", target=worker_name, versions=count, tag=worker.tag)
    epoch.bump(reason=f"worker {worker_name}")


def settings_apply(worker: Worker, settings: WorkerSettings) -> None:
    """Put `settings` into the unsaved `worker`; raises `SettingInvalid` (`LimitInvalid` for a limit) naming the field."""
    for name, value in settings.changes().items():
        _CHECKS.get(name, _check_nothing)(value)
        if name == "tail_consumers":
            _check_consumers_exist(worker, [consumer["service"] for consumer in value])
        setattr(worker, name, _kept(name, value))


def _kept(name: str, value: Any) -> Any:
    """A setting as the row has it."""
    if name in {"tags", "tail_consumers"}:
        return list(value)
    if name == "retention":
        return dict(value) or None
    return value.lower() if name == "sticky" else value


def _check_nothing(_value: Any) -> None:
    return


def _check_tags(value: Any) -> None:
    if len(value) > TAG_COUNT or not all(isinstance(tag, str) and 0 < len(tag) <= TAG_CHARACTERS for tag in value):
        raise SettingInvalid(f"Tags must be at most {TAG_COUNT} texts of 1 to {TAG_CHARACTERS} characters.", field="tags", limit=TAG_COUNT)


def _check_kept(name: str, kind: type) -> Any:
    def check(value: Any) -> None:
        if not isinstance(value, kind) or len(repr(value)) > _KEPT_BYTES:
            raise SettingInvalid(f"{name} must be a {kind.__name__} of at most {_KEPT_BYTES} bytes.", field=name, limit=_KEPT_BYTES)

    return check


def _check_consumers(value: Any) -> None:
    if not isinstance(value, list | tuple) or len(value) > CONSUMER_COUNT:
        raise SettingInvalid(f"A worker may have {CONSUMER_COUNT} tail workers.", field="tail_consumers", limit=CONSUMER_COUNT)
    for index, consumer in enumerate(value):
        field = f"tail_consumers[{index}].service"
        service = consumer.get("service") if isinstance(consumer, Mapping) else None
        if not isinstance(service, str) or not is_worker_name(service):
            raise SettingInvalid("A tail worker is named by its service, a worker's name.", field=field)
        if consumer.get("namespace"):
            raise SettingInvalid("A tail worker cannot be in a namespace.", field=f"tail_consumers[{index}].namespace")


def _check_consumers_exist(worker: Worker, names: list[str]) -> None:
    if worker.name in names and worker.namespace_id is None:
        raise SettingInvalid("A worker cannot be its own tail worker.", field="tail_consumers")
    there = set(Worker.objects.filter(tenant=worker.tenant, namespace=None, name__in=names).values_list("name", flat=True))
    if missing := sorted(set(names) - there):
        raise SettingInvalid(f"There is no worker {missing[0]!r} to be a tail worker.", field="tail_consumers")


def _check_mode(value: Any) -> None:
    if value not in Worker.Mode.values:
        raise SettingInvalid("The mode must be reuse or fresh.", field="mode")


def _check_migration_tag(value: Any) -> None:
    if not isinstance(value, str):
        raise SettingInvalid("A migration tag must be a text.", field="migrations.new_tag")
    check_text(value, field="migrations.new_tag", limit=200)


def _check_sticky(value: Any) -> None:
    named = isinstance(value, str) and value.startswith("header:") and _FIELD_NAME.fullmatch(value.removeprefix("header:"))
    if not named and value not in ("cookie", "ip", "none"):
        raise SettingInvalid("sticky must be cookie, ip, none or header:<name>.", field="sticky")


def _check_version_headers(value: Any) -> None:
    if value not in ("trusted", "stripped"):
        raise SettingInvalid("version_headers must be trusted or stripped.", field="version_headers")


def _check_retention(value: Any) -> None:
    if not isinstance(value, Mapping) or set(value) - set(RETENTION):
        raise SettingInvalid("retention may have keep (versions) and days.", field="retention")
    for name, number in value.items():
        least, most = RETENTION[name]
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise SettingInvalid(f"retention.{name} must be {least} to {most}.", field=f"retention.{name}", limit=most)


_CHECKS = {
    "tags": _check_tags,
    "observability": _check_kept("observability", dict),
    "tail_consumers": _check_consumers,
    "mode": _check_mode,
    "limits": lambda value: checked(value, level="worker"),
    "migration_tag": _check_migration_tag,
    "sticky": _check_sticky,
    "version_headers": _check_version_headers,
    "retention": _check_retention,
}
