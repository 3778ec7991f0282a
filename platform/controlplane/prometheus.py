"""`/metrics`: what an operator's Prometheus scrapes.

Owns the names of the metrics and who may read them: operators, and addresses in HOSTEL_METRICS_ALLOW. Counters are each process's own
under the label `process`: a sum over processes would fall when one of them ends, and a counter must not. Nothing here names a tenant. Must
not count anything itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from accounts.visitors import visitor_address
from api.gateways import gateway_stats
from cfapi.auth import authenticate, has_token
from cfapi.errors import CredentialsMissing
from telemetry.frames import SUFFIX
from telemetry.models import Loss
from tenants.access import Access
from tenants.errors import TokenScopeMissing
from tenants.roles import Scope

Process = tuple[str, Mapping[str, Any]]


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, in the format the scraper asks for. Raises CredentialsMissing, TokenInvalid, TokenScopeMissing."""
    _admit(request)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Gateways())
    registry.register(Rows())
    return HttpResponse(encode(registry), content_type=content_type)


metrics.kind = "operator"  # type: ignore[attr-defined]  # for the table of routes


def _admit(request: HttpRequest) -> None:
    if has_token(request):
        Access.of_token(authenticate(request)).require(Scope.OPERATOR)
    elif request.user.is_authenticated:
        if not request.user.is_staff:
            raise TokenScopeMissing("Operators only.", scope=Scope.OPERATOR)
    elif not _allowed(visitor_address(request)):
        raise CredentialsMissing


def _allowed(visitor: str) -> bool:
    try:
        address = ip_address(visitor)
    except ValueError:
        return False
    return any(address in ip_network(network, strict=False) for network in settings.HOSTEL.metrics_allow)


class Gateways(Collector):
    """The gateway processes of this machine, asked through their sockets."""

    def collect(self) -> Iterator[Metric]:
        """Ask once, then say it metric by metric."""
        found = gateway_stats()
        up = GaugeMetricFamily("hostel_gateway_up", "Whether the gateway process answers.", labels=["process"])
        for one in found:
            up.add_metric([one["process"]], float(one["reachable"]))
        yield up
        processes = [(one["process"], one["stats"]) for one in found if one["reachable"]]
        for name, text, path in _COUNTERS:
            yield _counted(name, text, processes, path)
        for name, text, label, path in _COUNTERS_BY:
            yield _counted_by(name, text, label, processes, path)
        for name, text, path in _GAUGES:
            gauge = GaugeMetricFamily(name, text, labels=["process"])
            for process, stats in processes:
                gauge.add_metric([process], _number(_at(stats, path)))
            yield gauge
        for name, text, kind in _HISTOGRAMS:
            yield _histogram(name, text, processes, kind)


class Rows(Collector):
    """What the database and the spool's folder say."""

    def collect(self) -> Iterator[Metric]:
        """Jobs, what ingestion has lost, and what it has yet to read."""
        jobs = GaugeMetricFamily("hostel_jobs", "Jobs by state.", labels=["state"])
        # By name: this app may not import the one that runs jobs.
        for row in apps.get_model("jobs", "Job").objects.values("state").annotate(count=Count("pk")).order_by("state"):
            jobs.add_metric([row["state"]], row["count"])
        yield jobs
        lost = CounterMetricFamily("hostel_telemetry_lost", "Records that never became rows.", labels=["node", "reason"])
        for loss in Loss.objects.order_by("node", "reason"):
            lost.add_metric([loss.node, loss.reason], loss.count)
        yield lost
        waiting = sum(path.stat().st_size for path in _segments())
        yield GaugeMetricFamily("hostel_telemetry_spool_bytes", "Segments of this machine that are not read to their end.", value=waiting)


def _segments() -> Iterable[Any]:
    return [path for path in settings.HOSTEL.spool.glob(f"*{SUFFIX}") if path.exists()]


def _at(stats: Mapping[str, Any], path: str) -> Any:
    found: Any = stats
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _counted(name: str, text: str, processes: Iterable[Process], path: str) -> Metric:
    counter = CounterMetricFamily(name, text, labels=["process"])
    for process, stats in processes:
        counter.add_metric([process], _number(_at(stats, path)))
    return counter


def _counted_by(name: str, text: str, label: str, processes: Iterable[Process], path: str) -> Metric:
    counter = CounterMetricFamily(name, text, labels=["process", label])
    for process, stats in processes:
        values = _at(stats, path)
        for key, value in sorted(values.items()) if isinstance(values, Mapping) else ():
            if isinstance(value, int | float):
                counter.add_metric([process, str(key)], float(value))
    return counter


