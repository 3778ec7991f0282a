"""Which versions rollouts need: those of a rollout that goes on are not removed.

Owns the answer to `tenants.referring`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.models import ACTIVE, Rollout
from tenants.models import Worker
from tenants.referring import refers


@refers("a rollout")
def versions(worker: Worker) -> Iterator[str]:
    """The versions of the worker's rollouts that have not ended."""
    for rollout in Rollout.objects.filter(worker=worker, state__in=ACTIVE):
        yield rollout.new_version
        yield rollout.old_version
