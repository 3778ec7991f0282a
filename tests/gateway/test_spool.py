"""The ring and the spool: bounded, honest about what was lost, and whole after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.records import Records, refused
from gateway.spool import Spool
from sandbox import InvocationRecord, Outcome, Request, Target, WorkerKey
from sandbox.errors import CpuExceeded, HostelError, IsolateLost, QueueFull, SyntaxFailed
from telemetry.frames import SUFFIX, Batch, Owner, Segment

OWNER = Owner(7, 8, "hello", "v1")
ROOT = Path(__file__).parents[2]


def record(number: int = 0, **values: object) -> InvocationRecord:
    return InvocationRecord(
        "acme", "hello", "v1", "", Outcome.OK, 200, "warm", 1_000, 2_000, 1, 0, 0, 0, 0, 0.0, "", "fetch", "GET", "http://a/", f"{number}", "", "", "", 0, **values,
    )  # fmt: skip


def batches(folder: Path) -> list[Batch]:
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        segment = Segment(path)
        found += [batch for batch, _ in segment.batches(0)]
        segment.close()
    return found


def ids(folder: Path) -> list[int]:
    return [int(record.request_id) for batch in batches(folder) for _, record in batch.records]


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_noted_is_written(tmp_path: Path) -> None:
    records = Records()
    spool = Spool(tmp_path / "spool", records, prefix="p", flush_seconds=0.01)
    spool.start()
    note = records.sink(OWNER)
    for number in range(1_234):
        note(record(number))
    until(lambda: spool.written == 1_234)
    note(record(1_234, headers=[(b"cookie", b"private")]))
    spool.close()
    assert ids(tmp_path / "spool") == list(range(1_235))
    assert b"private" not in b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
    said = spool.as_dict()
    assert (said["noted"], said["written"], said["held"], said["lost"]) == (1_235, 1_235, 0, {})
    assert sum(said["wall_buckets"].values()) == said["outcomes"]["ok"] == 1_235


def test_the_ring_is_bounded_and_says_what_it_lost(tmp_path: Path) -> None:
    records = Records(records=10, text_bytes=1_000)
    note = records.sink(OWNER)
    from sandbox import LogLine

    note(record(0, logs=[LogLine(0, "log", "x" * 900)]))
    note(record(1, logs=[LogLine(0, "log", "y" * 101)]))
    for number in range(2, 30):
        note(record(number))
    assert records.lost == {"ring_full": 20, "text_full": 1}
    spool = Spool(tmp_path / "spool", records, prefix="p")
    spool.start()
    spool.close()
    written = batches(tmp_path / "spool")
    assert written[0].lost == {"ring_full": 20, "text_full": 1}
    assert [len(each.logs) for _, each in written[0].records] == [1] + [0] * 9
    assert written[0].records[1][1].logs_dropped == 101
    # Room again, for records and for text.
    note(record(30, logs=[LogLine(0, "log", "z" * 1_000)]))
    assert len(records) == 1
    assert records.lost == {"ring_full": 20, "text_full": 1}


def test_a_full_spool_loses_records_and_says_so(tmp_path: Path) -> None:
    records = Records()
    spool = Spool(tmp_path / "spool", records, prefix="p", most=0)
    spool.start()
    records.sink(OWNER)(record())
    spool.close()
    # The first measure finds an empty folder, which is room enough.
    (tmp_path / "spool" / f"other{SUFFIX}").write_bytes(b"x")
    spool = Spool(tmp_path / "spool", records, prefix="p", most=0)
    spool.start()
    records.sink(OWNER)(record())
    spool.close()
    assert spool.as_dict()["lost"] == {"spool_full": 1}


def test_a_disk_that_fails_is_tried_again(tmp_path: Path) -> None:
    records = Records()
    spool = Spool(tmp_path / "spool", records, prefix="p", flush_seconds=0.01)
    spool.start()
    (tmp_path / "spool").rename(tmp_path / "gone")
    (tmp_path / "spool").write_text("a file where the folder was")
    note = records.sink(OWNER)
    note(record(1))
    until(lambda: not len(records))
    (tmp_path / "spool").unlink()
    (tmp_path / "gone").rename(tmp_path / "spool")
    note(record(2))
    until(lambda: spool.written >= 1)
    spool.close()
    assert ids(tmp_path / "spool") == [2]
    assert sum(sum(batch.lost.values()) for batch in batches(tmp_path / "spool")) == 1


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from test_spool import OWNER, record
from gateway.records import Records
from gateway.spool import Spool
records = Records()
spool = Spool(Path({folder!r}), records, prefix="p")
spool.start()
note = records.sink(OWNER)
number = 0
while True:
    note(record(number))
    print(number, time.monotonic(), flush=True)
    number += 1
    time.sleep(0.0005)
"""


def test_a_killed_process_loses_no_more_than_it_had_no_time_to_write(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    paths = os.pathsep.join(map(str, (ROOT / "platform", ROOT)))
    code = KILLED.format(here=str(Path(__file__).parent), folder=str(folder))
    environ = {**os.environ, "PYTHONPATH": paths}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3_000)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    noted = [(int(number), float(at)) for number, at in (line.split() for line in said if line.endswith("\n"))]
    written = ids(folder)
    # A prefix of what was noted, without holes and without repetition.
    assert written == list(range(len(written)))
    last = noted[-1][1]
    lost = [at for number, at in noted if number >= len(written)]
    # 200 ms is the promise; a busy machine may keep the thread from its turn for longer.
    assert last - noted[0][1] > 1.0
    assert not lost or last - lost[0] < 1.0, f"{len(lost)} of {len(noted)} lost, over {last - lost[0]:.3f} s"
    for path in folder.glob(f"*{SUFFIX}"):
        segment = Segment(path)
        assert segment.complete
        segment.close()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (QueueFull(), Outcome.LOAD_SHED),
        (SyntaxFailed(), Outcome.EXCEPTION),
        (HostelError(), Outcome.INTERNAL_ERROR),
        (IsolateLost(attempts=3), Outcome.ABORTED),
        (CpuExceeded(), None),
        (IsolateLost(), None),
    ],
)
def test_what_is_refused_leaves_a_record_too(error: HostelError, outcome: Outcome | None) -> None:
    records: list[InvocationRecord] = []

    async def source() -> None:
        raise NotImplementedError

    target = Target(WorkerKey("acme", "hello", "v1"), source, on_finish=records.append)  # type: ignore[arg-type]
    refused(target, Request("PUT", "http://a/", [], b"four", id="r"), error)
    assert [each.outcome for each in records] == ([outcome] if outcome else [])
    if outcome:
        assert (records[0].status, records[0].error, records[0].request_bytes, records[0].method) == (error.status, error.code, 4, "PUT")
