"""What changes experiments and version flags: each in one transaction, with an audit event.

Owns drafts, starting, stopping, the events that tenants send, and which flag chooses a worker's version.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from experiments import selectors
from experiments.counting import events_of, events_store
from experiments.errors import EventInvalid, ExperimentInvalid, ExperimentState, VersionFlagInvalid, VersionFlagNotFound
from experiments.metrics import Metric, of_row, read_metrics, stored
from experiments.models import Conversion, Event, Experiment, Participant, VersionFlag
from experiments.naming import EVENT_CHARACTERS, MOST_VALUE, TARGETING_CHARACTERS, is_countable, subject_of
from flags import selectors as flags
from flags.errors import FlagNotFound
from flags.evaluation.attributes import TARGETING_KEY
from flags.evaluation.buckets import BUCKETS
from flags.evaluation.flag import Flag
from flags.evaluation.serving import Serving
from tenants import epoch
from tenants.actor import Actor
from tenants.errors import NameTaken, QuotaExceeded
from tenants.models import Tenant
from tenants.names import check_text, is_worker_name
from tenants.services.deletion import erases
from tenants.services.support import AUTHOR_CHARACTERS, audit, check_revision, tenant_lock, worker_of

# Of one tenant; running ones are looked at every minute.
EXPERIMENTS: Final = 200
RUNNING: Final = 20
EVENTS: Final = 1_000
TEXT_CHARACTERS: Final = 1_000
SENT_ID_CHARACTERS: Final = 64
SOURCES: Final = 4
# How long ago an event may have happened when it is sent.
_EVENT_DAYS: Final = 7
_SOURCE: Final = re.compile(r"ip|version-key|(?:cookie|header|query):[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_FIELDS: Final = ("description", "environment", "flag", "control", "metrics", "alpha", "on_breach")
# As long as the columns.
_TEXTS: Final = {"description": TEXT_CHARACTERS, "environment": 63, "flag": 128, "control": 128}
_ON_BREACH: Final = ("tell", "kill")


@transaction.atomic
def experiment_create(*, tenant: Tenant, key: str, values: Mapping[str, Any], actor: Actor) -> Experiment:
    """A draft. `values` are `environment`, `flag`, `control`, `metrics`, and maybe `description`, `alpha`, `on_breach`.

    Raises `ExperimentInvalid`, `NameTaken`, `FlagNotFound`, `QuotaExceeded`.
    """
    tenant = tenant_lock(tenant)
    if not is_worker_name(key):
        raise ExperimentInvalid("A key has 1 to 63 lower-case letters, digits, underscores and hyphens.", field="key", limit=63)
    if Experiment.objects.filter(tenant=tenant, key=key).exists():
        raise NameTaken(f"There is an experiment called {key!r}.", field="key")
    if Experiment.objects.filter(tenant=tenant).count() >= EXPERIMENTS:
        raise QuotaExceeded(f"A tenant may have {EXPERIMENTS} experiments.", limit=EXPERIMENTS)
    experiment = Experiment(tenant=tenant, key=key, author=actor.email[:AUTHOR_CHARACTERS])
    _take(experiment, {"environment": "production", **values})
    experiment.save()
    audit(tenant=tenant, actor=actor, action="experiment_create", target=key, after=shown(experiment))
    return experiment


@transaction.atomic
def experiment_update(*, tenant: Tenant, key: str, values: Mapping[str, Any], expected: int | None = None, actor: Actor) -> Experiment:
    """Change a draft. Raises as `experiment_create`, `ExperimentNotFound`, `ExperimentState`, `ChangedMeanwhile`."""
    experiment = _locked(tenant, key, expected)
    _require(experiment, Experiment.Status.DRAFT, "Only a draft can be changed: what is compared must stay the same while it is counted.")
    before = shown(experiment)
    _take(experiment, values)
    _save(experiment)
    audit(tenant=experiment.tenant, actor=actor, action="experiment_update", target=key, before=before, after=shown(experiment))
    return experiment


@transaction.atomic
def experiment_start(*, tenant: Tenant, key: str, expected: int | None = None, actor: Actor) -> Experiment:
    """Begin to count, with the shares that the flag's split has now.

    Raises `ExperimentNotFound`, `ExperimentState`, `FlagNotFound`, or `ExperimentInvalid` where nothing is split by the targeting key or
    the control has no share of it.
    """
    experiment = _locked(tenant, key, expected)
    _require(experiment, Experiment.Status.DRAFT, "Only a draft can be started; make a new experiment to count anew.")
    running = Experiment.objects.filter(tenant=experiment.tenant, status=Experiment.Status.RUNNING)
    if running.filter(environment=experiment.environment, flag=experiment.flag).exists():
        raise ExperimentState(f"Another experiment with the flag {experiment.flag!r} is running in {experiment.environment!r}.")
    if running.count() >= RUNNING:
        raise QuotaExceeded(f"{RUNNING} experiments may run at once.", limit=RUNNING)
    shares = shares_of(_flag(experiment.tenant, experiment.environment, experiment.flag))
    if experiment.control not in shares:
        raise ExperimentInvalid(
            f"The flag serves {experiment.control!r} to nobody by chance: the control must have a share of its split.", field="control"
        )
    experiment.shares, experiment.status, experiment.started_at = shares, Experiment.Status.RUNNING, timezone.now()
    _save(experiment)
    audit(tenant=experiment.tenant, actor=actor, action="experiment_start", target=key, shares=shares, flag=experiment.flag)
    return experiment


@transaction.atomic
def experiment_stop(*, tenant: Tenant, key: str, outcome: str = "", expected: int | None = None, actor: Actor) -> Experiment:
    """Count no more; what was counted stays. `outcome` is what was decided. Raises `ExperimentNotFound`, `ExperimentState`."""
    check_text(outcome, field="outcome", limit=TEXT_CHARACTERS)
    experiment = _locked(tenant, key, expected)
    _require(experiment, Experiment.Status.RUNNING, "Only a running experiment can be stopped.")
    experiment.status, experiment.stopped_at, experiment.outcome = Experiment.Status.STOPPED, timezone.now(), outcome
    _save(experiment)
    audit(
        tenant=experiment.tenant, actor=actor, action="experiment_stop", target=key, reason=outcome[:500], before="running", after="stopped"
    )
    return experiment


@transaction.atomic
def experiment_delete(*, tenant: Tenant, key: str, actor: Actor) -> None:
    """Remove an experiment and everything it has counted. Raises `ExperimentNotFound`, or `ExperimentState` while it runs."""
    experiment = _locked(tenant, key, None)
    if experiment.status == Experiment.Status.RUNNING:
        raise ExperimentState("Stop the experiment first.")
    before = shown(experiment)
    _forget(Experiment.objects.filter(pk=experiment.pk))
    experiment.delete()
    audit(tenant=experiment.tenant, actor=actor, action="experiment_delete", target=key, before=before)


def events_add(*, tenant: Tenant, environment: str, events: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Take events: `event`, `targeting_key`, and maybe `value`, `at` (milliseconds since 1970), `id` (counted once).

    All or none are taken; `accepted` of them have been, `unused` are events that no running experiment is about. Raises `EventInvalid`.
    """
    if not 1 <= len(events) <= EVENTS:
        raise EventInvalid(f"1 to {EVENTS} events can be sent at once.", field="events", limit=EVENTS)
    now = time.time()
    read = [_event(sent, f"events[{number}]", now) for number, sent in enumerate(events)]
    running = Experiment.objects.filter(tenant=tenant, status=Experiment.Status.RUNNING, environment=environment)
    wanted = [(experiment, events_of(experiment)) for experiment in running]
    rows, unused = [], 0
    for sent in read:
        found = [experiment for experiment, names in wanted if sent["event"] in names]
        unused += not found
        subject = subject_of(tenant.account_id, sent["targeting_key"])
        rows += [
            Event(
                experiment=experiment,
                subject=subject,
                event=sent["event"],
                at_ms=sent["at"],
                value=sent["value"],
                sent_id=sent["id"],
                stored=int(now),
            )
            for experiment in found
        ]
    with transaction.atomic():
        events_store(rows)
    return {"accepted": len(read) - unused, "unused": unused}


