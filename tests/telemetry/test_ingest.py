"""The spool becomes rows exactly once, whatever happens in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, connection
from django.db.models import Sum

from sandbox import Outcome
from telemetry import ingest, ledger, retention
from telemetry.chunks import records_of
from telemetry.frames import Batch, framed
from telemetry.ingest import Reading
from telemetry.ingester import Ingester
from telemetry.models import DAY, HOUR, MINUTE, Chunk, Loss, Rollup, Segment, Usage
from telemetry.sketch import Sketch
from telemetry.tally import SUMS
from tenants.models import Plan, Tenant, Worker
from tests.conftest import ROOT, database_url

from .making import NOW, Writer, line, owner, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    yield (made := Writer(folder))
    if made.descriptor >= 0:
        made.close()


def requests(step: int) -> int:
    return sum(Rollup.objects.filter(step=step).values_list("invocations", flat=True))


def ledger_requests() -> int:
    return int(Usage.objects.aggregate(total=Sum("requests", default=0))["total"])


def all_agree(count: int) -> None:
    """Every place that counts says the same."""
    assert [requests(step) for step in (MINUTE, HOUR, DAY)] == [count] * 3
    assert ledger_requests() == count
    assert sum(Chunk.objects.values_list("count", flat=True)) == count
    for row in Rollup.objects.all():
        assert Sketch.decode(row.cpu).count == Sketch.decode(row.wall).count == row.invocations == sum(row.outcomes.values())


def test_records_become_sums_histograms_and_chunks(tenant: Tenant, folder: Path, writer: Writer) -> None:
    mine = owner(tenant.pk)
    writer.batch(
        (mine, record(start="cold", cpu_us=1_000, wall_us=2_000, logs=[line("one"), line("two", "error")])),
        (mine, record(outcome=Outcome.EXCEPTION, status=500, cpu_us=3_000, wall_us=9_000, egress_bytes=5, subrequests=2)),
    )
    writer.batch((mine, record(started_ms=NOW + 60_000, depth=1, request_bytes=7)), (owner(tenant.pk, 2, "other"), record()), ring_full=4)
    assert Ingester(folder).read() == 4
    assert Ingester(folder).read() == 0
    first, second = Rollup.objects.filter(worker_id=1, step=MINUTE).order_by("at")
    assert (first.invocations, first.requests, first.errors, first.cold, first.cpu_us) == (2, 2, 1, 1, 4_000)
    assert (first.outcomes, first.statuses) == ({"ok": 1, "exception": 1}, {"2xx": 1, "5xx": 1})
    assert (first.subrequests, first.egress_bytes, first.response_bytes, first.memory_max) == (2, 5, 200, 4 * 1024 * 1024)
    assert first.memory_kib_ms == 4_096 * 11
    assert (second.invocations, second.requests, second.request_bytes) == (1, 0, 7)
    used = Usage.objects.filter(worker_id=1).earliest("hour")
    assert (used.worker, used.part) == ("hello", 0)
    chunks = Chunk.objects.filter(worker_id=1)
    assert sum(chunk.count for chunk in chunks) == 3
    assert chunks[0].failed
    assert [each.message for _, each_record in records_of(chunks[0]) for each in each_record.logs] == ["one", "two"]
    (loss,) = Loss.objects.all()
    assert (loss.node, loss.reason, loss.count) == ("here", "ring_full", 4)


def test_a_segment_goes_when_its_writer_has_let_go_and_all_is_read(tenant: Tenant, folder: Path, writer: Writer) -> None:
    writer.batch((owner(tenant.pk), record()))
    reader = Ingester(folder)
    reader.read()
    assert writer.path.exists()
    assert Segment.objects.count() == 1
    writer.batch((owner(tenant.pk), record()))
    # A killed writer's last frame.
    writer.write(framed(Batch([(owner(tenant.pk), record())]))[:-3])
    writer.close()
    writer.descriptor = -1
    assert reader.read() == 1
    assert not writer.path.exists()
    assert Segment.objects.count() == 0
    all_agree(2)


def test_a_failure_anywhere_leaves_both_or_neither(tenant: Tenant, folder: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        writer.batch((owner(tenant.pk), record()))
    for place in ("_rollups_add", "_chunks", "losses_add"):
        with monkeypatch.context() as patch:

            def fail(*_: object, **__: object) -> None:
                raise DatabaseError("the disk is full")

            patch.setattr(ingest, place, fail)
            with pytest.raises(DatabaseError):
                Ingester(folder).read()
        all_agree(0)
        assert Segment.objects.count() == 0
    Ingester(folder).read()
    all_agree(3)


def test_readers_that_meet_do_not_count_twice(transactional_db: None, tenant: Tenant, folder: Path, writer: Writer) -> None:
    for _ in range(40):
        writer.batch(*[(owner(tenant.pk), record())] * 5)
    failed: list[BaseException] = []
    start = threading.Barrier(4)

    def read() -> None:
        try:
            start.wait()
            reading = Reading(writer.path)
            offset = 0
            while True:
                _, behind = reading.step(offset)
                if behind == offset:
                    break
                offset = behind
            reading.close()
        except BaseException as error:  # noqa: BLE001 - for the main thread
            failed.append(error)
        finally:
            connection.close()

    # Small steps, so that they do meet.
    original, ingest.RECORDS = ingest.RECORDS, 5  # type: ignore[misc]
    try:
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        ingest.RECORDS = original  # type: ignore[misc]
    assert not failed
    all_agree(200)


def test_a_damaged_segment_is_put_aside_and_owned_up_to(tenant: Tenant, folder: Path, writer: Writer) -> None:
    writer.batch((owner(tenant.pk), record()))
    frame = bytearray(framed(Batch([(owner(tenant.pk), record())])))
    frame[-1] ^= 1
    writer.write(bytes(frame))
    writer.batch((owner(tenant.pk), record()))
    assert Ingester(folder).read() == 1
    assert Ingester(folder).read() == 0
    all_agree(1)
    assert not writer.path.exists()
    assert writer.path.with_suffix(".damaged").exists()
    assert Loss.objects.get().reason == "segment_damaged"


def test_a_tenant_that_is_gone_stops_nobody(tenant: Tenant, folder: Path, writer: Writer) -> None:
    writer.batch((owner(tenant.pk), record()), (owner(tenant.pk + 1_000), record()))
    Ingester(folder).read()
    all_agree(1)
    assert Loss.objects.get().reason == "tenant_gone"


def test_what_was_refused_is_counted_and_not_billed(tenant: Tenant, folder: Path, writer: Writer) -> None:
    writer.batch((owner(tenant.pk), record(outcome=Outcome.LOAD_SHED, start="", status=429)))
    Ingester(folder).read()
    row = Rollup.objects.get(step=MINUTE)
    assert (row.invocations, row.requests, row.errors, row.outcomes) == (1, 0, 1, {"loadShed": 1})
    assert ledger_requests() == 0


def test_a_closed_hour_is_never_changed(tenant: Tenant) -> None:
    hour = 1_000 * HOUR
    sums = [3] * len(SUMS)

    def add(now: float) -> None:
        ledger.usage_add(hours={(tenant.pk, 1, hour): sums}, names={1: "hello"}, now=now)

    closed = hour + HOUR + ledger.GRACE_SECONDS
    for now in (hour + 1, closed - 1):
        add(now)
    first = Usage.objects.get()
    assert (first.part, first.requests) == (0, 6)
    for now in (closed, closed + 10, closed + HOUR):
        add(now)
    assert list(Usage.objects.order_by("part").values_list("part", "requests")) == [(0, 6), (1, 6), (2, 3)]
    with pytest.raises(TypeError):
        first.delete()


@pytest.mark.parametrize(
    ("observability", "kept"),
    [
        ({}, True),
        ({"enabled": True}, True),
        ({"enabled": False}, False),
        ({"logs": {"enabled": False}}, False),
        ({"logs": {"persist": False}}, False),
    ],
)
def test_a_worker_may_have_nothing_kept(tenant: Tenant, folder: Path, writer: Writer, observability: dict, kept: bool) -> None:
    worker = Worker.objects.create(tenant=tenant, name="hello", observability=observability)
    writer.batch((owner(worker.tenant_id, worker.pk), record()))
    Ingester(folder).read()
    chunk = Chunk.objects.get()
    assert chunk.kept is kept
    retention.clean(now=chunk.stored + retention.TAIL_SECONDS + 1)
    assert Chunk.objects.exists() is kept
    # What is counted stays.
    all_counted = Rollup.objects.filter(step=DAY).count()
    assert all_counted == 1


def test_old_things_go_and_the_ledger_stays(tenant: Tenant, folder: Path, writer: Writer, settings) -> None:
    writer.batch((owner(tenant.pk), record()))
    Ingester(folder).read()
    now = NOW / 1000
    for days, left in ((1, 4), (3, 3), (8, 2), (61, 1), (801, 0)):
        retention.clean(now=now + days * DAY)
        assert Rollup.objects.count() + Chunk.objects.count() == left
    assert ledger_requests() == 1


def test_a_plan_says_how_long_records_are_kept(tenant: Tenant, other_tenant: Tenant, folder: Path, writer: Writer) -> None:
    plans = {days: Plan.objects.create(name=f"p{days}", log_retention_days=days) for days in (0, 30)}
    tenant.plan, other_tenant.plan = plans[0], plans[30]
    tenant.save()
    other_tenant.save()
    writer.batch((owner(tenant.pk), record()), (owner(other_tenant.pk), record()))
    Ingester(folder).read()
    assert list(Chunk.objects.order_by("tenant").values_list("tenant", "kept")) == [(tenant.pk, False), (other_tenant.pk, True)]
    now = max(Chunk.objects.values_list("stored", flat=True))
    retention.clean(now=now + retention.TAIL_SECONDS + 5)
    assert [chunk.tenant_id for chunk in Chunk.objects.all()] == [other_tenant.pk]
    retention.clean(now=now + 29 * DAY)
    assert Chunk.objects.exists()
    retention.clean(now=now + 31 * DAY)
    assert not Chunk.objects.exists()


def test_a_tenant_keeps_no_more_than_it_may(tenant: Tenant, other_tenant: Tenant) -> None:
    for size in (400, 400, 400):
        for each in (tenant, other_tenant):
            values = {
                "worker_id": 1,
                "process": "",
                "first_number": 0,
                "last_number": 0,
                "first_ms": 0,
                "last_ms": 0,
                "count": 1,
                "stored": 10**9,
            }
            Chunk.objects.create(tenant=each, size=size if each == tenant else 10, data=b"", **values)
    first = Chunk.objects.filter(tenant=tenant).earliest("pk").pk
    retention._over_budget(1_000)
    assert Chunk.objects.filter(tenant=tenant).count() == 2
    assert not Chunk.objects.filter(pk=first).exists()
    assert Chunk.objects.filter(tenant=other_tenant).count() == 3


def test_the_thread_waits_for_a_database_that_is_away(
    transactional_db: None, tenant: Tenant, folder: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.batch((owner(tenant.pk), record()))
    tried = threading.Event()
    original = Reading.step

    def away(self: Reading, offset: int) -> tuple[int, int]:
        if not tried.is_set():
            tried.set()
            raise DatabaseError("away")
        return original(self, offset)

    monkeypatch.setattr(Reading, "step", away)
    reader = Ingester(folder)
    reader.start()
    try:
        deadline = 30.0
        event = threading.Event()
        while ledger_requests() == 0:
            deadline -= 0.05
            assert deadline > 0
            event.wait(0.05)
    finally:
        reader.stop()
    assert tried.is_set()
    all_agree(1)


def test_rows_without_a_file_are_forgotten(folder: Path) -> None:
    folder.mkdir(parents=True)
    Segment.objects.create(name="gone.seg", node="here", seen=0)
    Segment.objects.create(name="there.seg", node="here", seen=0)
    Segment.objects.create(name="elsewhere.seg", node="there", seen=0)
    (folder / "there.seg").touch()
    old = folder / "x.damaged"
    old.touch()
    os.utime(old, (0, 0))
    retention.segments_forget(node="here", folder=folder, now=10**9)
    assert set(Segment.objects.values_list("name", flat=True)) == {"there.seg", "elsewhere.seg"}
    assert not old.exists()


KILLED = """
import sys
from pathlib import Path
import django
django.setup()
from telemetry import ingest
from telemetry.ingester import Ingester
ingest.RECORDS = 10
print("ready", flush=True)
sys.stdin.readline()
reader = Ingester(Path({folder!r}))
while True:
    reader.read()
"""


def test_a_killed_reader_leaves_nothing_out_and_nothing_twice(transactional_db: None, tenant: Tenant, folder: Path, writer: Writer) -> None:
    for _ in range(60):
        writer.batch(*[(owner(tenant.pk), record())] * 10)
    environ = {**os.environ, "DATABASE_URL": database_url(), "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "platform")))}
    command = [sys.executable, "-c", KILLED.format(folder=str(folder))]
    for kill in range(2):
        with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            # Somewhere in the middle, but for the last: that may have finished.
            deadline = time.monotonic() + 30
            while ledger_requests() <= kill * 150 and time.monotonic() < deadline:
                pass
            process.send_signal(signal.SIGKILL)
    done = ledger_requests()
    assert done > 0
    all_agree(done)
    writer.close()
    writer.descriptor = -1
    Ingester(folder).read()
    all_agree(600)
    assert not writer.path.exists()
