"""A segment is read as far as it is whole, whatever its end looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from telemetry.frames import Batch, Segment, SegmentDamaged, framed

from .making import Writer, line, owner, record, thrown


def read(path: Path, offset: int = 0) -> tuple[list[Batch], int]:
    segment = Segment(path)
    try:
        found = list(segment.batches(offset))
        return [batch for batch, _ in found], found[-1][1] if found else offset
    finally:
        segment.close()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    first = record(logs=[line("hi", "warn")], exceptions=[thrown()], variant="b")
    writer.batch((owner(), first), (owner(2), record()))
    writer.batch(ring_full=3)
    batches, _ = read(writer.path)
    assert batches == [Batch([(owner(), first), (owner(2), record())]), Batch([], {"ring_full": 3})]
    assert batches[0].records[0][1].key == first.key


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.batch((owner(), record(status=201)))
    _, offset = read(writer.path)
    assert read(writer.path, offset) == ([], offset)
    writer.batch((owner(), record(status=202)))
    assert [batch.records[0][1].status for batch in read(writer.path, offset)[0]] == [202]


def test_every_torn_end_is_waited_for(tmp_path: Path) -> None:
    frame = framed(Batch([(owner(), record())]))
    for cut in range(len(frame)):
        writer = Writer(tmp_path, f"cut-{cut}")
        writer.write(frame[:cut])
        assert read(writer.path)[0] == []
        writer.close()


def test_every_torn_beginning_is_waited_for(tmp_path: Path) -> None:
    whole = Writer(tmp_path, "whole").path.read_bytes()
    for cut in range(len(whole)):
        path = tmp_path / "cut.seg"
        path.write_bytes(whole[:cut])
        assert read(path) == ([], 0)


@pytest.mark.parametrize("at", [0, 9, 70, -1])
def test_what_is_damaged_is_said_so(tmp_path: Path, at: int) -> None:
    writer = Writer(tmp_path)
    writer.batch((owner(), record()))
    data = bytearray(writer.path.read_bytes())
    data[at] ^= 0x40
    writer.path.write_bytes(data)
    if at == 9:
        # A longer length: as if the frame's end were still to come.
        assert read(writer.path)[0] == []
        return
    with pytest.raises(SegmentDamaged):
        read(writer.path)


def test_a_segment_is_complete_when_its_writer_lets_go(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    segment = Segment(writer.path)
    assert not segment.complete
    segment.close()
    writer.close()
    segment = Segment(writer.path)
    assert segment.complete
    segment.close()
