"""`hostel tenant …`: tenants, by the hand of whoever may log in to the machine."""

from __future__ import annotations

import json
import sys
import tarfile
from argparse import Namespace
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from ops.cli import Outcome, facts, table
from ops.commands.support import moment, new_file, operator, span
from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.models import Tenant, User
from tenants.services.export import SECRETS


def create(options: Namespace) -> Outcome:
    """Make a tenant, owned by a person where one is named."""
    owner = None
    if options.owner:
        owner = User.objects.filter(email=options.owner.strip().lower()).first()
        if owner is None:
            raise FieldInvalid(f"There is no user {options.owner[:80]!r}: make one with `hostel user create`.", field="--owner")
    tenant = services.tenant_create(slug=options.slug, name=options.name, account_id=options.account_id, owner=owner, actor=operator())
    data = described(tenant)
    return Outcome(data, [f"Made the tenant {tenant.slug}.", *facts(data)])


def show_all(_options: Namespace) -> Outcome:
    """Every tenant."""
    rows = [described(tenant) for tenant in selectors.tenant_list()]
    return Outcome(rows, table(rows, ("slug", "name", "account_id", "suspended", "created")))


def show(options: Namespace) -> Outcome:
    """One tenant, and how much it has."""
    tenant = selectors.tenant_named(name=options.tenant)
    data = {**described(tenant), **selectors.tenant_counts(tenant=tenant), "limits": dict(tenant.limits)}
    return Outcome(data, facts(data))


def suspend(options: Namespace) -> Outcome:
    """Stop its workers, with a reason."""
    tenant = selectors.tenant_named(name=options.tenant)
    services.tenant_suspend(tenant=tenant, reason=options.reason, actor=operator())
    tenant.refresh_from_db()
    return Outcome(described(tenant), [f"Suspended {tenant.slug}: {tenant.suspended_reason}"])


def resume(options: Namespace) -> Outcome:
    """Serve it again."""
    tenant = selectors.tenant_named(name=options.tenant)
    services.tenant_resume(tenant=tenant, actor=operator())
    tenant.refresh_from_db()
    return Outcome(described(tenant), [f"Resumed {tenant.slug}."])


def export(options: Namespace) -> Outcome:
    """Write the archive; what is half-written when it fails is removed."""
    tenant = selectors.tenant_named(name=options.tenant)
    path = Path(options.file)
    with new_file(path, field="file") as file:
        found = services.tenant_export(tenant=tenant, file=file, with_secrets=options.with_secrets)
    data = {"file": str(path), **asdict(found)}
    lines = facts({name: value for name, value in data.items() if value not in (None, [])})
    if found.secrets_key:
        lines += ["", "The key opens the secrets (`hostel tenant secrets`) and is stored nowhere: keep it apart from the archive."]
    return Outcome(data, lines)


def secrets(options: Namespace) -> Outcome:
    """Open an export's secrets with the key on standard input."""
    try:
        with tarfile.open(options.file, "r:*") as tar:
            inside = tar.extractfile(SECRETS)
            sealed = inside.read() if inside is not None else b""
    except (OSError, tarfile.TarError, KeyError) as error:
        raise FieldInvalid(f"{options.file} has no secrets that can be read: {error}.", field="file") from None
    opened = services.secrets_unseal(sealed=sealed, key=sys.stdin.readline().strip())
    return Outcome(opened, json.dumps(opened, indent=2).splitlines())


def delete(options: Namespace) -> Outcome:
    """Stop it, and have it erased: later, or now where that is confirmed."""
    tenant = selectors.tenant_named(name=options.tenant)
    if options.now and options.confirm != tenant.slug:
        raise FieldInvalid(f"Erasing cannot be taken back: repeat the name with --confirm {tenant.slug}.", field="--confirm")
    grace = timedelta(0) if options.now else span(options.after, field="--after") if options.after else None
    when = services.tenant_delete(tenant=tenant, reason=options.reason, grace=grace, actor=operator())
    if not options.now:
        tenant.refresh_from_db()
        return Outcome(described(tenant), [f"{tenant.slug} is stopped and will be erased after {moment(when)}."])
    erased = asdict(services.tenant_erase(tenant=tenant, actor=operator()))
    return Outcome({"account_id": tenant.account_id, **erased}, [f"Erased {tenant.slug}.", *facts(erased)])


def described(tenant: Tenant) -> dict[str, Any]:
    """A tenant as the command line shows it."""
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "account_id": tenant.account_id,
        "suspended": moment(tenant.suspended_at),
        "reason": tenant.suspended_reason or None,
        "erased_after": moment(tenant.erase_after),
        "created": moment(tenant.created),
    }
