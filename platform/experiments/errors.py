"""What can go wrong with experiments.

    HostelError (sandbox.errors)
    ├── NotFound (tenants.errors)        ExperimentNotFound · VersionFlagNotFound
    ├── FieldInvalid (tenants.errors)    ExperimentInvalid · EventInvalid · VersionFlagInvalid
    └── ExperimentState                  what was asked for does not go with where the experiment stands

Owns the leaves only.
"""

from __future__ import annotations

from sandbox.errors import HostelError
from tenants.errors import FieldInvalid, NotFound


class ExperimentNotFound(NotFound):
    """There is no such experiment."""

    code = "experiment_not_found"


class VersionFlagNotFound(NotFound):
    """No flag chooses the versions of this worker."""

    code = "version_flag_not_found"


class ExperimentInvalid(FieldInvalid):
    """The experiment is not valid."""

    code = "experiment_invalid"


class EventInvalid(FieldInvalid):
    """An event is not valid."""

    code = "event_invalid"


class VersionFlagInvalid(FieldInvalid):
    """This flag cannot choose the versions of the worker."""

    code = "version_flag_invalid"


class ExperimentState(HostelError):
    """The experiment is not in the state for this: only drafts are changed and started, only running ones stopped."""

    code = "experiment_state"
    status = 409
    fault = "tenant"
