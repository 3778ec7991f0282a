"""The reader of upload bodies: what it takes, what it refuses, and that nothing else comes out of it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfapi import errors
from cfapi.multipart import MIB, Part, PartLimits, read_parts
from tests.cfapi.forms import BOUNDARY, HELLO, Field, body, content_type, metadata, module

VALID = body([metadata(bindings=[]), module(), module("sub/deep/b.bin", b"\x00\r\n--\xff", "application/octet-stream")])


# What has a meaning in the grammar.
TOKENS = [f"\r\n--{BOUNDARY}".encode(), b"\r\n", b"--", b'"', b"Content-Type: a/b\r\n"]


class Endless:
    """A stream that never ends and counts what was taken from it."""

    def __init__(self, head: bytes) -> None:
        self.taken = 0
        self._head = head

    def read(self, size: int, /) -> bytes:
        chunk, self._head = self._head[:size], self._head[size:]
        chunk = chunk.ljust(size, b"x")
        self.taken += len(chunk)
        return chunk


def read(data: bytes, kind: str = content_type(), *, length: int | None = None, limits: PartLimits | None = None) -> list[Part]:
    return read_parts(io.BytesIO(data), content_type=kind, content_length=length, limits=limits or PartLimits())


def test_parts_come_in_order_with_their_whole_names() -> None:
    parts = read(VALID)
    assert [part.name for part in parts] == ["metadata", "index.js", "sub/deep/b.bin"]
    assert parts[0].filename is None
    assert parts[0].content_type == ""
    assert parts[1].content == HELLO.encode()
    assert parts[2] == Part("sub/deep/b.bin", "sub/deep/b.bin", "application/octet-stream", b"\x00\r\n--\xff")


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1000])
def test_where_the_stream_is_cut_changes_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfapi.multipart.CHUNK_BYTES", chunk)
    assert read(VALID) == read_parts(io.BytesIO(VALID), content_type=content_type(), content_length=len(VALID), limits=PartLimits())


def test_the_line_break_behind_the_last_boundary_may_be_missing() -> None:
    assert read(VALID.removesuffix(b"\r\n")) == read(VALID)


def test_empty_content_and_empty_file_names_are_content_and_file_names() -> None:
    parts = read(body([Field("metadata", "", filename="", content_type="application/json;charset=utf-8")]))
    assert parts == [Part("metadata", "", "application/json", b"")]


def test_the_npm_sdk_leaves_the_boundary_in_the_body() -> None:
    assert read(VALID, "application/javascript") == read(VALID)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("", errors.UploadTypeInvalid),
        ("application/json", errors.UploadTypeInvalid),
        ("application/x-www-form-urlencoded", errors.UploadTypeInvalid),
        ("multipart/form-data", errors.BoundaryMissing),
        ("multipart/form-data; boundary=", errors.BoundaryMissing),
        ("multipart/form-data; boundary=ä", errors.BoundaryMissing),
        ('multipart/form-data; boundary="a\nb"', errors.BoundaryMissing),
        ("multipart/form-data; boundary=" + "b" * 2000, errors.BoundaryMissing),
        ("multipart/form-data; boundary=another", errors.UploadMalformed),
        (f"multipart/form-data; boundary={BOUNDARY}x", errors.UploadMalformed),
    ],
)
def test_a_wrong_content_type_is_named(kind: str, error: type[errors.UploadInvalid]) -> None:
    with pytest.raises(error):
        read(VALID, kind)


def test_a_script_under_its_own_type_is_the_service_worker_format() -> None:
    with pytest.raises(errors.ServiceWorkerUnsupported):
        read(b"addEventListener('fetch', () => {})", "application/javascript")


@pytest.mark.parametrize("cut", range(0, len(VALID) - 4, 5))
def test_every_truncation_is_refused(cut: int) -> None:
    with pytest.raises((errors.UploadTruncated, errors.UploadMalformed)):
        read(VALID[:cut])


def test_truncation_inside_a_part_is_told_from_malformed_text() -> None:
    with pytest.raises(errors.UploadTruncated, match="part 2"):
        read(VALID[: VALID.index(b"hello")])


@pytest.mark.parametrize(
    "data",
    [
        VALID.replace(b"form-data;", b"attachment;"),
        VALID.replace(b'name="metadata"', b'nome="metadata"'),
        VALID.replace(b"Content-Disposition: form-data; name", b"Nothing: form-data; name"),
        VALID.replace(b"Content-Type: application/octet-stream", b"Content-Type application/octet-stream"),
        VALID.replace(b"Content-Type: application/octet-stream", b"Content-Type: text/plain\r\nContent-Type: application/octet-stream"),
        VALID.replace(b"index.js", b"\xff\xfe"),
        VALID + b"trailing " * 20_000,
    ],
)
def test_bad_grammar_is_malformed(data: bytes) -> None:
    with pytest.raises(errors.UploadMalformed):
        read(data)


@pytest.mark.parametrize("name", ["a\\\\b.js", "..\\\\x", "C:\\\\x.js"])
def test_backslashes_are_refused_before_anybody_repairs_them(name: str) -> None:
    with pytest.raises(errors.ModuleNameInvalid):
        read(body([module(name)]))


class TestBounds:
    """Each bound, obeyed and violated."""

    def test_a_body_of_the_limit_passes(self) -> None:
        assert read(VALID, length=len(VALID), limits=PartLimits(total_bytes=len(VALID)))

    def test_a_declared_length_above_the_limit_reads_nothing(self) -> None:
        stream = Endless(VALID)
        with pytest.raises(errors.UploadTooLarge) as caught:
            read_parts(stream, content_type=content_type(), content_length=65 * MIB, limits=PartLimits())
        assert stream.taken == 0
        assert caught.value.detail == {"limit": 64 * MIB, "size": 65 * MIB}

    def test_an_undeclared_length_is_counted_and_stopped_at_the_limit(self) -> None:
        stream = Endless(VALID[: VALID.index(b"\x00")])
        with pytest.raises(errors.UploadTooLarge):
            read_parts(stream, content_type=content_type(), content_length=None, limits=PartLimits(total_bytes=MIB))
        assert stream.taken < 2 * MIB

    def test_parts(self) -> None:
        data = body([module(f"{n}.js", "") for n in range(20)])
        assert len(read(data, limits=PartLimits(parts=20))) == 20
        with pytest.raises(errors.PartsExceeded, match="19 parts"):
            read(data, limits=PartLimits(parts=19))

    def test_metadata(self) -> None:
        data = body([Field("metadata[a]", "x" * 50), Field("metadata[b]", "x" * 50), module()])
        assert len(read(data, limits=PartLimits(settings_bytes=100))) == 3
        with pytest.raises(errors.MetadataTooLarge):
            read(data, limits=PartLimits(settings_bytes=99))

    def test_modules_may_be_larger_than_metadata(self) -> None:
        assert read(body([module(source="x" * 1000)]), limits=PartLimits(settings_bytes=10))

    def test_header_length(self) -> None:
        assert read(body([module("a" * 1500)]))
        with pytest.raises(errors.PartHeaderTooLarge):
            read(body([module("a" * 3000)]))

    def test_header_count(self) -> None:
        many = VALID.replace(b"Content-Type:", b"X-A: 1\r\n" * 9 + b"Content-Type:", 1)
        with pytest.raises(errors.PartHeaderTooLarge):
            read(many)

    def test_an_endless_header_line_stops_at_the_limit(self) -> None:
        stream = Endless(f"--{BOUNDARY}\r\nContent-Disposition: ".encode())
        with pytest.raises(errors.PartHeaderTooLarge):
            read_parts(stream, content_type=content_type(), content_length=None, limits=PartLimits())
        assert stream.taken < MIB


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_whatever_is_done_to_a_body_only_documented_errors_come_out(data: st.DataObject) -> None:
    raw = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4), "edits")):
        at = data.draw(st.integers(0, len(raw)), "at")
        match data.draw(st.sampled_from(["cut", "insert", "drop", "flip", "repeat"]), "edit"):
            case "cut":
                del raw[at:]
            case "insert":
                raw[at:at] = data.draw(st.one_of(st.binary(max_size=20), st.sampled_from(TOKENS)))
            case "drop":
                del raw[at : at + data.draw(st.integers(1, 40), "length")]
            case "flip":
                raw[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1), "byte")
            case _:
                raw[at:at] = raw[at : at + data.draw(st.integers(1, 200), "length")]
    try:
        parts = read(bytes(raw))
    except errors.UploadInvalid as error:
        refused = error
        assert 400 <= refused.status < 500
        assert refused.message
    else:
        assert all(isinstance(part.content, bytes) for part in parts)


@given(st.binary(max_size=400), st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused(raw: bytes, kind: str) -> None:
    with pytest.raises(errors.UploadInvalid):
        read(raw, kind)
