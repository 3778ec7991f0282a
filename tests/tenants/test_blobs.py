"""The folder of blobs, and the staging area beside it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from sandbox.bundle import Bundle
from sandbox.limits import Limits
from tenants.blobs import FolderBlobStore, Staging
from tenants.errors import BlobMissing


@pytest.fixture
def store(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path / "blobs")


def files(store: FolderBlobStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_content_is_found_by_its_hash(store: FolderBlobStore):
    data = os.urandom(100_000)
    info = store.put(data)
    assert info.sha256 == hashlib.sha256(data).hexdigest()
    assert info.size == 100_000
    assert store.get(info.sha256) == data
    with store.open(info.sha256) as file:
        assert file.read(10) == data[:10]
    assert files(store) == [store.root / info.sha256[:2] / info.sha256[2:4] / info.sha256]


def test_equal_content_costs_nothing(store: FolderBlobStore):
    first = store.put(b"same")
    os.utime(files(store)[0], (0, 0))
    assert store.put(b"same").sha256 == store.put([b"sa", b"me"]).sha256 == first.sha256
    assert len(files(store)) == 1
    # It counts as put now, so that a collection under way leaves it alone.
    assert files(store)[0].stat().st_mtime > time.time() - 10


def test_a_stream_that_breaks_leaves_nothing(store: FolderBlobStore):
    def broken():
        yield b"half"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        store.put(broken())
    assert files(store) == []


@pytest.mark.parametrize("name", ["", "abc", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 63 + "\n", "/" * 64])
def test_names_that_are_no_hash_lead_nowhere(store: FolderBlobStore, name: str):
    for call in (store.get, store.open, store.exists, store.delete):
        with pytest.raises(BlobMissing):
            call(name)


def test_missing_and_damaged_content_is_told(store: FolderBlobStore):
    with pytest.raises(BlobMissing):
        store.get("0" * 64)
    assert not store.delete("0" * 64)
    info = store.put(b"whole")
    files(store)[0].write_bytes(b"other")
    with pytest.raises(BlobMissing, match="damaged"):
        store.get(info.sha256)


def test_an_old_blob_goes_and_a_fresh_one_stays(store: FolderBlobStore):
    info = store.put(b"x")
    assert not store.delete(info.sha256, put_before=time.time() - 60)
    assert store.exists(info.sha256)
    assert store.delete(info.sha256, put_before=time.time() + 60)
    assert files(store) == []


def test_writers_and_a_collector_never_lose_a_put(store: FolderBlobStore):
    """A put whose content is being collected at the same moment must find it there afterwards."""
    stop = threading.Event()
    sha256 = hashlib.sha256(b"contested").hexdigest()

    def collect():
        while not stop.is_set():
            store.delete(sha256, put_before=time.time() - 60)

    store.put(b"contested")
    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for _ in range(200):
            with contextlib.suppress(FileNotFoundError):
                os.utime(store.root / sha256[:2] / sha256[2:4] / sha256, (0, 0))
            store.put(b"contested")
            # The collector may be in the middle of putting it back.
            time.sleep(0.001)
            assert store.get(sha256) == b"contested"
    finally:
        stop.set()
        collector.join()


def test_walking_shows_blobs_only(store: FolderBlobStore):
    info = store.put(b"x")
    (store.root / "ab" / "cd").mkdir(parents=True, exist_ok=True)
    (store.root / "ab" / "cd" / "notes.txt").write_text("not ours")
    assert [(blob.sha256, blob.size) for blob in store.walk()] == [(info.sha256, 1)]


def test_half_written_files_are_swept_by_age(store: FolderBlobStore):
    store.put(b"x")
    draft = store.root / ".part-1-dead"
    draft.write_bytes(b"half")
    assert store.sweep_drafts(older_than=time.time() - 60) == 0
    assert store.sweep_drafts(older_than=time.time() + 60) == 1
    assert not draft.exists()


@pytest.mark.django_db
class TestStaging:
    @pytest.fixture
    def staging(self, tmp_path: Path) -> Staging:
        return Staging(tmp_path / "staging")

    def test_a_bundle_waits_sealed(self, staging: Staging):
        bundle = Bundle.js("export default {}", env={"A": {"deep": [1, None, "x"]}, "B": "text"})
        staged = staging.put(bundle, Limits(cpu_ms=7))
        found = staging.load(staged)
        assert found.limits == Limits(cpu_ms=7)
        assert [(m.name, m.kind, m.content) for m in found.bundle.modules] == [(m.name, m.kind, m.content) for m in bundle.modules]
        assert [dict(binding) for binding in found.bundle.env] == list(bundle.env)
        assert all(b"export" not in path.read_bytes() for path in staging.root.rglob("*") if path.is_file())

    def test_the_image_comes_back_until_it_is_discarded(self, staging: Staging):
        staged = staging.put(Bundle.js(""), Limits())
        staging.put_image(staged, b"image")
        assert staging.image(staged) == b"image"
        staging.discard(staged)
        staging.discard(staged)
        for late in (lambda: staging.load(staged), lambda: staging.image(staged), lambda: staging.put_image(staged, b"late")):
            with pytest.raises(BlobMissing):
                late()
        assert list(staging.root.iterdir()) == []

    @pytest.mark.parametrize("staged", ["", "..", "a/b", "0" * 33])
    def test_ids_that_are_none_lead_nowhere(self, staging: Staging, staged: str):
        with pytest.raises(BlobMissing):
            staging.load(staged)

    def test_forgotten_uploads_are_swept_by_age(self, staging: Staging):
        staging.put(Bundle.js(""), Limits())
        assert staging.sweep(older_than=time.time() - 60) == 0
        os.utime(next(staging.root.iterdir()), (0, 0))
        assert staging.sweep(older_than=time.time() - 60) == 1
