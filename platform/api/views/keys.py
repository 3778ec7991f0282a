"""The master key, for operators: how far a replacement has come, and going on with it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of
from api.serializers.base import Shown
from api.views.base import OperatorView
from tenants import services


class KeysStatus(Shown):
    """Which master key seals, and what the others are still needed for."""

    current = serializers.CharField(help_text="The id of the key that seals.")
    earlier = serializers.ListField(child=serializers.CharField(), help_text="Other keys on the ring: they only unseal.")
    sealed = serializers.DictField(child=serializers.IntegerField(), help_text="Data keys by the master key that has sealed them.")
    removable = serializers.ListField(child=serializers.CharField(), help_text="Earlier keys that nothing needs any more.")


class Keys(OperatorView):
    """`/admin/keys`."""

    @extend_schema(operation_id="admin_keys", responses=KeysStatus)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Which master key seals, which others are on the ring, and how many data keys each has sealed. Ids only."""
        return Response(_status())


class KeysRotate(OperatorView):
    """`/admin/keys/rotate`."""

    @extend_schema(operation_id="admin_keys_rotate", request=None, responses={202: KeysStatus})
    def post(self, request: Request) -> Response:
        """Have everything sealed with the current master key, in the background; `GET /admin/keys` tells how far that is."""
        services.keys_rotate_request(actor=actor_of(request))
        return Response(_status(), status=202)


def _status() -> dict[str, Any]:
    return dict(KeysStatus(services.keys_status()).data)
