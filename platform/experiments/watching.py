"""Looking at experiments that run.

Owns the regular look: events are counted, every running experiment is analysed, and what is new is told once: shares that do not fit, a
guardrail that is broken (and the flag switched off where that was asked for), a difference that is sure. Safe to run twice: what was told
stands in the row that is locked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import structlog
from django.db import transaction
from django.utils import timezone

from experiments.absorbing import events_absorb, events_prune
from experiments.analysis import Analysis, analyse, as_json, fresh
from experiments.models import Experiment, FlagCount
from flags import services as flags
from flags.errors import FlagNotFound
from sandbox.errors import HostelError
from tenants.actor import Actor
from tenants.services.support import audit, tenant_lock

log = structlog.get_logger(__name__)

# How long evaluations by hour are kept.
COUNT_DAYS: Final = 90


def experiments_watch() -> dict[str, int]:
    """One look at everything; how much there was to do. An experiment that fails is logged and looked at again next time."""
    absorbed = events_absorb()
    looked = told = 0
    for pk in list(Experiment.objects.filter(status=Experiment.Status.RUNNING).values_list("pk", flat=True)):
        try:
            told += _look(pk)
            looked += 1
        except HostelError as error:
            # Suspended meanwhile, or gone.
            log.info("an experiment was not looked at", experiment=pk, code=error.code)
        except Exception:
            log.exception("an experiment could not be looked at", experiment=pk)
    return {"absorbed": absorbed, "looked": looked, "told": told}


def experiments_prune() -> dict[str, int]:
    """Forget events that nobody will count, and evaluations of long ago."""
    old = int(time.time()) - COUNT_DAYS * 86_400
    return {"events": events_prune(), "counts": FlagCount.objects.filter(hour__lt=old).delete()[0]}


def _look(pk: int) -> int:
    seen = Experiment.objects.select_related("tenant").get(pk=pk)
    if fresh(seen) is not None:
        return 0
    before = time.monotonic()
    # Outside of the transaction: a million participants take a while, and nobody else could write on SQLite.
    found = analyse(seen)
    return _store(seen, found, took=time.monotonic() - before)


@transaction.atomic
def _store(seen: Experiment, found: Analysis, *, took: float) -> int:
    tenant_lock(seen.tenant)
    experiment = Experiment.objects.select_for_update(no_key=True).get(pk=seen.pk)
    if experiment.status != Experiment.Status.RUNNING or experiment.analysed_at != seen.analysed_at:
        # Stopped, or looked at by somebody else meanwhile.
        return 0
    news = [(name, action, facts) for name, action, facts in _news(found) if name not in experiment.told]
    for name, action, facts in news:
        experiment.told = [*experiment.told, name]
        audit(tenant=experiment.tenant, actor=Actor.system(), action=action, target=experiment.key, reason=found.summary[:500], **facts)
        if action == "experiment_breach" and experiment.on_breach == "kill":
            _kill(experiment, facts)
    experiment.analysis, experiment.analysed_at = {**as_json(found), "took": round(took, 3)}, timezone.now()
    experiment.save(update_fields=["analysis", "analysed_at", "told"])
    return len(news)


def _news(found: Analysis) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What may be told: a name under which it is told once, the action, and the facts."""
    if found.ratio.mismatch:
        yield "ratio", "experiment_mismatch", {"chi_square_p": found.ratio.chi_square_p}
    for each in found.comparisons:
        facts = {"metric": each.metric, "variant": each.variant, "difference": each.difference, "low": each.low, "high": each.high}
        if each.guard == "broken":
            yield f"guard:{each.metric}:{each.variant}", "experiment_breach", facts
        if each.verdict in ("better", "worse"):
            yield f"verdict:{each.metric}:{each.variant}", "experiment_conclude", {**facts, "verdict": each.verdict}


def _kill(experiment: Experiment, facts: dict[str, Any]) -> None:
    """Switch the flag off: everybody gets what it serves then."""
    reason = f"experiment {experiment.key}: {facts['metric']} of {facts['variant']} is worse than allowed"
    try:
        flags.flag_kill(
            tenant=experiment.tenant, key=experiment.flag, environment=experiment.environment, reason=reason[:500], actor=Actor.system()
        )
    except FlagNotFound:
        log.info("the flag of an experiment is gone", experiment=experiment.key, flag=experiment.flag)
