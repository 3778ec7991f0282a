"""Everything that changes rollouts. Import services from here.

Owns the writes, as `tenants.services` does for the rest: keyword-only, in a transaction, the audit event inside it.
"""

from __future__ import annotations

from rollouts.counting import TICK
from rollouts.services.freezing import freeze_lift, freeze_set
from rollouts.services.starting import rollout_start
from rollouts.services.steering import rollout_abort, rollout_approve, rollout_pause, rollout_resume
from rollouts.services.ticking import rollout_tick, rollouts_tick

__all__ = [
    "TICK",
    "freeze_lift",
    "freeze_set",
    "rollout_abort",
    "rollout_approve",
    "rollout_pause",
    "rollout_resume",
    "rollout_start",
    "rollout_tick",
    "rollouts_tick",
]
