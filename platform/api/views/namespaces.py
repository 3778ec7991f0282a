"""Dispatch namespaces and promotion. Workers in a namespace have the routes of any worker, under their qualified names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.serializers.namespaces import Namespace, NamespaceChange, NamespaceListed, NamespaceSent, Promoted, Promotion, PromotionSent
from api.serializers.workers import Worker
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from cfapi.render import TRIGGER
from tenants import selectors, services

SOURCE = "api"
TAG = OpenApiParameter("tag", str, many=True, description="Only workers that have this tag; may be given more than once.")


class Namespaces(TenantView):
    """`/namespaces`."""

    @extend_schema(operation_id="namespace_list", parameters=PAGE_PARAMETERS, responses=list_of("Namespace", NamespaceListed))
    def get(self, request: Request) -> Response:
        """The tenant's dispatch namespaces."""
        rows = selectors.namespace_list(tenant=tenant_of(request))
        return Response(listed(page_of(request._request, rows, lambda row: NamespaceListed(row).data, per_page=100)))  # noqa: SLF001

    @extend_schema(operation_id="namespace_create", request=json_of(NamespaceSent), responses={201: Namespace})
    def post(self, request: Request) -> Response:
        """Make a namespace; `promotes_to` names the environment that comes after it."""
        sent = validated(request, NamespaceSent)
        made = services.namespace_create(
            tenant=tenant_of(request), name=sent["name"], promotes_to=sent["promotes_to"], actor=actor_of(request)
        )
        return Response(Namespace(made).data, status=201)


class NamespaceOne(TenantView):
    """`/namespaces/{namespace}`."""

    @extend_schema(operation_id="namespace_get", responses=Namespace)
    def get(self, request: Request, namespace: str) -> Response:
        """One namespace."""
        return Response(Namespace(selectors.namespace_get(tenant=tenant_of(request), name=namespace)).data)

    @extend_schema(operation_id="namespace_update", request=json_of(NamespaceChange), responses=Namespace)
    def patch(self, request: Request, namespace: str) -> Response:
        """Rename it, say where promotion leads, or change its own variables, secrets and services; all of what is sent, or nothing."""
        sent = validated(request, NamespaceChange)
        tenant, actor = tenant_of(request), actor_of(request)
        with transaction.atomic():
            if "bindings" in sent:
                services.namespace_bindings_update(tenant=tenant, name=namespace, changes=sent["bindings"], actor=actor)
            if "promotes_to" in sent:
                services.namespace_promotes_to(tenant=tenant, name=namespace, promotes_to=sent["promotes_to"], actor=actor)
            if "name" in sent:
                namespace = services.namespace_rename(tenant=tenant, name=namespace, new_name=sent["name"], actor=actor).name
        return Response(Namespace(selectors.namespace_get(tenant=tenant, name=namespace)).data)

    @extend_schema(operation_id="namespace_delete", responses={204: None})
    def delete(self, request: Request, namespace: str) -> Response:
        """Delete the namespace with every worker in it."""
        services.namespace_delete(tenant=tenant_of(request), name=namespace, actor=actor_of(request))
        return Response(status=204)


class NamespaceWorkers(TenantView):
    """`/namespaces/{namespace}/workers`."""

    @extend_schema(operation_id="namespace_workers", parameters=[*PAGE_PARAMETERS, TAG], responses=list_of("NamespaceWorker", Worker))
    def get(self, request: Request, namespace: str) -> Response:
        """The workers in the namespace; each is `/workers/{namespace}:{name}` to every other route."""
        tenant = tenant_of(request)
        row = selectors.namespace_get(tenant=tenant, name=namespace)
        workers = selectors.namespace_workers(tenant=tenant, namespace=row, with_tags=request.GET.getlist("tag"))
        return Response(listed(page_of(request._request, workers, lambda one: Worker(one).data, per_page=100)))  # noqa: SLF001


class WorkerPromotion(TenantView):
    """`/workers/{worker}/promotion`."""

    scopes: ClassVar[Mapping[str, str]] = {"POST": "workers:deploy"}

    @extend_schema(operation_id="promotion_preview", responses=Promotion)
    def get(self, request: Request, worker: str) -> Response:
        """What promoting the worker's live versions into the next environment would change: code, bindings, limits."""
        return Response(Promotion(selectors.promotion_preview(tenant=tenant_of(request), worker_name=worker)).data)

    @extend_schema(operation_id="worker_promote", request=json_of(PromotionSent), responses={200: Promoted, 201: Promoted})
    def post(self, request: Request, worker: str) -> Response:
        """Promote: same code, the next environment's own variables and secrets, the same shares. 200 when the target serves it already."""
        sent = validated(request, PromotionSent)
        annotations: dict[str, Any] = {TRIGGER: "promotion"}
        done = services.worker_promote(
            tenant=tenant_of(request),
            worker_name=worker,
            expected=sent["preview"],
            message=sent["message"],
            annotations=annotations,
            actor=actor_of(request),
            source=SOURCE,
        )
        return Response(Promoted(done).data, status=201 if done.preview.changes else 200)
