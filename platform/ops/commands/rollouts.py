"""`hostel rollouts …`: take a version to its visitors in stages, and stop that."""

from __future__ import annotations

import json
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from ops.cli import Outcome, table
from ops.commands.support import moment, operator
from rollouts import selectors, services, words
from rollouts.errors import RolloutNotFound
from rollouts.models import Freeze, Rollout
from rollouts.plans import plan_of
from tenants import selectors as tenants
from tenants.errors import FieldInvalid, VersionNotFound
from tenants.models import Tenant, Version

_STAGE = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)%?(?::(\d{1,7})([smhd]))?(?::(automatic|approval|tests))?")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def start(options: Namespace) -> Outcome:
    """Start a rollout."""
    tenant = tenants.tenant_named(name=options.tenant)
    plan: dict[str, Any] = _read(options.plan) if options.plan else {}
    if options.stage:
        plan["stages"] = [_stage(text) for text in options.stage]
    unknown = sorted(set(plan) - {"stages", "guards", "false_alarm"})
    if unknown:
        raise FieldInvalid(f"A plan has no {unknown[0][:80]!r}.", field="--plan")
    made = services.rollout_start(
        tenant=tenant,
        worker_name=options.worker,
        version_id=_version(tenant, options.worker, options.version).pk,
        plan=plan_of(**plan),
        message=options.message,
        actor=operator(),
    )
    return _told(made)


def status(options: Namespace) -> Outcome:
    """The rollout under way, or the newest one; with neither worker nor tenant, all that are under way."""
    if options.tenant is None:
        rows = [_row(row) for row in selectors.rollouts_everywhere(active=True)]
        frozen = [_freeze(row) for row in selectors.freezes()]
        lines = table(rows, ("tenant", "worker", "from", "to", "state", "percent", "verdict"))
        return Outcome({"rollouts": rows, "freezes": frozen}, [*lines, *(f"Frozen ({row['scope']}): {row['reason']}" for row in frozen)])
    tenant = tenants.tenant_named(name=options.tenant)
    if options.worker is None:
        rows = [_row(row) for row in selectors.rollout_list(tenant=tenant)[:25]]
        return Outcome(rows, table(rows, ("worker", "from", "to", "state", "percent", "verdict")))
    return _told(_newest(tenant, options.worker))


def pause(options: Namespace) -> Outcome:
    """Stop the clock."""
    return _steered(options, services.rollout_pause)


def resume(options: Namespace) -> Outcome:
    """Go on."""
    return _steered(options, services.rollout_resume)


def approve(options: Namespace) -> Outcome:
    """Let the next stage begin."""
    return _steered(options, services.rollout_approve)


def abort(options: Namespace) -> Outcome:
    """Take the version back."""
    return _steered(options, services.rollout_abort)


def freeze(options: Namespace) -> Outcome:
    """Freeze rollouts, or (with --lift) let them go on."""
    tenant = tenants.tenant_named(name=options.tenant) if options.tenant else None
    whose = f"Rollouts of {tenant.slug}" if tenant else "All rollouts"
    if options.lift:
        lifted = services.freeze_lift(tenant=tenant, actor=operator())
        return Outcome({"frozen": False, "lifted": lifted}, [f"{whose} may go on." if lifted else f"{whose} were not frozen."])
    if not options.reason:
        raise FieldInvalid("Say why: tenants are told.", field="--reason")
    row = services.freeze_set(tenant=tenant, reason=options.reason, actor=operator())
    return Outcome(_freeze(row), [f"{whose} are frozen: {row.reason}", "What takes a version back is not."])


def _steered(options: Namespace, step: Any) -> Outcome:
    tenant = tenants.tenant_named(name=options.tenant)
    found = _newest(tenant, options.worker)
    row = step(tenant=tenant, worker_name=options.worker, rollout_id=found.uuid, reason=options.reason, actor=operator())
    return _told(row)


def _newest(tenant: Tenant, worker: str) -> Rollout:
    found = selectors.rollout_list(tenant=tenant, worker_name=worker).first()
    if found is None:
        raise RolloutNotFound("This worker has had no rollout yet.")
    return found


def _version(tenant: Tenant, worker: str, text: str) -> Version:
    """By number (`42`, `v42`) or id."""
    row = tenants.worker_get(tenant=tenant, name=worker)
    digits = text.removeprefix("v")
    if not digits.isdecimal():
        return tenants.version_get(tenant=tenant, worker=row, version_id=text)
    found = tenants.version_list(tenant=tenant, worker=row).filter(number=int(digits[:9])).first()
    if found is None:
        raise VersionNotFound
    return found


def _stage(text: str) -> dict[str, Any]:
    """`10:5m`, `50:10m:approval`, `100`."""
    found = _STAGE.fullmatch(text.strip())
    if found is None:
        raise FieldInvalid(f"A stage is percent:duration:gate, such as 10:5m or 50:1h:approval, not {text[:40]!r}.", field="--stage")
    seconds = int(found[2]) * _SECONDS[found[3]] if found[2] else 0
    return {"percent": float(found[1]), "seconds": seconds, "gate": found[4] or "automatic"}


def _read(name: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text()
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise FieldInvalid(f"{name} cannot be read as JSON: {error}.", field="--plan") from None
    if not isinstance(found, dict):
        raise FieldInvalid("A plan is a JSON object.", field="--plan")
    return found


def _row(row: Rollout) -> dict[str, Any]:
    stage = row.current
    return {
        "id": str(row.uuid),
        "tenant": row.tenant.slug,
        "worker": row.worker.qualified_name,
        "from": f"v{row.old_number}",
        "to": f"v{row.new_number}",
        "state": str(row.state),
        "percent": stage.percent if stage else 0,
        "verdict": row.holding or row.verdict,
    }


def _freeze(row: Freeze) -> dict[str, Any]:
    return {
        "scope": row.tenant.slug if row.tenant else "everybody",
        "reason": row.reason,
        "author": row.author,
        "since": moment(row.created),
    }


def _told(row: Rollout) -> Outcome:
    """One rollout with its stages, what its guards see, and its timeline."""
    stages = [
        {
            "stage": number + 1,
            "percent": stage.percent,
            "lasts": words.span(stage.seconds) if stage.seconds else "",
            "gate": stage.gate,
            "now": f"{words.span(row.watched)} watched" if number == row.stage and row.active else "",
        }
        for number, stage in enumerate(row.planned.stages)
    ]
    events = [{**line, "at": moment(line["at"])} for line in selectors.timeline(rollout=row)]
    data = {**_row(row), "stages": stages, "guards": [guard.get("sentence", "") for guard in row.guards], "timeline": events}
    lines = [
        f"{row.worker.qualified_name}: v{row.old_number} -> v{row.new_number}, {row.get_state_display().lower()}",
        *([row.verdict] if row.verdict else []),
        *([row.holding] if row.holding else []),
        "",
        *table(stages, ("stage", "percent", "lasts", "gate", "now")),
        "",
        *(f"{line['at']}  {line['text']}" for line in events),
    ]
    return Outcome(data, lines)
