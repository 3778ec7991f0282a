"""What changes flags: each in one transaction, with an audit event, live in every gateway within a second.

Owns the list of services.
"""

from __future__ import annotations

from flags.services.environments import environment_create, environment_delete, environments_ensure
from flags.services.layers import layer_create, layer_delete
from flags.services.segments import segment_create, segment_delete, segment_update
from flags.services.states import flag_kill, flag_restore, flag_state_update
from flags.services.writing import flag_create, flag_delete, flag_update

__all__ = [
    "environment_create",
    "environment_delete",
    "environments_ensure",
    "flag_create",
    "flag_delete",
    "flag_kill",
    "flag_restore",
    "flag_state_update",
    "flag_update",
    "layer_create",
    "layer_delete",
    "segment_create",
    "segment_delete",
    "segment_update",
]
