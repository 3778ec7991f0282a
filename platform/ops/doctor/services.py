"""What runs: Redis, the broker, background work, gateways and their sockets. Needs Django, and for the last two an answering database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import redis
from django.conf import settings
from django.utils import timezone
from kombu import Connection
from kombu.exceptions import KombuError

from jobs.models import Job
from jobs.services import runners_alive
from ops import gateways, probes
from ops.doctor.finding import Finding, fail, ok, warn
from ops.lock import holder
from ops.processes import local

_SECONDS: Final = 3
# A job that nobody has begun, and a tenant's upload waits behind it.
QUEUED_SECONDS: Final = 60


def reached() -> Iterator[Finding]:
    """The services that settings name."""
    if settings.HOSTEL.redis_url:
        yield redis_server()
    yield broker()


def running() -> Iterator[Finding]:
    """The processes, and what they have to do."""
    yield background()
    yield jobs()
    yield sockets()
    if holder(settings.HOSTEL.run) is not None:
        yield readiness()


def redis_server() -> Finding:
    """Whether Redis answers."""
    try:
        with redis.Redis.from_url(settings.HOSTEL.redis_url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS) as client:
            version = client.info("server")["redis_version"]
    except (redis.RedisError, OSError, ValueError) as error:
        return fail("redis", f"it does not answer: {str(error)[:200]}", "Look at REDIS_URL. Until then changes reach other machines later.")
    return ok("redis", f"{version} answers")


def broker() -> Finding:
    """Whether what wakes background workers can be reached."""
    url = settings.HOSTEL.broker_url
    if url == "hostel://":
        return ok("broker", "the database itself")
    try:
        with Connection(url, connect_timeout=_SECONDS) as connection:
            connection.ensure_connection(max_retries=1, timeout=_SECONDS)
    except (KombuError, OSError, ValueError, RuntimeError) as error:
        return fail(
            "broker", f"it cannot be reached: {str(error)[:200]}", "Look at CELERY_BROKER_URL. Jobs are kept; the sweep finds them."
        )
    return ok("broker", f"{url.partition(':')[0]} answers")


def background() -> Finding:
    """Whether somebody does the jobs."""
    alive = runners_alive()
    if not alive:
        return fail(
            "background", "no background worker has been heard of lately", "Start Hostel, or `manage.py background`: uploads wait for it."
        )
    guests = {runner.guest_build for runner in alive if runner.guest_build}
    if len(guests) > 1:
        return warn(
            "background", f"{len(alive)} workers with {len(guests)} different guests", "Restart those that an upgrade has left behind."
        )
    return ok("background", f"{len(alive)} at work")


def jobs() -> Finding:
    """Whether jobs get done."""
    now = timezone.now()
    lease = timedelta(seconds=settings.HOSTEL.job_lease_seconds)
    silent = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=now - lease).count()
    waiting = Job.objects.filter(state=Job.State.QUEUED, run_after__lt=now - timedelta(seconds=QUEUED_SECONDS)).count()
    dead = Job.objects.filter(state=Job.State.DEAD).count()
    if silent or waiting:
        said = f"{waiting} have waited for more than {QUEUED_SECONDS} s, {silent} have been given up by whoever ran them"
        return fail("jobs", said, "Is a background worker running? Its log (log/background.log) says what it is at.")
    if dead:
        return warn(
            "jobs", f"{dead} have been given up", "/admin/jobs/job/ lists them with the reason; they can be tried again from there."
        )
    return ok("jobs", "none is stuck")


def sockets() -> Finding:
    """Whether the gateways of this home are well."""
    found = gateways.processes(settings.HOSTEL.run)
    states = asyncio.run(gateways.ask_all(found, "GET", "/drain"))
    dead = [str(found[pid].name) for pid, state in states.items() if state is None]
    draining = [pid for pid, state in states.items() if state and state["draining"]]
    if dead:
        return warn(
            "gateways", f"nobody answers behind {', '.join(dead)}", "The next gateway process to start removes what dead ones have left."
        )
    if draining:
        return warn("gateways", f"{len(draining)} of {len(states)} are draining", "hostel drain --undo serves again.")
    return ok("gateways", f"{len(states)} answer" if states else "none runs in this home")


def readiness() -> Finding:
    """Whether visitors can be served, asked as a balancer asks."""
    config = settings.HOSTEL
    try:
        ready = asyncio.run(_ready(local(config.host), config.port))
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
        return fail("ready", f"the gateway does not answer: {type(error).__name__}", "log/gateway.log says why.")
    return ok("ready", "/readyz says yes") if ready else fail("ready", "/readyz says no", "It says why: curl -H 'Host: localhost' …/readyz")


async def _ready(host: str, port: int) -> bool:
    return await asyncio.wait_for(probes.tcp_ok(host, port, path="/readyz"), _SECONDS)
