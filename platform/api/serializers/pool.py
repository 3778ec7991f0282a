"""The gateways' pools, as an operator sees them."""

from __future__ import annotations

from rest_framework import serializers

from api.serializers.base import Shown


class PoolCounts(Shown):
    """Counters since each process began, and sizes of now."""

    entries = serializers.IntegerField(help_text="Keys (tenant, worker, version) that are loaded.")
    instances = serializers.IntegerField()
    instances_busy = serializers.IntegerField()
    snapshots = serializers.IntegerField(help_text="Entries that start from an image.")
    hits = serializers.IntegerField(help_text="Requests that found a waiting instance.")
    misses = serializers.IntegerField(help_text="Requests for which one was made.")
    loads = serializers.IntegerField()
    restored = serializers.IntegerField(help_text="Instances made from an image.")
    started = serializers.IntegerField(help_text="Instances made by running the top level.")
    evictions = serializers.IntegerField()
    expired = serializers.IntegerField()
    refused = serializers.IntegerField()
    traps = serializers.DictField(child=serializers.IntegerField(), help_text="Instances lost, by what stopped them.")
    bytes = serializers.IntegerField()
    budget_bytes = serializers.IntegerField()
    bytes_by_tenant = serializers.DictField(child=serializers.IntegerField())


class PoolTotals(Shown):
    """Sums over all processes."""

    pool = PoolCounts()
    scheduler = serializers.DictField(child=serializers.IntegerField())
    requests_by_tenant = serializers.DictField()
    outbound = serializers.DictField()
    gateway = serializers.DictField()


class PoolProcess(Shown):
    """One gateway process."""

    process = serializers.CharField(help_text="The process's socket, without folder and ending.")
    reachable = serializers.BooleanField()
    stats = serializers.DictField(help_text="What it answered; empty when it did not.")


class Pool(Shown):
    """All gateway processes of this machine, and the sums over them."""

    totals = PoolTotals()
    processes = PoolProcess(many=True)
