"""`hostel flags …`: feature flags from a shell. Writes to the database, so that it works while the control plane is down."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import msgspec

from experiments import selectors as experiments
from flags import selectors as flags
from flags import services
from flags.errors import ContextInvalid, FlagEnvironmentNotFound, FlagNotFound
from flags.evaluation import Step, check_context
from flags.models import FlagState
from ops.cli import Outcome, table
from ops.commands.support import operator
from tenants import selectors
from tenants.models import Tenant


def listed(options: Namespace) -> Outcome:
    """Every flag, with what it serves in an environment."""
    tenant = selectors.tenant_named(name=options.tenant)
    environment = flags.environment_get(tenant=tenant, name=options.environment).name
    found = list(flags.flag_list(tenant=tenant, search=options.search or ""))
    states = flags.flag_states(flags=found)
    rows = [
        {"flag": flag.key, "type": flag.type, "serves": flags.sentence_of(state)}
        for flag in found
        for state in states[flag.pk]
        if state.environment.name == environment
    ]
    return Outcome(rows, table(rows, ("flag", "type", "serves")) if rows else [f"{tenant.slug} has no flags."])


def show(options: Namespace) -> Outcome:
    """One flag in every environment."""
    tenant = selectors.tenant_named(name=options.tenant)
    flag = flags.flag_get(tenant=tenant, key=options.flag)
    states = flags.flag_states(flags=[flag])[flag.pk]
    data = {
        "key": flag.key,
        "type": flag.type,
        "description": flag.description,
        "variants": flag.variants,
        "states": {state.environment.name: {"enabled": state.enabled, "killed": state.killed, **state.document} for state in states},
    }
    lines = [f"{flag.key} ({flag.type})", *([flag.description] if flag.description else [])]
    lines += [f"  {name} = {json.dumps(value)}" for name, value in flag.variants.items()]
    lines += [f"{state.environment.name}: {flags.sentence_of(state)}" for state in states]
    return Outcome(data, lines)


def create(options: Namespace) -> Outcome:
    """Make a boolean flag, switched off everywhere."""
    tenant = selectors.tenant_named(name=options.tenant)
    flag = services.flag_create(tenant=tenant, key=options.flag, description=options.description or "", actor=operator())
    return Outcome({"key": flag.key}, [f"Made the flag {flag.key}; it is off in every environment."])


def switch_on(options: Namespace) -> Outcome:
    """Switch a flag on in one environment."""
    return _enabled(options, enabled=True)


def switch_off(options: Namespace) -> Outcome:
    """Switch a flag off in one environment."""
    return _enabled(options, enabled=False)


def kill(options: Namespace) -> Outcome:
    """The kill switch."""
    tenant = selectors.tenant_named(name=options.tenant)
    changed = services.flag_kill(
        tenant=tenant, key=options.flag, environment=options.environment, reason=options.reason or "", actor=operator()
    )
    return _switched(tenant, options.flag, changed, "Killed")


def restore(options: Namespace) -> Outcome:
    """Take the kill switch back."""
    tenant = selectors.tenant_named(name=options.tenant)
    changed = services.flag_restore(
        tenant=tenant, key=options.flag, environment=options.environment, reason=options.reason or "", actor=operator()
    )
    return _switched(tenant, options.flag, changed, "Restored")


def evaluate(options: Namespace) -> Outcome:
    """Evaluate as somebody, and say why."""
    tenant = selectors.tenant_named(name=options.tenant)
    ruleset = flags.ruleset(tenant=tenant, environment=options.environment)
    if ruleset is None:
        raise FlagEnvironmentNotFound(f"There is no environment {options.environment[:63]!r}.")
    if options.flag not in ruleset:
        raise FlagNotFound
    try:
        context = json.loads(options.context)
    except (ValueError, RecursionError):
        raise ContextInvalid("The context must be a JSON object.", field="--context") from None
    found, steps = ruleset.explain(options.flag, check_context(context))
    data = {**msgspec.to_builtins(found), "steps": msgspec.to_builtins(steps)}
    because = found.decided.sentence if found.decided else found.error_message
    lines = [f"{options.flag} = {json.dumps(found.value)} ({found.variant}, {found.reason}): {because}"]
    return Outcome(data, [*lines, *(_line(step) for step in steps)])


def stale(options: Namespace) -> Outcome:
    """Flags that could go."""
    tenant = selectors.tenant_named(name=options.tenant)
    rows: list[dict[str, Any]] = [
        {"flag": one.flag, "environment": one.environment, "why": one.why, "sentence": one.sentence}
        for one in flags.stale_flags(tenant=tenant, days=options.days, used=experiments.flag_uses(tenant=tenant, days=options.days))
    ]
    return Outcome(rows, table(rows, ("flag", "environment", "why", "sentence")) if rows else ["Nothing is stale."])


def _enabled(options: Namespace, *, enabled: bool) -> Outcome:
    tenant = selectors.tenant_named(name=options.tenant)
    state = services.flag_state_update(
        tenant=tenant,
        key=options.flag,
        environment=options.environment,
        changes={"enabled": enabled},
        reason=options.reason or "",
        actor=operator(),
    )
    return Outcome({"enabled": state.enabled}, [f"{options.environment}: {flags.sentence_of(state)}"])


def _switched(tenant: Tenant, key: str, changed: list[FlagState], done: str) -> Outcome:
    names = [state.environment.name for state in changed]
    where = f"in {', '.join(names)}" if names else "nowhere: it was so already"
    return Outcome({"flag": key, "environments": names}, [f"{done} {key} of {tenant.slug} {where}."])


def _line(step: Step) -> str:
    mark = {True: "yes", False: "no", None: "-"}[step.matched]
    bucket = f" (bucket {step.bucket})" if step.bucket is not None else ""
    return f"  {mark:3} {step.kind}: {step.sentence}{bucket}"
