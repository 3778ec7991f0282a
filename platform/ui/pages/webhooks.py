"""Webhooks, and what was sent to them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase

from cfapi.paging import page_of
from tenants import selectors, services
from tenants.errors import DeliveryNotFound
from tenants.models import Webhook, WebhookDelivery
from tenants.selectors.tenants import as_uuid
from ui.page import TenantPage

PER_PAGE = 25
SUGGESTED = ("*", "deployment.*", "version.*", "worker.*", "secrets.*", "member.*", "token.*")


class WebhookPage(TenantPage):
    """What both pages share."""

    place = "webhooks"
    read_scope = "tenant:read"
    write_scope = "tenant:write"

    def events(self) -> list[str]:
        """The patterns that were typed."""
        return self.field("events").replace(",", " ").split()


class Webhooks(WebhookPage):
    """`/t/{tenant}/webhooks`."""

    template = "ui/webhooks.html"
    title = "Webhooks"
    actions = ("create",)
    api = "/api/v1/webhooks"

    def context(self) -> dict[str, Any]:
        """All of them."""
        return {"hooks": list(selectors.webhook_list(tenant=self.tenant)), "suggested": SUGGESTED}

    def do_create(self) -> HttpResponseBase:
        """Make one, and show its secret: the only time."""
        hook, secret = services.webhook_create(
            tenant=self.tenant, url=self.field("url"), events=self.events(), description=self.field("description"), actor=self.actor
        )
        return self.show(status=201, made=hook, secret=secret)


class WebhookOne(WebhookPage):
    """`/t/{tenant}/webhooks/{webhook_id}`."""

    template = "ui/webhook.html"
    title = "Webhook"
    actions = ("update", "delete", "rotate", "ping", "replay")
    api = "/api/v1/webhooks/{webhook_id}/deliveries"

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list."""
        return [("Webhooks", self.url("webhooks"))]

    def context(self) -> dict[str, Any]:
        """The webhook and its deliveries, of one state where asked."""
        state = self.request.GET.get("state", "")
        state = state if state in WebhookDelivery.State.values else ""
        rows = selectors.delivery_list(tenant=self.tenant, webhook_id=self.kwargs["webhook_id"], state=state)
        return {
            "hook": self.hook,
            "found": page_of(self.request, rows, per_page=PER_PAGE),
            "states": WebhookDelivery.State.values,
            "state": state,
        }

    @property
    def hook(self) -> Webhook:
        """The webhook of the address. Raises `WebhookNotFound`."""
        return selectors.webhook_get(tenant=self.tenant, webhook_id=self.kwargs["webhook_id"])

    def do_update(self) -> HttpResponseBase | None:
        """Change it."""
        services.webhook_update(
            tenant=self.tenant,
            webhook_id=self.hook.pk,
            url=self.field("url"),
            events=self.events(),
            description=self.field("description"),
            active=self.field("active") == "on",
            actor=self.actor,
        )
        self.say("The webhook is changed.")
        return None

    def do_delete(self) -> HttpResponseBase:
        """Remove it with its deliveries."""
        hook = self.hook
        self.confirmed(hook.url)
        services.webhook_delete(tenant=self.tenant, webhook_id=hook.pk, actor=self.actor)
        self.say("The webhook is gone.")
        return self.go("webhooks")

    def do_rotate(self) -> HttpResponseBase:
        """A new secret, shown once; the old one signs beside it for a day."""
        _, secret = services.webhook_secret_rotate(tenant=self.tenant, webhook_id=self.hook.pk, actor=self.actor)
        return self.show(secret=secret)

    def do_ping(self) -> HttpResponseBase | None:
        """Send it something to try it with."""
        services.webhook_ping(tenant=self.tenant, webhook_id=self.hook.pk)
        self.say("A ping is on its way: how it went is in the list in a moment.")
        return None

    def do_replay(self) -> HttpResponseBase | None:
        """Send a delivery again."""
        found: UUID | None = as_uuid(self.field("delivery"))
        if found is None:
            raise DeliveryNotFound
        services.delivery_replay(tenant=self.tenant, webhook_id=self.hook.pk, delivery_id=found, actor=self.actor)
        self.say("It is sent again.")
        return None
