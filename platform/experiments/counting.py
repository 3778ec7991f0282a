"""From records to rows: who was shown what first, what it cost, and how often flags were evaluated.

Owns what a record adds. Called in the transaction that reads the spool (telemetry.consumers), one call at a time over all machines, so rows
may be read, added to and written, and everything is counted exactly once. Must not be on a request's path.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from django.db.models import F

from experiments.models import Event, Experiment, FlagCount, Participant
from sandbox.worker.record import InvocationRecord, Mark
from telemetry.chunks import is_failure
from telemetry.frames import Owner
from telemetry.models import HOUR

Records = Sequence[tuple[Owner, InvocationRecord]]
FLAG, EVENT, SPLIT = "flag", "event", "SPLIT"
# Whom one experiment counts; a targeting key that is made anew for every request must not fill the disk.
PARTICIPANTS: Final = 1_000_000
# Events of one experiment that wait to be counted.
WAITING: Final = 200_000
_BATCH: Final = 1_000
# As long as the columns.
_ENVIRONMENT, _FLAG, _VARIANT, _EVENT = 63, 128, 128, 100
_COUNT_ONCE: Final = ("tenant", "environment", "flag", "variant", "hour")
_SUMS: Final = ("variant", "first_ms", "crossed", "requests", "errors", "cpu_us", "wall_us")


def count(records: Records) -> None:
    """Count what the marks of `records` say."""
    marked = [(owner, record) for owner, record in records if record.marks]
    if not marked:
        return
    _evaluations_add(marked)
    running = _running({owner.tenant_id for owner, _ in marked})
    if running:
        _participants_add(marked, running)
        _events_add(marked, running)


def _running(tenants: set[int]) -> dict[tuple[int, str], list[Experiment]]:
    """Experiments under way, by tenant and environment."""
    found: dict[tuple[int, str], list[Experiment]] = defaultdict(list)
    for experiment in Experiment.objects.filter(status=Experiment.Status.RUNNING, tenant__in=tenants):
        found[experiment.tenant_id, experiment.environment].append(experiment)
    return found


def _evaluations_add(records: Records) -> None:
    counts: Counter[tuple[int, str, str, str, int]] = Counter()
    for owner, record in records:
        hour = int(record.started_ms // 1000) // HOUR * HOUR
        for mark in record.marks:
            if mark.kind == FLAG:
                counts[owner.tenant_id, mark.scope[:_ENVIRONMENT], mark.name[:_FLAG], mark.value[:_VARIANT], hour] += 1
    if not counts:
        return
    places = {
        "tenant_id__in": {key[0] for key in counts},
        "flag__in": {key[2] for key in counts},
        "hour__in": {key[4] for key in counts},
    }
    for row in FlagCount.objects.filter(**places):
        key = (row.tenant_id, row.environment, row.flag, row.variant, row.hour)
        if key in counts:
            counts[key] += row.count
    rows = [
        FlagCount(tenant_id=tenant, environment=environment, flag=flag, variant=variant, hour=hour, count=total)
        for (tenant, environment, flag, variant, hour), total in counts.items()
    ]
    FlagCount.objects.bulk_create(rows, update_conflicts=True, unique_fields=_COUNT_ONCE, update_fields=["count"])


def _shown(records: Records, running: dict[tuple[int, str], list[Experiment]]) -> Iterable[tuple[Experiment, Mark, InvocationRecord]]:
    """Every evaluation that chance decided, of a flag that an experiment is about, since that began."""
    for owner, record in records:
        for mark in record.marks:
            if mark.kind != FLAG or mark.reason != SPLIT or not mark.subject:
                continue
            for experiment in running.get((owner.tenant_id, mark.scope), ()):
                if experiment.flag == mark.name and mark.value in experiment.shares and record.started_ms >= began_ms(experiment):
                    yield experiment, mark, record


def _participants_add(records: Records, running: dict[tuple[int, str], list[Experiment]]) -> None:
    by_experiment: dict[int, list[tuple[Mark, InvocationRecord]]] = defaultdict(list)
    experiments: dict[int, Experiment] = {}
    for experiment, mark, record in _shown(records, running):
        experiments[experiment.pk] = experiment
        by_experiment[experiment.pk].append((mark, record))
    for pk, shown in by_experiment.items():
        _experiment_add(experiments[pk], shown)


def _experiment_add(experiment: Experiment, shown: Sequence[tuple[Mark, InvocationRecord]]) -> None:
    subjects = sorted({mark.subject for mark, _ in shown})
    rows: dict[str, Participant] = {}
    for start in range(0, len(subjects), _BATCH):
        found = Participant.objects.filter(experiment=experiment, subject__in=subjects[start : start + _BATCH])
        rows.update((row.subject, row) for row in found)
    room = PARTICIPANTS - experiment.participants
    new = away = 0
    for mark, record in shown:
        row = rows.get(mark.subject)
        if row is None:
            if new >= room:
                away += 1
                continue
            new += 1
            row = rows[mark.subject] = Participant(
                experiment=experiment, subject=mark.subject, variant=mark.value, first_ms=int(record.started_ms)
            )
        _participant_add(row, mark, record)
    Participant.objects.bulk_create(
        list(rows.values()), batch_size=_BATCH, update_conflicts=True, unique_fields=["experiment", "subject"], update_fields=_SUMS
    )
    if new or away:
        Experiment.objects.filter(pk=experiment.pk).update(participants=F("participants") + new, turned_away=F("turned_away") + away)


def _participant_add(row: Participant, mark: Mark, record: InvocationRecord) -> None:
    at = int(record.started_ms)
    if mark.value != row.variant:
        row.crossed = True
        if at < row.first_ms:
            # Records of another process that are read later, of what was earlier.
            row.variant = mark.value
    row.first_ms = min(row.first_ms, at)
    row.requests += 1
    row.errors += is_failure(record)
    row.cpu_us += record.cpu_us
    row.wall_us += record.wall_us


def _events_add(records: Records, running: dict[tuple[int, str], list[Experiment]]) -> None:
    waiting: list[Event] = []
    now = int(time.time())
    for owner, record in records:
        for mark in record.marks:
            if mark.kind != EVENT:
                continue
            waiting += [
                Event(
                    experiment=experiment,
                    subject=mark.subject,
                    event=mark.name[:_EVENT],
                    at_ms=int(record.started_ms),
                    value=mark.number,
                    stored=now,
                )
                for experiment in running.get((owner.tenant_id, mark.scope), ())
                if mark.name in events_of(experiment)
            ]
    events_store(waiting)


def events_store(events: Sequence[Event]) -> int:
    """Keep events to be counted, as far as there is room; how many were new. In the caller's transaction."""
    by_experiment: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        by_experiment[event.experiment_id].append(event)
    stored = 0
    for pk, found in by_experiment.items():
        waiting = Event.objects.filter(experiment=pk, counted=False)
        taken = found[: max(0, WAITING - waiting.count())]
        before = Event.objects.filter(experiment=pk).count()
        Event.objects.bulk_create(taken, batch_size=_BATCH, ignore_conflicts=True)
        stored += Event.objects.filter(experiment=pk).count() - before
    return stored


def began_ms(experiment: Experiment) -> float:
    """Since when it counts, in milliseconds."""
    return experiment.started_at.timestamp() * 1000 if experiment.started_at is not None else float("inf")


def events_of(experiment: Experiment) -> frozenset[str]:
    """The events that its metrics are about."""
    return frozenset(metric["event"] for metric in experiment.metrics if metric.get("event"))
