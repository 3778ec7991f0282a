"""Adjusts the generated OpenAPI document.

Owns what the generator cannot know: that only this API belongs in the document, and that every operation can answer a problem.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from api.auth import TENANT_HEADER
from api.problems import CONTENT_TYPE
from cfapi.auth import KEY_HEADER

PREFIX = "/api/v1/"
_DOCUMENTS = (f"{PREFIX}openapi.json", f"{PREFIX}docs")


class Described(AutoSchema):
    """An operation's description, with whom the route is for."""

    def get_extensions(self) -> Any:
        """`x-hostel-access`: the route's kind and the scope it needs."""
        view: Any = self.view
        scope = view.scope_of(self.method)
        return {"x-hostel-access": {"kind": view.kind, **({"scope": str(scope)} if scope else {})}}

    def get_override_parameters(self) -> Any:
        """The header that says which tenant a session means."""
        view: Any = self.view
        return [TENANT] if view.kind == "tenant" else []


TENANT = OpenApiParameter(
    TENANT_HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Slug of the tenant that is meant. A session needs it (`?tenant=` will do, too); a token has only its own.",
)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A token, in either of two headers."""

    target_class = "api.auth.TokenAuthentication"
    name = ["token", "key"]  # noqa: RUF012 - the generator's own way

    def get_security_requirement(self, auto_schema: Any) -> Any:
        """One or the other; people who have logged in, only where tokens cannot act."""
        return [] if auto_schema.view.kind == "person" else [{"token": []}, {"key": []}]

    def get_security_definition(self, auto_schema: Any) -> Any:  # noqa: ARG002
        """As OpenAPI names them."""
        return [{"type": "http", "scheme": "bearer"}, {"type": "apiKey", "in": "header", "name": KEY_HEADER}]


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The cookie of a person who has logged in."""

    target_class = "api.auth.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """As OpenAPI names it."""
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "Methods that change something also need the form token in X-CSRFToken.",
        }


def only_native(endpoints: list[Any]) -> list[Any]:
    """Leave out what is not the native API's, and the documents themselves."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX) and not endpoint[0].startswith(_DOCUMENTS)]


def add_problem(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:  # noqa: ARG001
    """Say that every operation may answer a problem."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {
                "description": "What went wrong (RFC 9457).",
                "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
    return result


PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457). Further keys depend on `code`: limit, file, line, column and others.",
    "required": ["type", "title", "status", "detail", "code", "fault"],
    "properties": {
        "type": {"type": "string", "description": "urn:hostel:error:{code}"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, in a sentence."},
        "code": {"type": "string", "description": "Stable; docs/api.md lists them."},
        "fault": {"type": "string", "enum": ["visitor", "tenant", "platform"]},
        "field": {"type": "string", "description": "Where in the request."},
    },
}