def _histogram(name: str, text: str, processes: Iterable[Process], kind: str) -> Metric:
    histogram = HistogramMetricFamily(name, text, labels=["process"])
    for process, stats in processes:
        counts, bounds = _at(stats, f"records.{kind}_buckets") or {}, _at(stats, "records.bounds") or []
        total, buckets = 0.0, []
        for index, bound in enumerate([*map(str, bounds), "+Inf"]):
            total += _number(counts.get(str(index)))
            buckets.append((bound, total))
        histogram.add_metric([process], buckets, sum_value=_number(_at(stats, f"records.{kind}_us")) / 1e6)
    return histogram


_COUNTERS: Final = (
    ("hostel_gateway_requests", "Requests.", "gateway.requests.total"),
    ("hostel_gateway_requests_workers", "Requests that led to a worker.", "gateway.requests.workers"),
    ("hostel_gateway_requests_control", "Requests that led to the control plane.", "gateway.requests.control"),
    ("hostel_gateway_left", "Visitors who left before their response was complete.", "gateway.left"),
    ("hostel_gateway_broken", "Responses that broke off.", "gateway.broken"),
    ("hostel_gateway_cold_starts", "Requests for which an instance was made.", "gateway.cold"),
    ("hostel_gateway_lookups", "Routes that were looked up.", "gateway.lookups.total"),
    ("hostel_gateway_lookups_failed", "Lookups the database did not answer.", "gateway.lookups.failed"),
    ("hostel_gateway_served_stale", "Requests answered by what was last known.", "gateway.lookups.served_stale"),
    ("hostel_gateway_quota_uncounted", "Requests that passed a quota while nothing could count them.", "gateway.quota_uncounted"),
    ("hostel_pool_hits", "Requests that found a waiting instance.", "sandbox.pool.hits"),
    ("hostel_pool_misses", "Requests for which one was made.", "sandbox.pool.misses"),
    ("hostel_pool_loads", "Versions that were loaded.", "sandbox.pool.loads"),
    ("hostel_pool_evictions", "Entries dropped for room.", "sandbox.pool.evictions"),
    ("hostel_scheduler_fast_turns", "Turns that ended in their first slice.", "sandbox.scheduler.fast_turns"),
    ("hostel_scheduler_slow_turns", "Turns that were handed to the slow lane.", "sandbox.scheduler.slow_turns"),
    ("hostel_outbound_fetches", "Subrequests to the internet.", "sandbox.outbound.fetches"),
    ("hostel_telemetry_noted", "Invocations that were noted.", "records.noted"),
    ("hostel_telemetry_written", "Records written to the spool.", "records.written"),
    ("hostel_telemetry_written_bytes", "Bytes written to the spool.", "records.bytes"),
    ("hostel_tails_delivered", "Events that tail workers took.", "tails.delivered"),
)
_COUNTERS_BY: Final = (
    ("hostel_gateway_responses", "Responses by status.", "status", "gateway.statuses"),
    ("hostel_gateway_errors", "Pages that the gateway itself answered, by code.", "code", "gateway.errors"),
    ("hostel_invocations", "Invocations by outcome.", "outcome", "records.outcomes"),
    ("hostel_pool_traps", "Instances lost, by what stopped them.", "kind", "sandbox.pool.traps"),
    ("hostel_outbound_refused", "Subrequests that the egress guard refused.", "reason", "sandbox.outbound.refused"),
    ("hostel_outbound_failed", "Subrequests that failed.", "code", "sandbox.outbound.failed"),
    ("hostel_telemetry_dropped", "Records that found no room in this process.", "reason", "records.lost"),
    ("hostel_tails_lost", "Events that tail workers did not get.", "reason", "tails.lost"),
)
_GAUGES: Final = (
    ("hostel_gateway_requests_under_way", "Requests under way.", "gateway.requests.under_way"),
    ("hostel_gateway_hosts", "Hosts that are known.", "gateway.hosts"),
    ("hostel_gateway_started_seconds", "When the process started (seconds since 1970).", "gateway.started"),
    ("hostel_pool_entries", "Versions that are loaded.", "sandbox.pool.entries"),
    ("hostel_pool_instances", "Instances.", "sandbox.pool.instances"),
    ("hostel_pool_instances_busy", "Instances that serve a request.", "sandbox.pool.instances_busy"),
    ("hostel_pool_bytes", "Memory of instances and images.", "sandbox.pool.bytes"),
    ("hostel_pool_budget_bytes", "What the pool may hold.", "sandbox.pool.budget_bytes"),
    ("hostel_scheduler_waiting", "Turns that wait in the slow lane.", "sandbox.scheduler.waiting"),
    ("hostel_outbound_under_way", "Subrequests under way.", "sandbox.outbound.under_way"),
    ("hostel_telemetry_held", "Records that wait to be written.", "records.held"),
    ("hostel_tails_waiting", "Events that wait for tail workers.", "tails.waiting"),
)
_HISTOGRAMS: Final = (
    ("hostel_invocation_wall_seconds", "From an invocation's arrival to its last waitUntil promise.", "wall"),
    ("hostel_invocation_cpu_seconds", "CPU time of invocations.", "cpu"),
)