@transaction.atomic
def version_flag_set(
    *,
    tenant: Tenant,
    worker_name: str,
    flag: str,
    environment: str = "production",
    targeting: Sequence[str] = ("version-key",),
    actor: Actor,
) -> VersionFlag:
    """Have a flag choose which version of the worker answers; where it does not, the deployment does.

    `targeting` says where a request's targeting key is looked for: `version-key`, `ip`, `cookie:NAME`, `header:NAME`, `query:NAME`. Raises
    `WorkerNotFound`, `FlagNotFound`, or `VersionFlagInvalid` for a flag that names no version of this worker.
    """
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    if not 1 <= len(targeting) <= SOURCES or not all(isinstance(source, str) and _SOURCE.fullmatch(source) for source in targeting):
        raise VersionFlagInvalid(
            f"“targeting” is a list of 1 to {SOURCES}: version-key, ip, cookie:NAME, header:NAME, query:NAME.",
            field="targeting",
            limit=SOURCES,
        )
    found = _flag(tenant, environment, flag)
    if found.type != "version" or not any(value["worker"] == worker.qualified_name for value in found.variants.values()):
        raise VersionFlagInvalid(f"None of the values of {flag!r} is a version of {worker.qualified_name!r}.", field="flag")
    row = VersionFlag.objects.filter(worker=worker).first() or VersionFlag(tenant=tenant, worker=worker)
    before = attached(row) if row.pk else None
    row.environment, row.flag, row.targeting = environment, flag, list(targeting)
    row.author, row.modified = actor.email[:AUTHOR_CHARACTERS], timezone.now()
    row.save()
    audit(tenant=tenant, actor=actor, action="version_flag_set", target=worker.qualified_name, before=before, after=attached(row))
    epoch.bump(reason=f"version flag of {worker.qualified_name}")
    return row


