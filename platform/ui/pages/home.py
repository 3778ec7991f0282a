"""Pages outside of any tenant: the front page, a new tenant, the theme, forms that outlived their session."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from tenants import selectors, services
from ui import entrance, unsent
from ui.page import THEME_COOKIE, THEMES, AnonymousPage, PersonPage

_YEAR = 31_536_000


class Front(AnonymousPage):
    """`/`: one's tenants; for visitors, what this is."""

    template = "ui/front.html"
    title = "Hostel"
    api = "/api/v1/tenants"

    def context(self) -> dict[str, Any]:
        """The tenants of whoever is logged in."""
        user = entrance.person(self.request)
        found = list(selectors.memberships_of_user(user=user)) if user is not None else []
        return {"memberships": found, "base": settings.HOSTEL.base_domain, "open": settings.HOSTEL.signup == "open"}


class TenantNew(PersonPage):
    """`/new`: a tenant of one's own."""

    template = "ui/tenant_new.html"
    title = "New tenant"
    actions = ("create",)
    api = "/api/v1/tenants"

    def context(self) -> dict[str, Any]:
        """With a name to begin with, and where workers will answer."""
        own = re.sub(r"[^a-z0-9]+", "-", self.user.email.partition("@")[0].lower()).strip("-")[:40]
        return {"suggested": own, "base": settings.HOSTEL.base_domain}

    def do_create(self) -> HttpResponseBase:
        """Make it, and go on to its first worker."""
        slug = self.field("slug").lower()
        services.tenant_found(slug=slug, name=self.field("name") or slug, user=self.user, actor=self.actor)
        return HttpResponseRedirect(reverse("ui:worker_new", kwargs={"tenant": slug}))


class Theme(AnonymousPage):
    """`/theme`: light, dark, or as the system has it; kept in a cookie."""

    actions = ("theme",)

    def dispatch(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Set the cookie and go back."""
        if request.method != "POST":
            return HttpResponseRedirect("/")
        chosen, back = request.POST.get("theme", ""), request.POST.get("next", "/")
        safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
        response = HttpResponseRedirect(back if safe else "/")
        if chosen in THEMES:
            response.set_cookie(THEME_COOKIE, chosen, max_age=_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
        return response


class UnsentForm(PersonPage):
    """`/unsent/{form}`: a form that was sent when its session had ended; its person looks at it, and sends it."""

    template = "ui/unsent.html"
    title = "You have not lost this"

    def context(self) -> dict[str, Any]:
        """What was typed."""
        name = self.kwargs["form"]
        found = unsent.find(self.request, name)
        shown = [(field, value) for field, values in found.fields if field != "do" for value in values] if found else []
        return {"form": found, "name": name, "shown": shown}


def error_page(request: HttpRequest, *, status: int, message: str, code: str) -> HttpResponse:
    """An error as a page of ours; asks no database, because that may be what is wrong."""
    context = {"status": status, "title": message, "code": code, "theme": request.COOKIES.get(THEME_COOKIE, "auto")}
    return render(request, "ui/error.html", context, status=status)
