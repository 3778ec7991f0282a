"""Webhooks of a tenant, and what was sent to them."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.serializers.webhooks import Delivery, SecretRotation, Webhook, WebhookChange, WebhookMade, WebhookSent
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.models import WebhookDelivery

STATE = OpenApiParameter("state", str, enum=WebhookDelivery.State.values)


class WebhookView(TenantView):
    """What these routes share."""

    read_scope = "tenant:read"
    write_scope = "tenant:write"


class Webhooks(WebhookView):
    """`/webhooks`."""

    @extend_schema(operation_id="webhook_list", parameters=PAGE_PARAMETERS, responses=list_of("Webhook", Webhook))
    def get(self, request: Request) -> Response:
        """The tenant's webhooks."""
        rows = selectors.webhook_list(tenant=tenant_of(request))
        return Response(listed(page_of(request._request, rows, lambda row: Webhook(row).data, per_page=100)))  # noqa: SLF001

    @extend_schema(operation_id="webhook_create", request=json_of(WebhookSent), responses={201: WebhookMade})
    def post(self, request: Request) -> Response:
        """Make a webhook. The reply is the only place its secret is shown."""
        sent = validated(request, WebhookSent)
        hook, secret = services.webhook_create(tenant=tenant_of(request), actor=actor_of(request), **sent)
        return Response({**Webhook(hook).data, "secret": secret}, status=201)


class WebhookOne(WebhookView):
    """`/webhooks/{webhook_id}`."""

    @extend_schema(operation_id="webhook_get", responses=Webhook)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One webhook, without its secret."""
        return Response(Webhook(selectors.webhook_get(tenant=tenant_of(request), webhook_id=webhook_id)).data)

    @extend_schema(operation_id="webhook_update", request=json_of(WebhookChange), responses=Webhook)
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change what the body names. Switching it off gives up what is on its way; switching it on forgets that it has failed."""
        sent = validated(request, WebhookChange)
        hook = services.webhook_update(tenant=tenant_of(request), webhook_id=webhook_id, actor=actor_of(request), **sent)
        return Response(Webhook(hook).data)

    @extend_schema(operation_id="webhook_delete", responses={204: None})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Remove the webhook with its deliveries."""
        services.webhook_delete(tenant=tenant_of(request), webhook_id=webhook_id, actor=actor_of(request))
        return Response(status=204)


class WebhookSecret(WebhookView):
    """`/webhooks/{webhook_id}/secret`."""

    @extend_schema(operation_id="webhook_secret_rotate", request=json_of(SecretRotation), responses=WebhookMade)
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Replace the secret. For `keep_hours` deliveries are signed with both; the reply is the only place the new one is shown."""
        tenant = tenant_of(request)
        selectors.webhook_get(tenant=tenant, webhook_id=webhook_id)
        sent = validated(request, SecretRotation)
        hook, secret = services.webhook_secret_rotate(tenant=tenant, webhook_id=webhook_id, actor=actor_of(request), **sent)
        return Response({**Webhook(hook).data, "secret": secret})


class WebhookPing(WebhookView):
    """`/webhooks/{webhook_id}/ping`."""

    @extend_schema(operation_id="webhook_ping", request=None, responses={202: Delivery})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send the event `webhook.ping`, whatever the webhook subscribes to; how that went is in the delivery a moment later."""
        row = services.webhook_ping(tenant=tenant_of(request), webhook_id=webhook_id)
        return Response(Delivery(row).data, status=202)


class Deliveries(WebhookView):
    """`/webhooks/{webhook_id}/deliveries`."""

    @extend_schema(operation_id="delivery_list", parameters=[STATE, *PAGE_PARAMETERS], responses=list_of("Delivery", Delivery))
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """What was sent to the webhook, newest first, with every attempt."""
        state = request.GET.get("state", "")
        rows = selectors.delivery_list(tenant=tenant_of(request), webhook_id=webhook_id, state=state)
        if state and state not in WebhookDelivery.State.values:
            raise FieldInvalid(f"The state must be one of {', '.join(WebhookDelivery.State.values)}.", field="state")
        return Response(listed(page_of(request._request, rows, lambda row: Delivery(row).data, per_page=25)))  # noqa: SLF001


class DeliveryOne(WebhookView):
    """`/webhooks/{webhook_id}/deliveries/{delivery_id}`."""

    @extend_schema(operation_id="delivery_get", responses=Delivery)
    def get(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """One delivery."""
        return Response(Delivery(selectors.delivery_get(tenant=tenant_of(request), webhook_id=webhook_id, delivery_id=delivery_id)).data)


class DeliveryReplay(WebhookView):
    """`/webhooks/{webhook_id}/deliveries/{delivery_id}/replay`."""

    @extend_schema(operation_id="delivery_replay", request=None, responses={202: Delivery})
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send the delivery again: the same body under the same webhook-id, with as many attempts as a new one."""
        row = services.delivery_replay(tenant=tenant_of(request), webhook_id=webhook_id, delivery_id=delivery_id, actor=actor_of(request))
        return Response(Delivery(row).data, status=202)
