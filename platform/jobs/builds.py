"""Making images: the builder that `tenants` asks, and what its jobs do.

Owns both ends of the `version_build` job. The asking end never loads the engine; the working end never sees a tenant's row until the code
has been tried.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings

from jobs import failures, services
from jobs.engine import engine
from jobs.models import Job, Runner
from jobs.running import runner_name
from tenants import blobs
from tenants.builder import BuildReport
from tenants.errors import BuildUnavailable
from tenants.grants import limits_under
from tenants.models import Version
from tenants.selectors.programs import version_bundle, versions_without_image
from tenants.services import image_store


class JobBuilder:
    """`tenants.builder.Builder` by way of jobs."""

    def guest_build(self) -> str | None:
        """What the youngest background worker says (or this process itself, where it runs its own jobs)."""
        if settings.HOSTEL.jobs_inline:
            return engine.sandbox().guest_build
        return next((runner.guest_build for runner in services.runners_alive() if runner.guest_build), None)

    def build(self, *, staged: str, account_id: str, wait_seconds: float) -> BuildReport:
        """Ask for the build and wait for it; see the protocol."""
        job = services.job_enqueue(kind="version_build", payload={"staged": staged, "account_id": account_id})
        done = services.job_wait(job_id=job.pk, timeout=wait_seconds)
        if not done.ended and not services.job_cancel(job_id=job.pk):
            # It ended between the last look and the attempt to cancel it.
            done = Job.objects.get(pk=job.pk)
        match done.state:
            case Job.State.SUCCEEDED:
                return BuildReport(**(done.result or {}))
            case Job.State.FAILED | Job.State.DEAD:
                raise failures.from_json(done.error)
            case _:
                raise BuildUnavailable(seconds=wait_seconds)

    def remake(self, *, version_id: str) -> None:
        """Ask for the image, once however often it is asked for."""
        services.job_enqueue(kind="image_remake", payload={"version": version_id}, idempotency_key=f"image_remake:{version_id}")


def build_staged(staged: str) -> dict[str, Any]:
    """Run a staged bundle's top level and put its image beside it; the fields of a `BuildReport`. Raises what the sandbox raises."""
    upload = blobs.staging().load(staged)
    box = engine.sandbox()
    report_guest(box.guest_build)
    built = engine.run(box.build(upload.bundle, upload.limits))
    blobs.staging().put_image(staged, built.image)
    return {
        "guest_build": built.guest_build,
        "handlers": list(built.handlers),
        "entrypoints": {name: list(handlers) for name, handlers in built.entrypoints.items()},
        "startup_cpu_us": built.startup_cpu_us,
        "warnings": list(built.warnings),
    }


def remake_image(version_id: str) -> dict[str, Any]:
    """Make a stored version's image for this process's guest; harmless where it has one, or the version has gone."""
    version = Version.objects.select_related("tenant", "worker").filter(pk=uuid.UUID(version_id)).first()
    if version is None:
        return {"made": False}
    box = engine.sandbox()
    if version.images.filter(guest_build=box.guest_build).exists():
        return {"made": False}
    limits = limits_under(version.tenant, version.worker, version_limits=version.limits).limits
    built = engine.run(box.build(version_bundle(version), limits))
    image_store(version=version, guest_build=built.guest_build, image=built.image, limits=limits)
    return {"made": True, "guest_build": built.guest_build}


def refresh_images() -> dict[str, Any]:
    """Ask for the images that live versions lack for this process's guest: after an upgrade, that is all of them."""
    missing = versions_without_image(guest_build=engine.sandbox().guest_build)
    for version_id in missing:
        JobBuilder().remake(version_id=version_id)
    return {"asked": len(missing)}


def report_guest(guest_build: str) -> None:
    """Let the other processes know which guest images are made for."""
    Runner.objects.filter(name=runner_name()).exclude(guest_build=guest_build).update(guest_build=guest_build)
