"""Adjusts the generated OpenAPI document.

Owns what the generator cannot know: that only this API belongs in the document, and that every operation can answer a problem.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from api.problems import CONTENT_TYPE

PREFIX = "/api/v1/"
_DOCUMENTS = (f"{PREFIX}openapi.json", f"{PREFIX}docs")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The bearer token."""

    target_class = "api.auth.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """As OpenAPI names it."""
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The cookie of Django's admin."""

    target_class = "api.auth.StaffSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """As OpenAPI names it."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


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