@transaction.atomic
def version_flag_clear(*, tenant: Tenant, worker_name: str, actor: Actor) -> None:
    """Leave the worker's versions to its deployment again. Raises `WorkerNotFound`, `VersionFlagNotFound`."""
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    row = VersionFlag.objects.filter(worker=worker).first()
    if row is None:
        raise VersionFlagNotFound
    row.delete()
    audit(tenant=tenant, actor=actor, action="version_flag_clear", target=worker.qualified_name, before=attached(row))
    epoch.bump(reason=f"version flag of {worker.qualified_name}")


@erases
def experiments_forget(tenant: Tenant) -> None:
    """Remove what a tenant's experiments have counted."""
    _forget(Experiment.objects.filter(tenant=tenant))


def shown(experiment: Experiment) -> dict[str, Any]:
    """What people have said about it, for the audit log."""
    return {name: getattr(experiment, name) for name in _FIELDS}


def attached(row: VersionFlag) -> dict[str, Any]:
    """The same of a version flag."""
    return {"environment": row.environment, "flag": row.flag, "targeting": row.targeting}


def shares_of(flag: Flag) -> dict[str, float]:
    """Variant -> share of 1, of the one split by the targeting key that the flag has. Raises `ExperimentInvalid` for none, or several."""
    splits = [rule.serving for rule in (*flag.rules, flag.default) if rule.serving.variant is None and rule.serving.by == TARGETING_KEY]
    found = [_shares(serving) for serving in splits]
    found = [shares for shares in found if len(shares) > 1]
    if not found:
        raise ExperimentInvalid(f"The flag {flag.key!r} splits nobody by the targeting key: there is nothing to compare.", field="flag")
    if any(shares != found[0] for shares in found):
        raise ExperimentInvalid(f"The flag {flag.key!r} has splits of different shares: what is compared would not be alike.", field="flag")
    return found[0]


def _shares(serving: Serving) -> dict[str, float]:
    counts: dict[str, int] = {}
    start = 0
    for upper, name in zip(serving.uppers, serving.variants, strict=True):
        counts[name] = counts.get(name, 0) + upper - start
        start = upper
    return {name: count / BUCKETS for name, count in sorted(counts.items()) if count}


def _flag(tenant: Tenant, environment: str, key: str) -> Flag:
    ruleset = flags.ruleset(tenant=tenant, environment=environment)
    found = ruleset.flag(key) if ruleset is not None else None
    if found is None:
        raise FlagNotFound(f"There is no flag {key[:128]!r} in {environment[:63]!r}.", field="flag")
    return found


