"""What every route of the native API shares."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from api.auth import HasScope, TokenAuthentication
from api.problems import exception_handler
from cfapi.errors import RouteNotFound
from cfapi.paging import PER_PAGE_MAX, Page

PAGE_PARAMETERS = [
    OpenApiParameter("page", int, description="From 1."),
    OpenApiParameter("per_page", int, description=f"At most {PER_PAGE_MAX}."),
]


class OnlyJson(BaseContentNegotiation):
    """Every reply is JSON, whatever the client would like: a browser gets to see it, too."""

    def select_parser(self, request: Request, parsers: Any) -> Any:  # noqa: ARG002
        """Bodies are read by `api.bodies`."""
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:  # noqa: ARG002
        """The first one."""
        return renderers[0], renderers[0].media_type


class TenantView(APIView):
    """A route for tenants' tokens."""

    authentication_classes = (TokenAuthentication,)
    permission_classes: Any = (HasScope,)
    renderer_classes = (JSONRenderer,)
    parser_classes = ()
    content_negotiation_class = OnlyJson
    read_scope: ClassVar[str] = "workers:read"
    write_scope: ClassVar[str] = "workers:write"
    # OPTIONS would describe the serializers; the OpenAPI document does that.
    http_method_names = ("get", "post", "put", "patch", "delete", "head")

    def get_exception_handler(self) -> Any:
        """Problems, whatever the settings say."""
        return exception_handler


class Unknown(APIView):
    """Every other address; anybody may learn that there is nothing."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = OnlyJson
    schema = None

    def initial(self, request: Request, *_args: Any, **_kwargs: Any) -> None:
        """Raise RouteNotFound, whatever the method."""
        raise RouteNotFound(f"There is nothing at {request.path[:200]}.")

    def get_exception_handler(self) -> Any:
        """Problems, whatever the settings say."""
        return exception_handler


def listed(page: Page) -> dict[str, Any]:
    """A page of a list as it is answered."""
    return {"items": page.items, "page": page.info["page"], "per_page": page.info["per_page"], "total": page.info["total_count"]}


def list_of(name: str, item: type[serializers.Serializer[Any]]) -> Any:
    """The serializer of a page of `item`s, for the schema."""
    return inline_serializer(
        f"{name}List",
        {
            "items": item(many=True),
            "page": serializers.IntegerField(),
            "per_page": serializers.IntegerField(),
            "total": serializers.IntegerField(),
        },
    )


def json_of(serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """A JSON body, for the schema: the framework would ask the parsers, of which there are none."""
    return {"application/json": serializer}
