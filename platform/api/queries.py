"""The query of a request, checked by a serializer.

Owns the rule that a parameter is given at most once and that one nobody knows is refused. Must not know any parameter itself.
"""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import Serializer

from api.auth import TENANT_PARAMETER
from tenants.errors import FieldInvalid


def queried(request: Request, serializer: type[Serializer[Any]]) -> dict[str, Any]:
    """The query's validated data. Raises FieldInvalid, ValidationError."""
    for name, values in request.query_params.lists():
        if len(values) > 1:
            raise FieldInvalid(f"{name[:80]} was given {len(values)} times.", field=name[:80])
    given = request.query_params.dict()
    if TENANT_PARAMETER not in serializer().fields:
        # It has named the tenant already.
        given.pop(TENANT_PARAMETER, None)
    checked = serializer(data=given)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)
