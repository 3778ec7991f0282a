"""Migrations: by one process at a time, without anybody waiting behind a lock for long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from tests.ops.hostel import ROOT, database


@pytest.fixture
def environ(tmp_path):
    """A home and a database that nobody has migrated."""
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")}
    with database() as variables:
        yield {**clean, "HOSTEL_HOME": str(tmp_path), **variables}


def migrate(environ: dict[str, str], *words: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ops", "migrate", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**environ, **more},
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, dict]:
    out, err = process.communicate(timeout=120)
    assert out, err
    return process.returncode, json.loads(out)


LATER = {"DJANGO_SETTINGS_MODULE": "tests.ops.later.settings"}


def test_of_two_at_once_one_migrates_and_the_other_finds_it_done(environ):
    both = [migrate(environ), migrate(environ)]
    results = [ended(one) for one in both]
    assert [code for code, _ in results] == [0, 0]
    applied = sorted(len(found["applied"]) for _, found in results)
    assert applied[0] == 0
    assert applied[1] > 5

    code, found = ended(migrate(environ, "--check"))
    assert (code, found) == (0, {"missing": []})
    code, found = ended(migrate(environ, "--check", **LATER))
    assert (code, found) == (1, {"missing": ["later.0001_initial"]})


@pytest.mark.skipif("not os.environ.get('DATABASE_URL', '').startswith('postgres')", reason="DATABASE_URL names no PostgreSQL")
def test_a_migration_does_not_stand_in_line_for_a_table_that_is_in_use(environ):
    import psycopg

    assert ended(migrate(environ))[0] == 0
    with psycopg.connect(environ["DATABASE_URL"]) as reader:
        # A long report: it reads the table the migration wants to change.
        reader.execute("SELECT count(*) FROM tenants_worker")
        done: list[tuple[int, dict]] = []
        waiting = migrate(environ, **LATER, LATER_SECONDS="0")
        thread = threading.Thread(target=lambda: done.append(ended(waiting)))
        thread.start()
        slowest, until = 0.0, time.monotonic() + 4
        with psycopg.connect(environ["DATABASE_URL"], autocommit=True) as visitor:
            while time.monotonic() < until:
                began = time.monotonic()
                visitor.execute("SELECT count(*) FROM tenants_worker")
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(0.01)
        assert not done
        # Nobody waits behind the waiting ALTER TABLE for longer than it waits itself (two seconds, and a busy machine).
        assert slowest < 5
        reader.rollback()
    thread.join(60)
    assert done == [(0, {"applied": ["later.0001_initial"]})]
