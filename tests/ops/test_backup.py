"""Backups: what is in one, and what is refused before anything of it is used. (The way there and back is in test_operations.)"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile
from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from django.db import connection

from ops.backup import making
from ops.backup.archive import BackupInvalid, Manifest, Writer, read
from ops.backup.restoring import RestoreRefused, restore
from ops.lock import HomeLock, StartRefused
from tenants import blobs, services
from tenants.errors import FieldInvalid
from tenants.models import Tenant
from tenants.services.blobs import references

CONTENT = b"content"
SHA = hashlib.sha256(CONTENT).hexdigest()
BLOB = f"blobs/{SHA[:2]}/{SHA[2:4]}/{SHA}"


def archive(path, *, compress=False, manifest=None):
    with path.open("wb") as file:
        writer = Writer(file, compress=compress)
        writer.add("database/db.sqlite3", io.BytesIO(b"rows"), 4)
        writer.add(BLOB, io.BytesIO(CONTENT), len(CONTENT))
        writer.finish(manifest or Manifest(engine="sqlite", migrations=["tenants.0001_initial"]))
    return path


def remade(path, change):
    """The archive with its members (name, content) as `change` leaves them."""
    with tarfile.open(path) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]
    changed = change(members) or members
    with tarfile.open(path, "w") as tar:
        for name, content, *kind in changed:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if kind:
                member.type, member.size, member.linkname = kind[0], 0, "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("compress", [False, True])
def test_what_was_put_in_comes_out(tmp_path, compress):
    path = archive(tmp_path / "b.tar", compress=compress)
    found = read(path, into=tmp_path / "out")
    assert (found.engine, found.migrations, set(found.files)) == ("sqlite", ["tenants.0001_initial"], {"database/db.sqlite3", BLOB})
    assert (tmp_path / "out" / BLOB).read_bytes() == CONTENT
    assert read(path, into=None).files == found.files


def _flip(members):
    return [(name, content[:-1] + bytes([content[-1] ^ 1])) if name == BLOB else (name, content) for name, content in members]


def _forge(members):
    """A changed blob, and a manifest that says so: the blob's own name still tells."""
    changed = [(name, b"another" if name == BLOB else content) for name, content in members]
    manifest = json.loads(changed[-1][1])
    manifest["files"][BLOB]["sha256"] = hashlib.sha256(b"another").hexdigest()
    return [*changed[:-1], ("manifest.json", json.dumps(manifest).encode())]


def _said(**values):
    return lambda members: [*members[:-1], ("manifest.json", json.dumps({**json.loads(members[-1][1]), **values}).encode())]


@pytest.mark.parametrize(
    "change",
    [
        _flip,
        _forge,
        lambda members: members[1:],
        lambda members: members[:-1],
        lambda members: [*members[:-1], ("manifest.json", b"{")],
        lambda members: [*members[:-1], ("manifest.json", b"[]")],
        lambda members: [*members[:-1], ("manifest.json", b"[" * 100_000)],
        lambda members: [members[0], *members],
        lambda members: [*members, ("database/more", b"x")],
        lambda members: [("../../escape", b"x"), *members],
        lambda members: [("/etc/cron.d/x", b"x"), *members],
        lambda members: [("database/../../x", b"x"), *members],
        lambda members: [("database/link", b"", tarfile.SYMTYPE), *members],
        lambda members: [("database/link", b"", tarfile.LNKTYPE), *members],
        lambda members: [("database/pipe", b"", tarfile.FIFOTYPE), *members],
        _said(format="hostel backup 9"),
        _said(files={}),
        _said(files=[]),
        _said(surprise=1),
    ],
)
def test_what_is_not_as_it_was_made_is_refused(tmp_path, change):
    path = remade(archive(tmp_path / "b.tar"), change)
    with pytest.raises(BackupInvalid):
        read(path, into=tmp_path / "out")
    assert not (tmp_path.parent / "escape").exists()
    assert not (tmp_path / "escape").exists()


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path):
    whole = archive(tmp_path / "b.tar").read_bytes()
    with contextlib.suppress(FileNotFoundError):
        (tmp_path / "b.tar").unlink()
    end = whole.rindex(b'"files"')
    for size in (0, 1, 511, 512, 700, 1600, end):
        (tmp_path / "cut.tar").write_bytes(whole[:size])
        with pytest.raises(BackupInvalid):
            read(tmp_path / "cut.tar", into=None)


