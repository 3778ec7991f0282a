"""From events that wait to conversions.

Owns the counting of what participants did: an event counts when its participant is known and it came after their first exposure. Those of
nobody are forgotten after a while. Safe to run twice and by two at once: experiments are taken one by one under their lock.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Final

from django.db import transaction

from experiments.models import Conversion, Event, Experiment, Participant

# How long an event waits for its participant: records of another machine may be late.
WAIT_SECONDS: Final = 3_600
# How long the ids of events are known.
ID_SECONDS: Final = 86_400
_BATCH: Final = 2_000
_ROUNDS: Final = 50


def events_absorb() -> int:
    """Count what waits, of every experiment; how many events that was."""
    waiting = Event.objects.filter(counted=False).order_by().values_list("experiment_id", flat=True).distinct()
    return sum(_absorb_all(experiment) for experiment in list(waiting))


def events_prune(*, now: float | None = None) -> int:
    """Forget events that nobody will count any more; how many."""
    moment = time.time() if now is None else now
    late = Event.objects.filter(counted=False, stored__lt=moment - WAIT_SECONDS).delete()[0]
    return late + Event.objects.filter(counted=True, stored__lt=moment - ID_SECONDS).delete()[0]


def _absorb_all(experiment_id: int) -> int:
    done, after = 0, 0
    for _ in range(_ROUNDS):
        counted, after = _absorb(experiment_id, after)
        done += counted
        if not after:
            break
    return done


@transaction.atomic
def _absorb(experiment_id: int, after: int) -> tuple[int, int]:
    """Count a batch of events behind the id `after`; how many were counted, and the last id (0: there are no more)."""
    if not Experiment.objects.select_for_update(no_key=True).filter(pk=experiment_id).exists():
        return 0, 0
    batch = list(Event.objects.filter(experiment=experiment_id, counted=False, pk__gt=after).order_by("pk")[:_BATCH])
    known = Participant.objects.filter(experiment=experiment_id, subject__in={event.subject for event in batch})
    participants = {row.subject: row for row in known.only("subject", "first_ms")}
    added: dict[tuple[int, str], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    settled: list[Event] = []
    for event in batch:
        participant = participants.get(event.subject)
        if participant is None:
            continue
        settled.append(event)
        if event.at_ms >= participant.first_ms:
            count, total = added[participant.pk, event.event]
            added[participant.pk, event.event] = (count + 1, total + (event.value or 0.0))
    for row in Conversion.objects.filter(participant__in={pk for pk, _ in added}):
        if (row.participant_id, row.event) in added:
            count, total = added[row.participant_id, row.event]
            added[row.participant_id, row.event] = (count + row.count, total + row.total)
    Conversion.objects.bulk_create(
        [Conversion(participant_id=pk, event=event, count=count, total=total) for (pk, event), (count, total) in added.items()],
        update_conflicts=True,
        unique_fields=["participant", "event"],
        update_fields=["count", "total"],
    )
    Event.objects.filter(pk__in=[event.pk for event in settled if event.sent_id is None]).delete()
    Event.objects.filter(pk__in=[event.pk for event in settled if event.sent_id is not None]).update(counted=True)
    return len(settled), batch[-1].pk if len(batch) == _BATCH else 0
