"""`/metrics` is for operators, and its text is what Prometheus reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from gateway.records import Records
from gateway.spool import Spool
from gateway.stats import Stats
from telemetry.models import Loss
from tenants import services
from tenants.actor import Actor
from tenants.models import User
from tests.telemetry.making import owner, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateways(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One process that has done something, one that does not answer."""
    records = Records()
    note = records.sink(owner())
    for wall_us in (500, 2_000, 2_000_000, 60_000_000):
        note(record(wall_us=wall_us, cpu_us=900))
    note(record(outcome="exception", start="cold"))
    spool = Spool(tmp_path / "spool", records, prefix="p")
    spool.start()
    spool.close()
    stats = Stats(requests=7, to_workers=5, statuses=Counter({200: 4, 500: 1}), errors=Counter({"host_unknown": 2}))
    sandbox = {
        "pool": {"hits": 3, "traps": {"exceededCpu": 1}, "bytes": 10},
        "scheduler": {"waiting": 2},
        "outbound": {"refused": {"loopback": 1}},
    }
    one = {"gateway": stats.as_dict(), "sandbox": sandbox, "records": spool.as_dict(), "tails": {"delivered": 1, "waiting": 0, "lost": {}}}
    found = [{"process": "gateway-1", "reachable": True, "stats": one}, {"process": "gateway-2", "reachable": False, "stats": {}}]
    monkeypatch.setattr("controlplane.prometheus.gateway_stats", lambda: found)


def operators_token() -> str:
    return services.token_create(tenant=None, name="scraper", scopes=["operator"], actor=Actor.system())[1]


def read(client: Client, **headers: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    reply = client.get("/metrics", headers=headers)
    assert reply.status_code == 200, reply.content
    families = text_string_to_metric_families(reply.content.decode())
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families for sample in family.samples}


def test_what_it_says(client: Client, gateways: None) -> None:
    Loss.objects.create(node="here", reason="ring_full", count=4)
    samples = read(client, Authorization=f"Bearer {operators_token()}")

    def of(name: str, **labels: str) -> float:
        return samples[name, tuple(sorted(labels.items()))]

    one = "gateway-1"
    assert of("hostel_gateway_up", process=one) == 1
    assert of("hostel_gateway_up", process="gateway-2") == 0
    assert of("hostel_gateway_requests_total", process=one) == 7
    assert of("hostel_gateway_responses_total", process=one, status="500") == 1
    assert of("hostel_invocations_total", process=one, outcome="ok") == 4
    assert of("hostel_invocations_total", process=one, outcome="exception") == 1
    assert of("hostel_pool_traps_total", process=one, kind="exceededCpu") == 1
    assert of("hostel_telemetry_lost_total", node="here", reason="ring_full") == 4
    assert of("hostel_telemetry_written_total", process=one) == 5
    buckets = {
        bound: of("hostel_invocation_wall_seconds_bucket", process=one, le=bound) for bound in ("0.001", "0.0025", "0.005", "2.5", "+Inf")
    }
    assert buckets == {"0.001": 1, "0.0025": 2, "0.005": 3, "2.5": 4, "+Inf": 5}
    assert of("hostel_invocation_wall_seconds_count", process=one) == 5
    assert of("hostel_invocation_wall_seconds_sum", process=one) == pytest.approx(62.0065)
    assert of("hostel_invocation_cpu_seconds_sum", process=one) == pytest.approx(0.0051)
    assert ("hostel_telemetry_spool_bytes", ()) in samples
    assert not any(process == "gateway-2" for name, labels in samples for label, process in labels if name != "hostel_gateway_up")


def test_openmetrics_for_who_asks_for_it(client: Client, gateways: None) -> None:
    headers = {"Authorization": f"Bearer {operators_token()}", "Accept": "application/openmetrics-text; version=1.0.0"}
    reply = client.get("/metrics", headers=headers)
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
    assert reply.content.endswith(b"# EOF\n")


def test_who_may_read_it(client: Client, gateways: None, tenant: Any, settings: Any) -> None:
    assert client.get("/metrics").status_code == 401
    _, secret = services.token_create(tenant=tenant, name="x", scopes=["tenant:write"], actor=Actor.system())
    assert client.get("/metrics", headers={"Authorization": f"Bearer {secret}"}).status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    user = User.objects.create_user("a@example.com", "a long password")
    client.force_login(user)
    assert client.get("/metrics").status_code == 403
    user.is_staff = True
    user.save()
    assert client.get("/metrics").status_code == 200
    client.logout()
    settings.HOSTEL = replace(settings.HOSTEL, metrics_allow=("10.1.0.0/16",))
    for address, status in (("10.1.2.3", 200), ("10.2.2.3", 401), ("", 401), ("nonsense", 401), ("10.1.2.3, 10.2.0.1", 401)):
        assert client.get("/metrics", headers={"X-Forwarded-For": address}).status_code == status, address
    assert client.post("/metrics", headers={"X-Forwarded-For": "10.1.2.3"}).status_code in {403, 405}


def test_the_log_has_the_gateways_request_id(client: Client) -> None:
    reply = client.get("/healthz", headers={"Hostel-Request-Id": "abcdef0123456789abcd", "X-Request-Id": "anothers-idea"})
    assert reply.headers["X-Request-Id"] == "abcdef0123456789abcd"
