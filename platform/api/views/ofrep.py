"""The OpenFeature Remote Evaluation Protocol (OFREP 0.2, https://github.com/open-feature/protocol): flags for any OpenFeature SDK.

Owns its bodies, its errors, its ETag and what web clients need of CORS. Answers by the one engine and decides nothing itself. Tokens with
`flags:evaluate` may evaluate every flag; those with `flags:client` alone, which web pages carry in the open, only public ones: others do
not exist for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import access_of, tenant_of
from api.problems import translated
from api.views.base import TenantView
from cfapi.jsonbody import read_json
from experiments.noting import evaluation_note
from flags import selectors
from flags.errors import ContextInvalid, FlagEnvironmentNotFound, FlagNotFound
from flags.evaluation import Context, Evaluation, Ruleset, check_context
from flags.evaluation.limits import CONTEXT_BYTES
from flags.services.environments import DEFAULTS
from tenants.roles import Scope

ENVIRONMENT_HEADER: Final = "X-Hostel-Flag-Environment"
# Escapes of JSON may take more room than what they stand for.
_BODY_BYTES: Final = 4 * CONTEXT_BYTES
# Errors that OFREP has words for; the rest is a general one.
_CODES: Final = {
    "flag_not_found": "FLAG_NOT_FOUND",
    "body_invalid": "PARSE_ERROR",
    "flag_context_invalid": "INVALID_CONTEXT",
    "body_too_large": "INVALID_CONTEXT",
}
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Retry-After",
}
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": f"Authorization, X-API-Key, Content-Type, If-None-Match, {ENVIRONMENT_HEADER}",
    "Access-Control-Max-Age": "86400",
}


class OfrepView(TenantView):
    """What both routes share."""

    write_scope = Scope.FLAGS_CLIENT
    http_method_names = ("post",)  # type: ignore[assignment]
    schema = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer browsers that ask before they ask; without a token, as they do."""
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers={**_CORS, **_PREFLIGHT})
        return super().dispatch(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Let pages of other hosts read it: tokens are their own proof, no cookie counts."""
        found = super().finalize_response(request, response, *args, **kwargs)
        for name, value in _CORS.items():
            found.headers[name] = value
        return found

    def get_exception_handler(self) -> Any:
        """Errors in OFREP's words."""
        return _refused

    def subject(self, request: Request) -> tuple[Ruleset, Context, bool]:
        """The ruleset, the context, and whether public flags only may be seen. Raises ContextInvalid, FlagEnvironmentNotFound."""
        body = read_json(request._request, limit=_BODY_BYTES)  # noqa: SLF001 - the framework's own way to the request it wraps
        context = body.get("context", {}) if isinstance(body, Mapping) else None
        if context is None:
            raise ContextInvalid("The body must be an object with a context.", field="context")
        environment = request.headers.get(ENVIRONMENT_HEADER, DEFAULTS[0])
        ruleset = selectors.ruleset(tenant=tenant_of(request), environment=environment)
        if ruleset is None:
            raise FlagEnvironmentNotFound(f"There is no environment {environment[:63]!r}.")
        return ruleset, check_context(context), not access_of(request).allows(Scope.FLAGS_EVALUATE)


class OfrepFlag(OfrepView):
    """`/ofrep/v1/evaluate/flags/{flag}`."""

    def post(self, request: Request, flag: str) -> Response:
        """One flag's value."""
        ruleset, context, public = self.subject(request)
        if flag not in ruleset or (public and not selectors.public_keys(tenant=tenant_of(request), key=flag)):
            raise FlagNotFound
        found = ruleset.evaluate(flag, context)
        evaluation_note(tenant=tenant_of(request), environment=ruleset.environment, flag=flag)
        return Response(_answer(found, ruleset.environment, public=public), status=200 if found.error_code is None else 400)


class OfrepFlags(OfrepView):
    """`/ofrep/v1/evaluate/flags`."""

    def post(self, request: Request) -> Response:
        """Every flag's value; 304 where they are those of `If-None-Match`."""
        ruleset, context, public = self.subject(request)
        keys = sorted(selectors.public_keys(tenant=tenant_of(request))) if public else ruleset.keys()
        found = [_answer(ruleset.evaluate(key, context), ruleset.environment, public=public) for key in keys]
        evaluation_note(tenant=tenant_of(request), environment=ruleset.environment)
        tag = f'"{hashlib.sha256(msgspec.json.encode(found)).hexdigest()[:32]}"'
        known = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
        response = Response(status=304) if tag in known else Response({"flags": found, "metadata": {"environment": ruleset.environment}})
        response["ETag"] = tag
        return response


def _answer(found: Evaluation, environment: str, *, public: bool) -> dict[str, Any]:
    if found.error_code is not None:
        return {"key": found.key, "errorCode": found.error_code, "errorDetails": found.error_message}
    metadata: dict[str, Any] = {"environment": environment}
    if not public:
        facts = {"bucket": found.bucket, "layer": found.layer, "rule": found.decided.id if found.decided else None}
        metadata |= {name: value for name, value in facts.items() if value is not None}
    return {"key": found.key, "value": found.value, "variant": found.variant, "reason": found.reason, "metadata": metadata}


def _refused(exception: Exception, context: Mapping[str, Any]) -> Response:
    error = translated(exception, context)
    flag = context.get("kwargs", {}).get("flag")
    code = _CODES.get(error.code, "GENERAL")
    status = 400 if code in {"PARSE_ERROR", "INVALID_CONTEXT"} else error.status
    body = {"errorCode": code, "errorDetails": error.message, "code": error.code, **({"key": flag} if flag is not None else {})}
    response = Response(body, status=status)
    if "retry_after" in error.detail:
        response["Retry-After"] = str(error.detail["retry_after"])
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response
