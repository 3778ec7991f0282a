"""What can go wrong with feature flags.

    HostelError (sandbox.errors)
    ├── NotFound (tenants.errors)        FlagNotFound · SegmentNotFound · LayerNotFound · FlagEnvironmentNotFound
    ├── FieldInvalid (tenants.errors)
    │   ├── FlagInvalid                  a flag, rule, condition or segment is wrong: `field` is the path to it
    │   └── ContextInvalid               what flags are evaluated for is wrong or too large
    └── FlagInUse                        something else names it

Owns the leaves only.
"""

from __future__ import annotations

from sandbox.errors import HostelError
from tenants.errors import FieldInvalid, NotFound


class FlagNotFound(NotFound):
    """There is no such flag."""

    code = "flag_not_found"


class SegmentNotFound(NotFound):
    """There is no such segment."""

    code = "segment_not_found"


class LayerNotFound(NotFound):
    """There is no such layer."""

    code = "layer_not_found"


class FlagEnvironmentNotFound(NotFound):
    """There is no such environment of flags."""

    code = "flag_environment_not_found"


class FlagInvalid(FieldInvalid):
    """The flag is not valid."""

    code = "flag_invalid"


class ContextInvalid(FieldInvalid):
    """The evaluation context is not valid."""

    code = "flag_context_invalid"


class FlagInUse(HostelError):
    """Something else names it: change that first."""

    code = "flag_in_use"
    status = 409
    fault = "tenant"
