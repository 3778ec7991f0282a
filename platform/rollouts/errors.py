"""What can go wrong with rollouts.

Owns the leaves only; the tree's root is `sandbox.errors`.
"""

from __future__ import annotations

from sandbox.errors import HostelError
from tenants.errors import FieldInvalid, NotFound


class RolloutNotFound(NotFound):
    """This worker has no such rollout."""

    code = "rollout_not_found"


class RolloutInvalid(FieldInvalid):
    """The rollout's plan is not valid."""

    code = "rollout_invalid"


class RolloutUnderWay(HostelError):
    """This worker has a rollout under way already."""

    code = "rollout_under_way"
    status = 409
    fault = "tenant"


class RolloutImpossible(HostelError):
    """What is live now cannot be rolled out from."""

    code = "rollout_impossible"
    status = 409
    fault = "tenant"


class RolloutStateWrong(HostelError):
    """The rollout is not in a state in which this can be done."""

    code = "rollout_state_wrong"
    status = 409
    fault = "tenant"


class RolloutsFrozen(HostelError):
    """An operator has frozen rollouts."""

    code = "rollouts_frozen"
    status = 409
    fault = "platform"
