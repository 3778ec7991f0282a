"""What can go wrong when an operator asks for jobs. Owns the leaves only."""

from __future__ import annotations

from sandbox.errors import HostelError
from tenants.errors import NotFound


class JobNotFound(NotFound):
    """There is no such job."""

    code = "job_not_found"


class JobConflict(HostelError):
    """The job is in a state in which this cannot be done."""

    code = "job_conflict"
    status = 409
    fault = "tenant"
