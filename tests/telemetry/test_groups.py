"""Exceptions that are the same one are one line."""

from __future__ import annotations

import pytest

from sandbox import Outcome
from telemetry import groups
from tests.telemetry.making import NOW, record, thrown

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(tenant, monkeypatch):
    found = []
    monkeypatch.setattr(groups.search, "search", lambda **_: groups.search.Found([("n", *one) for one in found], None, complete=True))
    return found


def failed(message="boom", *, at=NOW, name="Error", **values):
    return record(outcome=Outcome.EXCEPTION, status=500, started_ms=at, exceptions=[thrown(message, name)], **values)


def test_numbers_ids_and_quoted_texts_do_not_tell_two_apart(tenant, stored):
    stored += [("b", failed('no user "ada" 17', at=NOW)), ("a", failed('no user "bob" 4', at=NOW - 5))]
    (group,) = groups.exception_groups(tenant=tenant, worker_id=1).groups
    assert (group.count, group.first_ms, group.last_ms, group.versions) == (2, NOW - 5, NOW, {"a", "b"})
    assert group.place == "worker.js:1:1"


def test_names_and_messages_do(tenant, stored):
    stored += [("a", failed("one")), ("a", failed("two", at=NOW + 1)), ("a", failed("one", name="TypeError", at=NOW + 2))]
    found = groups.exception_groups(tenant=tenant, worker_id=1)
    assert [group.name for group in found.groups] == ["TypeError", "Error", "Error"]


def test_a_failure_without_an_exception_is_its_outcome(tenant, stored):
    stored += [("a", record(outcome=Outcome.EXCEEDED_CPU, status=503, error="cpu_limit"))]
    (group,) = groups.exception_groups(tenant=tenant, worker_id=1).groups
    assert (group.name, group.message) == ("exceededCpu", "cpu_limit")


def test_a_huge_message_is_cut(tenant, stored):
    stored += [("a", failed("x" * 5_000_000))]
    (group,) = groups.exception_groups(tenant=tenant, worker_id=1).groups
    assert len(group.message) == groups.MESSAGE_CHARACTERS
