"""Security, the system, and webhooks that fail: what wants an eye now and then.

Owns what is gathered for these pages. Reads only, but for having secrets sealed anew.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from api.gateways import gateway_stats, totals
from cfapi.paging import page_of
from tenants import selectors, services
from tenants.selectors import AuditFilter
from ui.frontend import build as frontend
from ui.page import OperatorPage

PER_PAGE: Final = 50
SHOWN: Final = 20
OLD_TOKEN_DAYS: Final = 180
# What decides how safe and how fast guests run.
PACKAGES: Final = ("wasmtime", "django", "granian", "cryptography", "celery", "quickjs-rs", "ziglang")
ACCOUNTS: Final = "user_*"


class Security(OperatorPage):
    """`/operator/security`: tokens, keys, what the egress guard refused, what people did to their accounts."""

    template = "ui/operator/security.html"
    title = "Security"
    place = "security"
    actions = ("rotate",)
    api = "/api/v1/admin/keys"

    def context(self) -> dict[str, Any]:
        """Gathered from rows and gateways."""
        sums = totals(gateway_stats())
        accounts = selectors.audit_page_all(wanted=AuditFilter(action=ACCOUNTS), limit=SHOWN).events
        return {
            "keys": services.keys_status(),
            "endless": selectors.tokens_endless(),
            "endless_shown": list(selectors.tokens_endless()[:SHOWN]),
            "old_days": OLD_TOKEN_DAYS,
            "unused": selectors.tokens_unused(since=timezone.now() - timedelta(days=OLD_TOKEN_DAYS)).count(),
            "operators": list(selectors.operator_list()),
            "refused": sums.get("outbound", {}).get("refused", {}),
            "failed": sums.get("outbound", {}).get("failed", {}),
            "traps": sums.get("pool", {}).get("traps", {}),
            "walls": sorted({str(each["stats"].get("wall", "")) for each in gateway_stats() if each["reachable"]}),
            "wasmtime": _version("wasmtime"),
            "accounts": accounts,
        }

    def do_rotate(self) -> None:
        """Have every secret sealed with the current master key, in the background."""
        services.keys_rotate_request(actor=self.actor)
        self.say("Secrets are being sealed with the current key; this page tells how far that is.")


class System(OperatorPage):
    """`/operator/system`: schema, disk, versions, settings."""

    template = "ui/operator/system.html"
    title = "System"
    place = "system"

    def context(self) -> dict[str, Any]:
        """What this machine and its database say."""
        config = settings.HOSTEL
        executor = MigrationExecutor(connection)
        missing = [f"{each.app_label}.{each.name}" for each, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        disk = shutil.disk_usage(config.home)
        files = {name: _size(config.home / name) for name in ("db.sqlite3", "db.sqlite3-wal")}
        return {
            "vendor": connection.vendor,
            "database": _database_bytes() if connection.vendor == "postgresql" else files["db.sqlite3"],
            "wal": files["db.sqlite3-wal"] if connection.vendor == "sqlite" else None,
            "applied": len(executor.loader.applied_migrations or ()),
            "missing": missing,
            "disk": disk,
            "disk_part": disk.used / disk.total,
            "spool": sum(_size(path) for path in config.spool.glob("*")),
            "versions": [("Python", platform.python_version()), *[(name, _version(name)) for name in PACKAGES]],
            "frontend": frontend.current(config.frontend_home),
            "settings": _settings(config),
        }


class Webhooks(OperatorPage):
    """`/operator/webhooks`: tenants' webhooks that do not get through."""

    template = "ui/operator/webhooks.html"
    title = "Failing webhooks"
    place = "webhooks"

    def context(self) -> dict[str, Any]:
        """Webhooks that fail now, and deliveries that were given up."""
        return {
            "hooks": list(selectors.webhooks_failing()[:PER_PAGE]),
            "found": page_of(self.request, selectors.deliveries_failed(), per_page=PER_PAGE),
        }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _size(path: Any) -> int:
    try:
        return int(path.stat().st_size)
    except OSError:
        return 0


def _database_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def _settings(config: Any) -> Sequence[tuple[str, str]]:
    """Settings that differ from their defaults; none that may hold a password."""
    found = []
    for item in fields(config):
        if "env" not in item.metadata or not item.repr:
            continue
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        value = getattr(config, item.name)
        if value != default:
            found.append((str(item.metadata["env"]), str(value)[:300]))
    return found