@pytest.mark.parametrize("content", [b"no archive at all", b"\x1f\x8b broken", b"\0" * 10_240])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(BackupInvalid):
        read(tmp_path / "x.tar", into=None)
    with pytest.raises(BackupInvalid):
        read(tmp_path / "none.tar", into=None)


@pytest.mark.django_db(transaction=True)
class TestMaking:
    @pytest.fixture
    def path(self, tmp_path, upload_js):
        upload_js(bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret"}])
        return tmp_path / "b.tar"

    def made(self, path, **options):
        with path.open("wb") as file:
            return making.make(file, beside=path.parent, **{"with_key": False, "compress": False, **options})

    def test_everything_rows_refer_to_is_in_it_and_nothing_else(self, path):
        blobs.store().put(b"nobody refers to this")
        manifest = self.made(path)
        assert read(path, into=None) == manifest
        named = {f"blobs/{one[:2]}/{one[2:4]}/{one}" for one in references()}
        assert {name for name in manifest.files if name.startswith("blobs/")} == named
        assert (len(named), manifest.missing_blobs, manifest.engine) == (2, [], connection.vendor)
        assert "tenants.0001_initial" in manifest.migrations
        assert manifest.key_ids == [django_settings.HOSTEL_KEYS.current]
        assert b"s3cret" not in path.read_bytes()
        assert [one.name for one in path.parent.iterdir()] == ["b.tar"]

    def test_lost_content_is_named(self, path):
        lost = min(references())
        content = blobs.store().get(lost)
        blobs.store().delete(lost)
        assert self.made(path).missing_blobs == [lost]
        blobs.store().put(content)

    def test_nothing_is_collected_meanwhile(self, path):
        old = blobs.store().put(b"an orphan from long ago")
        os.utime(blobs.store()._path(old.sha256), (1, 1))
        with blobs.store().kept():
            assert services.blobs_collect().removed == 0
        assert services.blobs_collect().removed >= 1
        assert not blobs.store().exists(old.sha256)

    def test_keys_that_are_in_a_setting_are_not_in_a_backup(self, path):
        with pytest.raises(FieldInvalid, match="HOSTEL_SECRET_KEY"):
            self.made(path, with_key=True)


@pytest.mark.django_db(transaction=True)
class TestRefusals:
    """Whatever is refused, nothing was changed."""

    @pytest.fixture
    def path(self, tmp_path, upload_js):
        upload_js(bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret"}])
        with (tmp_path / "b.tar").open("wb") as file:
            making.make(file, beside=tmp_path, with_key=False, compress=False)
        return tmp_path / "b.tar"

    @pytest.fixture
    def home(self, tmp_path, settings):
        home = tmp_path / "home"
        (home / "run").mkdir(parents=True)
        settings.HOSTEL = replace(django_settings.HOSTEL, home=home)
        return home

    def test_where_somebody_lives(self, path, home):
        with pytest.raises(RestoreRefused, match="--force"):
            restore(path, force=False, without_key=False)
        assert Tenant.objects.filter(slug="acme").exists()
        assert {one.name for one in home.iterdir()} == {"run"}

    def test_where_hostel_runs(self, path, home):
        with HomeLock(home / "run", port=1), pytest.raises(StartRefused):
            restore(path, force=True, without_key=True)

    def test_where_the_key_of_its_secrets_is_not(self, path, home, settings):
        settings.HOSTEL = replace(settings.HOSTEL, secret_key="another key which is long enough for everybody")
        with pytest.raises(RestoreRefused) as refused:
            restore(path, force=True, without_key=False)
        assert refused.value.detail["keys"] == [django_settings.HOSTEL_KEYS.current]
        assert not (home / "secret.key").exists()

    @pytest.mark.parametrize(
        ("said", "error"), [({"engine": "oracle"}, RestoreRefused), ({"migrations": ["tenants.9999_later"]}, BackupInvalid)]
    )
    def test_what_is_another_engines_or_a_newer_releases(self, path, home, said, error):
        with pytest.raises(error):
            restore(remade(path, _said(**said)), force=True, without_key=True)
        assert Tenant.objects.filter(slug="acme").exists()
