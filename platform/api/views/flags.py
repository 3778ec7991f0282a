"""Feature flags: what they are, what they serve where, who would get what, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.queries import queried
from api.revisions import IF_MATCH, expected, tagged
from api.serializers.flags import (
    Evaluated,
    EvaluationSent,
    FlagChange,
    FlagQuery,
    FlagSent,
    FlagShown,
    RevisionShown,
    StaleFinding,
    StaleQuery,
    State,
    StateChange,
    Switch,
    evaluated,
)
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from experiments import selectors as experiments
from flags import selectors, services
from flags.errors import FlagEnvironmentNotFound, FlagNotFound
from flags.evaluation import check_context
from flags.models import Flag

SEARCH = OpenApiParameter("search", str, description="Part of the key or the description.")


class FlagView(TenantView):
    """What these routes share."""

    read_scope = "flags:read"
    write_scope = "flags:write"


class Flags(FlagView):
    """`/flags`."""

    @extend_schema(operation_id="flag_list", parameters=[SEARCH, *PAGE_PARAMETERS], responses=list_of("Flag", FlagShown))
    def get(self, request: Request) -> Response:
        """The tenant's flags, with their states."""
        query = queried(request, FlagQuery)
        found = selectors.flag_list(tenant=tenant_of(request), search=query["search"])

        def shown(rows: Sequence[Any]) -> list[Any]:
            states = selectors.flag_states(flags=list(rows))
            return [FlagShown(row, context={"states": states}).data for row in rows]

        return Response(listed(page_of(request._request, found, per_page=100, render_all=shown)))  # noqa: SLF001

    @extend_schema(operation_id="flag_create", request=json_of(FlagSent), responses={201: FlagShown})
    def post(self, request: Request) -> Response:
        """Make a flag. It is switched off in every environment."""
        sent = validated(request, FlagSent)
        flag = services.flag_create(tenant=tenant_of(request), actor=actor_of(request), **sent)
        return tagged(Response(_shown(flag), status=201), flag.revision)


class FlagOne(FlagView):
    """`/flags/{flag}`."""

    @extend_schema(operation_id="flag_get", responses=FlagShown)
    def get(self, request: Request, flag: str) -> Response:
        """One flag, with its states."""
        row = selectors.flag_get(tenant=tenant_of(request), key=flag)
        return tagged(Response(_shown(row)), row.revision)

    @extend_schema(operation_id="flag_update", parameters=[IF_MATCH], request=json_of(FlagChange), responses=FlagShown)
    def patch(self, request: Request, flag: str) -> Response:
        """Change what is the same in all environments. A variant that some environment serves cannot be taken away."""
        sent = validated(request, FlagChange)
        row = services.flag_update(tenant=tenant_of(request), key=flag, expected=expected(request), actor=actor_of(request), **sent)
        return tagged(Response(_shown(row)), row.revision)

    @extend_schema(operation_id="flag_delete", responses={204: None})
    def delete(self, request: Request, flag: str) -> Response:
        """Delete the flag with its history: whoever asks for it gets their own default."""
        services.flag_delete(tenant=tenant_of(request), key=flag, actor=actor_of(request))
        return Response(status=204)


class FlagStateOne(FlagView):
    """`/flags/{flag}/environments/{environment}`."""

    @extend_schema(operation_id="flag_state_get", responses=State)
    def get(self, request: Request, flag: str, environment: str) -> Response:
        """What the flag serves in one environment."""
        row = selectors.flag_state_get(tenant=tenant_of(request), key=flag, environment=environment)
        return tagged(Response(State(row).data), row.revision)

    @extend_schema(operation_id="flag_state_update", parameters=[IF_MATCH], request=json_of(StateChange), responses=State)
    def patch(self, request: Request, flag: str, environment: str) -> Response:
        """Change what the body names. Whoever has a variant whose share does not shrink keeps it. Live within a second."""
        sent = validated(request, StateChange)
        row = services.flag_state_update(
            tenant=tenant_of(request),
            key=flag,
            environment=environment,
            reason=sent.pop("reason"),
            changes=sent,
            expected=expected(request),
            actor=actor_of(request),
        )
        return tagged(Response(State(row).data), row.revision)


class FlagKill(FlagView):
    """`/flags/{flag}/kill`."""

    @extend_schema(operation_id="flag_kill", request=json_of(Switch), responses=FlagShown)
    def post(self, request: Request, flag: str) -> Response:
        """Switch the flag off, in one environment or in all. Live within a second; what was there is kept for `restore`."""
        services.flag_kill(tenant=tenant_of(request), key=flag, actor=actor_of(request), **validated(request, Switch))
        return Response(_shown(selectors.flag_get(tenant=tenant_of(request), key=flag)))


class FlagRestore(FlagView):
    """`/flags/{flag}/restore`."""

    @extend_schema(operation_id="flag_restore", request=json_of(Switch), responses=FlagShown)
    def post(self, request: Request, flag: str) -> Response:
        """Take the kill switch back, in one environment or in all."""
        services.flag_restore(tenant=tenant_of(request), key=flag, actor=actor_of(request), **validated(request, Switch))
        return Response(_shown(selectors.flag_get(tenant=tenant_of(request), key=flag)))


class FlagEvaluate(FlagView):
    """`/flags/{flag}/evaluate`. It changes nothing; contexts do not fit into a query."""

    write_scope = "flags:read"

    @extend_schema(operation_id="flag_evaluate", request=json_of(EvaluationSent), responses=Evaluated)
    def post(self, request: Request, flag: str) -> Response:
        """Evaluate as somebody: the value, the rule that decided, the bucket, and everything else that was asked."""
        sent = validated(request, EvaluationSent)
        tenant, environment = tenant_of(request), sent["environment"]
        ruleset = selectors.ruleset(tenant=tenant, environment=environment)
        if ruleset is None:
            raise FlagEnvironmentNotFound(f"There is no environment {environment!r}.")
        if flag not in ruleset:
            raise FlagNotFound
        found, steps = ruleset.explain(flag, check_context(sent["context"]), now=sent["at"].timestamp() if sent["at"] else None)
        return Response(evaluated(found, steps, environment))


class FlagHistory(FlagView):
    """`/flags/{flag}/history`."""

    @extend_schema(operation_id="flag_history", parameters=PAGE_PARAMETERS, responses=list_of("FlagRevision", RevisionShown))
    def get(self, request: Request, flag: str) -> Response:
        """Every change, newest first, with what it changed. The newest 200 are kept; the audit log keeps all."""
        rows = selectors.history(flag=selectors.flag_get(tenant=tenant_of(request), key=flag))
        return Response(listed(page_of(request._request, rows, lambda row: RevisionShown(row).data, per_page=25)))  # noqa: SLF001


class StaleFlags(FlagView):
    """`/flag-report`."""

    @extend_schema(operation_id="flag_report", parameters=[StaleQuery], responses=StaleFinding(many=True))
    def get(self, request: Request) -> Response:
        """Flags that could go: everybody gets the same, nobody asks for them, or they name what is no more."""
        tenant, days = tenant_of(request), queried(request, StaleQuery)["days"]
        found = selectors.stale_flags(tenant=tenant, days=days, used=experiments.flag_uses(tenant=tenant, days=days))
        return Response([StaleFinding(one).data for one in found])


def _shown(flag: Flag) -> Any:
    return FlagShown(flag, context={"states": selectors.flag_states(flags=[flag])}).data
