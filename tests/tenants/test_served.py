"""What many workers serve, asked at once."""

from __future__ import annotations

import pytest

from tenants import selectors, services

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(upload_js, tenant, actor):
    """One with a split, one with a version that is not deployed, one with a single version."""
    first, second = upload_js(name="split").version, upload_js(name="split", deploy=False).version
    services.deployment_create(tenant=tenant, worker_name="split", versions=[(first.pk, 30), (second.pk, 70)], actor=actor, source="tests")
    waiting = upload_js(name="waiting", deploy=False).version
    single = upload_js(name="single").version
    return {"split": second.pk, "waiting": waiting.pk, "single": single.pk}


def test_each_serves_its_largest_share_or_else_its_newest(three, tenant):
    workers = list(selectors.worker_list(tenant=tenant))
    served = selectors.versions_served(tenant=tenant, workers=workers)
    assert {worker.name: served[worker.pk].pk for worker in workers} == three
    assert selectors.versions_served(tenant=tenant, workers=[]) == {}


def test_however_many_there_are_it_takes_three_queries(three, upload_js, tenant, django_assert_num_queries):
    for number in range(5):
        upload_js(name=f"more-{number}")
    workers = list(selectors.worker_list(tenant=tenant))
    with django_assert_num_queries(3):
        selectors.versions_served(tenant=tenant, workers=workers)


def test_another_tenants_are_not_told(three, tenant, other_tenant):
    workers = list(selectors.worker_list(tenant=tenant))
    assert selectors.versions_served(tenant=other_tenant, workers=workers) == {}
    assert selectors.deployments_live(tenant=other_tenant, workers=workers) == {}
