"""What operators see of the data plane."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.gateways import gateway_stats, totals
from api.serializers.pool import Pool
from api.views.base import OperatorView


class PoolView(OperatorView):
    """`/admin/pool`."""

    @extend_schema(operation_id="admin_pool", responses=Pool)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Instances, snapshots, hits, misses, evictions, bytes by tenant and traps by kind: of each gateway process, and summed."""
        processes = gateway_stats()
        return Response({"totals": totals(processes), "processes": processes})
