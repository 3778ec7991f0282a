"""Where one can go: the items of the side bar and the tabs of a worker.

Owns their order, words and icons, and which of them somebody sees (those whose pages they may read). A new page gets a line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from tenants.access import Access


@dataclass(frozen=True, slots=True)
class Item:
    """One place: `key` is what a page's `place` (or `tab`) says, `route` the name of its address, `scope` what reading it needs."""

    key: str
    label: str
    route: str
    scope: str | None = "workers:read"
    icon: str = ""
    # The heading of the group that begins with this item.
    group: str = ""


TENANT: Sequence[Item] = (
    Item("workers", "Workers", "ui:workers", icon="workers"),
    Item("flags", "Flags", "ui:flags", "flags:read", "flags"),
    Item("domains", "Domains and routes", "ui:domains", icon="domains"),
    Item("metrics", "Metrics", "ui:tenant_metrics", "telemetry:read", "metrics", group="Watch"),
    Item("usage", "Usage", "ui:usage", "billing:read", "usage"),
    Item("limits", "Limits", "ui:limits", icon="limits"),
    Item("audit", "Audit log", "ui:audit", "audit:read", "audit"),
    Item("tokens", "Tokens", "ui:tokens", "tenant:read", "tokens", group="Tenant"),
    Item("members", "Members", "ui:members", "tenant:read", "members"),
    Item("webhooks", "Webhooks", "ui:webhooks", "tenant:read", "webhooks"),
    Item("settings", "Settings", "ui:tenant_settings", "tenant:read", "settings"),
)
WORKER: Sequence[Item] = (
    Item("overview", "Overview", "ui:worker"),
    Item("edit", "Edit", "ui:edit"),
    Item("logs", "Logs", "ui:logs", scope="telemetry:read"),
    Item("versions", "Versions", "ui:versions"),
    Item("deployments", "Deployments", "ui:deployments"),
    Item("rollouts", "Rollouts", "ui:rollouts"),
    Item("metrics", "Metrics", "ui:worker_metrics"),
    Item("environment", "Secrets and variables", "ui:environment"),
    Item("limits", "Limits", "ui:worker_limits"),
    Item("settings", "Settings", "ui:worker_settings"),
)
OPERATOR: Sequence[Item] = (
    Item("fleet", "Fleet", "ui:operator", scope="operator", icon="home"),
    Item("neighbours", "Noisy neighbours", "ui:operator_neighbours", scope="operator", icon="metrics"),
    Item("tenants", "Tenants", "ui:operator_tenants", scope="operator", icon="members"),
    Item("plans", "Plans", "ui:operator_plans", scope="operator", icon="limits"),
    Item("rollouts", "Rollouts", "ui:operator_rollouts", scope="operator", icon="rollouts", group="Running"),
    Item("jobs", "Jobs", "operator_jobs", scope="operator", icon="logs"),
    Item("webhooks", "Failing webhooks", "ui:operator_webhooks", scope="operator", icon="webhooks"),
    Item("security", "Security", "ui:operator_security", scope="operator", icon="secrets", group="Keeping"),
    Item("audit", "Audit log", "ui:operator_audit", scope="operator", icon="audit"),
    Item("system", "System", "ui:operator_system", scope="operator", icon="settings"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """An item as it is shown."""

    key: str
    label: str
    url: str
    icon: str
    group: str


def links(items: Iterable[Item], access: Access | None, **parameters: Any) -> list[Link]:
    """The items that `access` may read, with their addresses."""
    return [
        Link(item.key, item.label, reverse(item.route, kwargs=parameters), item.icon, item.group)
        for item in items
        if item.scope is None or (access is not None and access.allows(item.scope))
    ]
