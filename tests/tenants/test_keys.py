"""Master keys: made once, readable by their owner only, replaceable."""

from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest

from tenants import keys
from tenants.keys import KeyRing, MasterKeyInvalid


def test_the_file_is_made_on_first_use_and_private(tmp_path: Path):
    path = tmp_path / "new" / "secret.key"
    first = keys.load(configured="", path=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.load(configured="", path=path).current == first.current
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.key"]


def _load(path: str) -> str:
    return keys.load(configured="", path=Path(path)).current


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(_load, [str(tmp_path / "secret.key")] * 16))) == 1


def test_a_file_that_others_can_read_is_refused(tmp_path: Path):
    path = tmp_path / "secret.key"
    keys.load(configured="", path=path)
    path.chmod(0o640)
    with pytest.raises(MasterKeyInvalid, match="chmod 600"):
        keys.load(configured="", path=path)


@pytest.mark.parametrize("configured", ["short", "x" * 31, f"{'x' * 32},short"])
def test_short_keys_are_refused(configured: str, tmp_path: Path):
    with pytest.raises(MasterKeyInvalid):
        keys.load(configured=configured, path=tmp_path / "unused")
    assert not (tmp_path / "unused").exists()


def test_purposes_and_keys_give_unrelated_bytes():
    ring = KeyRing(["a" * 32, "b" * 32])
    other = next(key_id for key_id in (KeyRing(["b" * 32]).current,))
    derived = {ring.derive("seal"), ring.derive("digest"), ring.derive("seal", other)}
    assert len(derived) == 3
    assert all(len(key) == 32 for key in derived)
    assert other in ring
    assert "00000000" not in ring
