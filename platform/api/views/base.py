"""What every route of the native API shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from api.auth import Anybody, HasScope, IsCaller, IsOperator, IsPerson, SessionAuthentication, TokenAuthentication
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


class ApiView(APIView):
    """What the routes of every kind share. A route is of one of the kinds below: a test refuses any that is none."""

    # Whom the route is for: anonymous, caller, person, tenant or operator.
    kind: ClassVar[str]
    authentication_classes: Any = (TokenAuthentication, SessionAuthentication)
    renderer_classes = (JSONRenderer,)
    parser_classes = ()
    content_negotiation_class = OnlyJson
    # OPTIONS would describe the serializers; the OpenAPI document does that.
    http_method_names = ("get", "post", "put", "patch", "delete", "head")

    @classmethod
    def scope_of(cls, method: str) -> str | None:  # noqa: ARG003 - TenantView has an answer
        """The scope that `method` needs; None where the kind alone decides."""
        return None

    def get_exception_handler(self) -> Any:
        """Problems, whatever the settings say."""
        return exception_handler


class TenantView(ApiView):
    """A route for tenants' tokens, and for people with a role in the tenant they name."""

    kind = "tenant"
    permission_classes: Any = (HasScope,)
    # None where belonging to the tenant is enough.
    read_scope: ClassVar[str | None] = "workers:read"
    write_scope: ClassVar[str | None] = "workers:write"
    # Methods that need another scope.
    scopes: ClassVar[Mapping[str, str | None]] = {}

    @classmethod
    def scope_of(cls, method: str) -> str | None:
        """The scope that `method` needs; None where any caller with a tenant may."""
        return cls.scopes.get(method, cls.read_scope if method in {"GET", "HEAD", "OPTIONS"} else cls.write_scope)


class CallerView(ApiView):
    """A route for anybody who says who they are, whatever they may do."""

    kind = "caller"
    permission_classes: Any = (IsCaller,)


class PersonView(ApiView):
    """A route for people who have logged in, outside of any tenant; tokens are refused."""

    kind = "person"
    permission_classes: Any = (IsPerson,)


class OperatorView(ApiView):
    """A route for operators: their tokens, and sessions of staff."""

    kind = "operator"
    permission_classes: Any = (IsOperator,)

    @classmethod
    def scope_of(cls, method: str) -> str | None:  # noqa: ARG003 - the same for all
        """The operators' scope."""
        return "operator"


class AnonymousView(ApiView):
    """A route for everybody; whoever says who they are is not asked for a proof."""

    kind = "anonymous"
    authentication_classes: Any = ()
    permission_classes: Any = (Anybody,)


class Unknown(AnonymousView):
    """Every other address; anybody may learn that there is nothing."""

    http_method_names = ()  # type: ignore[assignment]
    schema = None

    def initial(self, request: Request, *_args: Any, **_kwargs: Any) -> None:
        """Raise RouteNotFound, whatever the method."""
        raise RouteNotFound(f"There is nothing at {request.path[:200]}.")


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
