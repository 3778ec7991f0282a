"""What is done in the background: one entry for each kind of job.

Owns the list. An entry calls one service and returns what is worth keeping of its result.
"""

from __future__ import annotations

from dataclasses import asdict

from django.contrib.sessions.backends.db import SessionStore

from experiments import watching
from jobs import builds, services
from jobs.engine import engine
from jobs.models import Job
from jobs.registry import Result, job_kind
from jobs.webhooks import sender
from rollouts import services as rollouts
from tenants import services as tenants
from tenants.actor import Actor

HOUR = 3_600.0
MINUTE = 60.0


@job_kind("version_build")
def version_build(job: Job) -> Result:
    """Build a staged upload; its image goes into the staging area."""
    return builds.build_staged(job.payload["staged"])


@job_kind("image_remake")
def image_remake(job: Job) -> Result:
    """Make the image of a version again, for the present guest."""
    return builds.remake_image(job.payload["version"])


@job_kind("images_refresh")
def images_refresh(_job: Job) -> Result:
    """Ask for the images that an upgrade of the guest has made necessary."""
    return builds.refresh_images()


@job_kind("blob_gc", every=HOUR)
def blob_gc(_job: Job) -> Result:
    """Forget images of earlier guests, then remove content that nothing refers to."""
    images = tenants.images_prune(guest_build=engine.sandbox().guest_build)
    return {"images": images, **asdict(tenants.blobs_collect())}


@job_kind("versions_prune", every=HOUR)
def versions_prune(_job: Job) -> Result:
    """Remove the versions that workers' retention policies let go."""
    return {"versions": tenants.versions_prune()}


@job_kind("tenants_erase", every=HOUR)
def tenants_erase(_job: Job) -> Result:
    """Erase the tenants whose grace period is over."""
    return {"tenants": tenants.tenants_erase_due()}


@job_kind(tenants.SEND)
def webhooks_send(job: Job) -> Result:
    """Send what is due to webhooks. Whoever asks from now on asks for another job: this one may have looked already."""
    services.job_release(job=job)
    return sender.run()


@job_kind(rollouts.TICK, every=5.0)
def rollouts_tick(job: Job) -> Result:
    """Look after every rollout under way. Whoever reads telemetry asks for more of these, as long as there is something to look after."""
    services.job_release(job=job)
    return rollouts.rollouts_tick()


@job_kind(tenants.ROTATE)
def keys_rotate(_job: Job) -> Result:
    """Seal everything with the current master key; what an interrupted run has done stays done."""
    done = asdict(tenants.keys_rotate(actor=Actor.system()))
    return {**done, "unreadable": len(done["unreadable"])}


@job_kind("job_prune", every=HOUR)
def job_prune(_job: Job) -> Result:
    """Forget old jobs, counts, and sessions that are over."""
    SessionStore.clear_expired()
    return {
        "jobs": services.jobs_prune(),
        "counts": tenants.throttles_prune() + tenants.quotas_prune(),
        "deliveries": tenants.deliveries_prune(),
    }


@job_kind("experiments_watch", every=MINUTE / 2)
def experiments_watch(_job: Job) -> Result:
    """Count events, and look at the experiments that run."""
    return watching.experiments_watch()


@job_kind("experiments_prune", every=HOUR)
def experiments_prune(_job: Job) -> Result:
    """Forget events that nobody counts any more, and evaluations of long ago."""
    return watching.experiments_prune()