def _take(experiment: Experiment, values: Mapping[str, Any]) -> None:
    for name, limit in _TEXTS.items():
        if name in values:
            setattr(experiment, name, check_text(values[name], field=name, limit=limit))
    if "metrics" in values:
        experiment.metrics = stored(read_metrics(values["metrics"]))
    if "alpha" in values:
        alpha = values["alpha"]
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0.0001 <= alpha <= 0.2:  # noqa: PLR2004 - what makes sense
            raise ExperimentInvalid("alpha is a number from 0.0001 to 0.2.", field="alpha")
        experiment.alpha = float(alpha)
    if "on_breach" in values:
        if values["on_breach"] not in _ON_BREACH:
            raise ExperimentInvalid(f"on_breach is one of {', '.join(_ON_BREACH)}.", field="on_breach")
        experiment.on_breach = values["on_breach"]
    found = _flag(experiment.tenant, experiment.environment, experiment.flag)
    if experiment.control not in found.variants:
        raise ExperimentInvalid(f"The flag has no variant {experiment.control[:60]!r}.", field="control")
    guardrails: list[Metric] = [metric for metric in of_row(experiment.metrics) if metric.tolerance is not None]
    if experiment.on_breach == "kill" and not guardrails:
        raise ExperimentInvalid("Without a guardrail (a metric with a tolerance) nothing can be broken.", field="on_breach")


def _forget(experiments: QuerySet[Experiment]) -> None:
    """Remove what was counted by one statement each: there may be millions of rows, which a cascade would read first."""
    for rows in (
        Conversion.objects.filter(participant__experiment__in=experiments),
        Participant.objects.filter(experiment__in=experiments),
        Event.objects.filter(experiment__in=experiments),
    ):
        rows._raw_delete(rows.db)  # noqa: SLF001 - as tenants.services.deletion


def _locked(tenant: Tenant, key: str, expected: int | None) -> Experiment:
    tenant = tenant_lock(tenant)
    found = selectors.experiment_get(tenant=tenant, key=key)
    experiment = Experiment.objects.select_for_update(no_key=True).get(pk=found.pk)
    experiment.tenant = tenant
    check_revision(experiment.revision, expected)
    return experiment


def _require(experiment: Experiment, status: str, message: str) -> None:
    if experiment.status != status:
        raise ExperimentState(message)


def _save(experiment: Experiment) -> None:
    experiment.revision += 1
    experiment.modified = timezone.now()
    # Not what is counted: that is the background's.
    experiment.save(
        update_fields=[*_FIELDS, "status", "shares", "started_at", "stopped_at", "outcome", "revision", "modified"],
    )


def _event(sent: Any, path: str, now: float) -> dict[str, Any]:
    if not isinstance(sent, Mapping):
        raise EventInvalid("An event must be an object.", field=path)
    name, key, value, at, sent_id = (sent.get(each) for each in ("event", "targeting_key", "value", "at", "id"))
    if not isinstance(name, str) or not 1 <= len(name) <= EVENT_CHARACTERS or "\0" in name:
        raise EventInvalid(f"An event's name has 1 to {EVENT_CHARACTERS} characters.", field=f"{path}.event", limit=EVENT_CHARACTERS)
    if not isinstance(key, str) or not 1 <= len(key) <= TARGETING_CHARACTERS:
        raise EventInvalid(
            f"A targeting key has 1 to {TARGETING_CHARACTERS} characters.", field=f"{path}.targeting_key", limit=TARGETING_CHARACTERS
        )
    if value is not None and not is_countable(value):
        raise EventInvalid(f"A value is a number from -{MOST_VALUE:g} to {MOST_VALUE:g}.", field=f"{path}.value")
    if at is None:
        at = now * 1000
    if isinstance(at, bool) or not isinstance(at, int | float) or not (now - _EVENT_DAYS * 86_400) * 1000 <= at <= (now + 60) * 1000:
        raise EventInvalid(f"“at” is in milliseconds since 1970, at most {_EVENT_DAYS} days ago.", field=f"{path}.at")
    if sent_id is not None and (not isinstance(sent_id, str) or not 1 <= len(sent_id) <= SENT_ID_CHARACTERS or "\0" in sent_id):
        raise EventInvalid(f"An id has 1 to {SENT_ID_CHARACTERS} characters.", field=f"{path}.id", limit=SENT_ID_CHARACTERS)
    return {"event": name, "targeting_key": key, "value": None if value is None else float(value), "at": int(at), "id": sent_id}
