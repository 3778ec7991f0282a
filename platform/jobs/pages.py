"""Background work as pages of the operator console: what waits, what is dead, and having it tried again.

Owns these pages only. They live here and not in `ui`, which knows nothing of jobs.
"""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Min
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from cfapi.paging import page_of
from jobs import selectors, services
from jobs.models import Job
from ui.page import OperatorPage

PER_PAGE: Final = 50
KIND_CHARACTERS: Final = 60
# A clock that has not ticked for so long stands still (seconds).
LATE_SECONDS: Final = 120


class Jobs(OperatorPage):
    """`/operator/jobs`: how many of each state, who is at them, and the jobs."""

    template = "ui/operator/jobs.html"
    title = "Jobs"
    place = "jobs"
    api = "/api/v1/admin/jobs"

    def context(self) -> dict[str, Any]:
        """Of a state and kind, where the address names them."""
        state, kind = self.request.GET.get("state", ""), self.request.GET.get("kind", "")[:KIND_CHARACTERS].replace("\0", "")
        states = [state] if state in Job.State.values else []
        queued = selectors.job_list(states=[Job.State.QUEUED]).order_by()
        now = timezone.now()
        schedule = list(selectors.schedule_list())
        return {
            "found": page_of(self.request, selectors.job_list(states=states, kind=kind), per_page=PER_PAGE),
            "counts": selectors.job_counts(),
            "oldest": queued.filter(run_after__lte=now).aggregate(oldest=Min("run_after"))["oldest"],
            "runners": services.runners_alive(),
            "schedule": [(each, (now - each.next_at).total_seconds() > LATE_SECONDS) for each in schedule],
            "state": state,
            "kind": kind,
            "states": Job.State.values,
        }


class JobOne(OperatorPage):
    """`/operator/jobs/{job_id}`: one of them, with its payload and what went wrong."""

    template = "ui/operator/job.html"
    title = "Job"
    place = "jobs"
    actions = ("retry", "cancel")
    api = "/api/v1/admin/jobs/{job_id}"

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list."""
        return [("Jobs", reverse("operator_jobs"))]

    def context(self) -> dict[str, Any]:
        """The job. Raises `JobNotFound`."""
        job = selectors.job_get(job_id=self.kwargs["job_id"])
        return {"job": job, "can_retry": job.state in services.RETRIED, "can_cancel": not job.ended}

    def do_retry(self) -> HttpResponseBase:
        """Have it tried again."""
        services.job_retry(job_id=self.kwargs["job_id"], actor=self.actor)
        self.say("It waits for its next attempt.")
        return HttpResponseRedirect(self.request.path)

    def do_cancel(self) -> HttpResponseBase:
        """End it; what is brought after this is dropped."""
        services.job_stop(job_id=self.kwargs["job_id"], actor=self.actor)
        self.say("Ended.")
        return HttpResponseRedirect(self.request.path)
