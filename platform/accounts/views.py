"""The pages of accounts that django-allauth does not have: one's own, and an invitation."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.generic import TemplateView, View

from accounts.adapter import INVITATION
from accounts.people import verified_addresses
from tenants import selectors, services
from tenants.actor import Actor
from tenants.errors import InvitationForAnother, InvitationNotFound, MemberAlready, TenantSuspended
from tenants.models import User


class Home(LoginRequiredMixin, TemplateView):
    """`/accounts/`: who one is, one's tenants, and where everything about the account is changed."""

    kind: ClassVar[str] = "person"
    template_name = "accounts/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the person's memberships."""
        user = cast("User", self.request.user)
        return super().get_context_data(memberships=selectors.memberships_of_user(user=user), **kwargs)


class InvitationPage(View):
    """`/accounts/invitations/{secret}/`: what one is invited to; whoever is logged in may accept."""

    kind: ClassVar[str] = "anonymous"

    def get(self, request: HttpRequest, secret: str) -> HttpResponse:
        """The invitation; somebody who is not logged in is sent to log in or sign up, and comes back."""
        try:
            invitation = services.invitation_find(secret=secret)
        except InvitationNotFound as error:
            return self._page(request, 404, error=error.message)
        if not request.user.is_authenticated:
            request.session[INVITATION] = secret
        return self._page(request, 200, invitation=invitation)

    def post(self, request: HttpRequest, secret: str) -> HttpResponse:
        """Accept."""
        if not request.user.is_authenticated:
            return HttpResponseRedirect(f"{reverse('account_login')}?next={request.path}")
        user = request.user
        request.session.pop(INVITATION, None)
        try:
            services.invitation_accept(secret=secret, user=user, verified=verified_addresses(user), actor=Actor.of_user(user))
        except (InvitationNotFound, InvitationForAnother, MemberAlready, TenantSuspended) as error:
            return self._page(request, error.status, error=error.message)
        return HttpResponseRedirect(reverse("landing"))

    def _page(self, request: HttpRequest, status: int, **context: Any) -> HttpResponse:
        # The address is the secret: it must not be told to other sites, and nobody needs to keep the page. (With "no-referrer" browsers
        # send the form as from nowhere, which the form token's check refuses.)
        headers = {"Referrer-Policy": "same-origin", "Cache-Control": "no-store"}
        response = render(request, "accounts/invitation.html", context, status=status)
        for name, value in headers.items():
            response.headers[name] = value
        return response
