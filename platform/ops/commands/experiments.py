"""`hostel experiments …`: experiments and version flags from a shell. Reads and writes the database."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from experiments import selectors, services
from experiments.analysis import analyse, as_json
from experiments.models import Experiment
from ops.cli import Outcome, table
from ops.commands.support import operator
from tenants import selectors as tenants


def listed(options: Namespace) -> Outcome:
    """Every experiment of a tenant."""
    tenant = tenants.tenant_named(name=options.tenant)
    rows = [_row(one) for one in selectors.experiment_list(tenant=tenant)]
    return Outcome(rows, table(rows, ("key", "status", "flag", "environment", "participants")) if rows else ["There are no experiments."])


def results(options: Namespace) -> Outcome:
    """What an experiment says now."""
    tenant = tenants.tenant_named(name=options.tenant)
    found = analyse(selectors.experiment_get(tenant=tenant, key=options.experiment))
    return Outcome(as_json(found), found.summary.split("\n"))


def start(options: Namespace) -> Outcome:
    """Begin to count."""
    tenant = tenants.tenant_named(name=options.tenant)
    row = services.experiment_start(tenant=tenant, key=options.experiment, actor=operator())
    shares = ", ".join(f"{share:.1%} {variant}" for variant, share in row.shares.items())
    return Outcome(_row(row), [f"{row.key} runs: {shares}."])


def stop(options: Namespace) -> Outcome:
    """Count no more."""
    tenant = tenants.tenant_named(name=options.tenant)
    row = services.experiment_stop(tenant=tenant, key=options.experiment, outcome=options.outcome or "", actor=operator())
    return Outcome(_row(row), [f"{row.key} is stopped, with {row.participants:,} participants."])


def attach(options: Namespace) -> Outcome:
    """Have a flag choose a worker's version."""
    tenant = tenants.tenant_named(name=options.tenant)
    row = services.version_flag_set(
        tenant=tenant,
        worker_name=options.worker,
        flag=options.flag,
        environment=options.environment,
        targeting=options.targeting or ("version-key",),
        actor=operator(),
    )
    return Outcome(services.attached(row), [f"{row.flag} ({row.environment}) chooses which version of {options.worker} answers."])


def detach(options: Namespace) -> Outcome:
    """Leave a worker's versions to its deployment."""
    tenant = tenants.tenant_named(name=options.tenant)
    services.version_flag_clear(tenant=tenant, worker_name=options.worker, actor=operator())
    return Outcome({"worker": options.worker}, [f"The deployment of {options.worker} decides again."])


def _row(row: Experiment) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("key", "status", "flag", "environment", "participants")}
