"""What is kept: the database, the keys its secrets are sealed with, content, images. Needs Django."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from ops import migrating
from ops.doctor.finding import Finding, fail, ok, warn
from tenants import blobs, services
from tenants.builder import builder
from tenants.errors import BlobMissing
from tenants.models import AuditEvent, DataKey
from tenants.selectors.programs import versions_without_image
from tenants.services.blobs import references

# Blobs whose bytes are read; `--deep` reads all.
SAMPLE: Final = 200
OLDEST_POSTGRESQL: Final = 140_000
SKEW_SECONDS: Final = 2.0
_NAMED: Final = 3


def looks(*, deep: bool) -> Iterator[Finding]:
    """Every look at what is kept; stops at a database that does not answer."""
    reachable = database()
    yield reachable
    if reachable.level == "fail":
        return
    schema = migrations()
    yield schema
    if schema.level == "fail":
        return
    yield clock()
    yield keys()
    yield content(deep=deep)
    yield images()
    if deep:
        yield audit()


def database() -> Finding:
    """Whether it answers, and can be relied on."""
    advice = "Look at DATABASE_URL, and whether the server runs and lets this machine in."
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SHOW server_version_num")
                version = int(cursor.fetchone()[0])
                if version < OLDEST_POSTGRESQL:
                    return fail("database", f"PostgreSQL {version // 10_000} is too old", "Upgrade to PostgreSQL 14 or newer.")
                return ok("database", f"PostgreSQL {version // 10_000} answers")
            cursor.execute("PRAGMA quick_check(1)")
            said = str(cursor.fetchone()[0])
    except DatabaseError as error:
        return fail("database", f"it does not answer: {str(error).splitlines()[0][:200]}", advice)
    if said != "ok":
        return fail("database", f"SQLite finds it damaged: {said[:200]}", "Stop Hostel and restore a backup: hostel backup restore")
    return ok("database", "SQLite answers and is not damaged")


def migrations() -> Finding:
    """Whether the schema is this release's."""
    if missing := migrating.missing():
        return fail("schema", f"{len(missing)} migrations are not applied, {missing[0]} first", "hostel migrate")
    if unknown := migrating.unknown():
        return warn("schema", f"it is newer than this release: it has {unknown[0]}", "Upgrade this machine, too.")
    return ok("schema", "up to date")


def clock() -> Finding:
    """Whether this machine's clock agrees with the database's, or with what was recorded."""
    advice = "Let this machine keep time (chrony, systemd-timesyncd): tokens, leases and quotas end by the clock."
    if connection.vendor == "postgresql":
        before = timezone.now()
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            there = cursor.fetchone()[0]
        middle = before + (timezone.now() - before) / 2
        apart = abs((there - middle).total_seconds())
        if apart > SKEW_SECONDS:
            return (fail if apart > 30 * SKEW_SECONDS else warn)("clock", f"{apart:.1f} s apart from the database's", advice)
        return ok("clock", f"{apart:.2f} s apart from the database's")
    newest = AuditEvent.objects.order_by("-pk").values_list("created", flat=True).first()
    if newest is not None and newest > timezone.now() + timedelta(seconds=SKEW_SECONDS):
        return warn("clock", f"the newest audit event is from the future ({newest:%Y-%m-%d %H:%M:%S} UTC)", advice)
    return ok("clock", "after everything that was recorded")


def keys() -> Finding:
    """Whether every secret can be opened."""
    ring = settings.HOSTEL_KEYS
    wanted = dict.fromkeys(DataKey.objects.values_list("key_id", flat=True))
    if missing := [key for key in wanted if key not in ring]:
        return fail(
            "keys",
            f"secrets are sealed with keys that are not here: {', '.join(missing)}",
            "Put them back: secret.key, or HOSTEL_SECRET_KEY.",
        )
    if [key for key in wanted if key != ring.current]:
        return warn(
            "keys", "some secrets are still sealed with an earlier key", "hostel keys rotate, then take the earlier key off the ring."
        )
    return ok("keys", "every secret is sealed with the current key")


def content(*, deep: bool) -> Finding:
    """Whether what rows refer to is in the store, and is what it was."""
    store = blobs.store()
    root = settings.HOSTEL.home / "blobs"
    if root.exists() and not os.access(root, os.W_OK | os.X_OK):
        return fail("content", f"{root} cannot be written to", "Give it to the user Hostel runs as.")
    wanted = sorted(set(references()))
    missing = [sha256 for sha256 in wanted if not store.exists(sha256)]
    # Names are hashes: every so-maniest is as good a sample as any.
    step = 1 if deep else max(1, len(wanted) // SAMPLE)
    damaged = [sha256 for sha256 in wanted[::step] if sha256 not in missing and _damaged(sha256)]
    if missing or damaged:
        named = ", ".join([*missing, *damaged][:_NAMED])
        return fail(
            "content",
            f"{len(missing)} missing and {len(damaged)} damaged of {len(wanted)} ({named}…)",
            "Restore them from a backup (hostel backup restore into another home, then copy its blobs/), or upload those versions again.",
        )
    looked = "all" if step == 1 else f"{len(wanted[::step])}"
    return ok("content", f"{len(wanted)} blobs are there, {looked} were read" + ("" if step == 1 else " (--deep reads all)"))


def _damaged(sha256: str) -> bool:
    try:
        blobs.store().get(sha256)
    except BlobMissing:
        return True
    return False


def images() -> Finding:
    """Whether live versions have an image for the guest that runs."""
    build = builder().guest_build()
    if build is None:
        return warn("images", "no background worker has said which guest they are made for", "Start the background worker.")
    missing = len(versions_without_image(guest_build=build))
    if missing:
        return warn(
            "images", f"{missing} live versions have none for this guest: they start slower", "They are being made; look again soon."
        )
    return ok("images", "every live version has one for this guest")


def audit() -> Finding:
    """Whether the record of what was done is whole."""
    found = services.audit_verify()
    if found.intact:
        return ok("audit log", f"{found.events} events, intact")
    return fail("audit log", f"{len(found.breaks)} chains are broken", "hostel audit verify says where; compare with a backup.")
