"""What every page shares: who may see it, what is around it, how a form on it is answered.

Owns the view classes that pages derive from. A page's rights are declared as the APIs' are (`kind`, `read_scope`, `write_scope`), so
controlplane.access lists and the tests walk them. Must not know any page.

A page with a form names what it can do in `actions`: the form's field `do` chooses the method `do_<name>`. Such a method calls a service
and returns an answer, or None to go back to the page. An error is shown on the page, with everything that was typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django.views.generic import View

from accounts import limits
from accounts.errors import TooManyAttempts
from sandbox.errors import HostelError
from tenants import selectors
from tenants.access import Access
from tenants.actor import Actor
from tenants.errors import FieldInvalid
from tenants.models import Tenant, User, Worker
from tenants.where import REASON_CHARACTERS, acting, current
from ui import entrance, navigation, unsent
from ui.errors import ActionUnknown, ConfirmationMissing, ReadOnlySession, SessionEnded

THEMES = {"auto": "As the system has it", "light": "Light", "dark": "Dark"}
THEME_COOKIE = "hostel_theme"
SERVER_FAULT = 500


class Page(View):
    """A page. Derive from one of the kinds below."""

    http_method_names: Sequence[str] = ("get", "post", "head")
    kind: ClassVar[str]
    read_scope: ClassVar[str | None] = None
    write_scope: ClassVar[str | None] = None
    template: ClassVar[str]
    title: ClassVar[str] = ""
    # Which item of the navigation is marked.
    place: ClassVar[str] = ""
    # What the page's forms can do (`do_<name>`), and what of it needs another scope than `write_scope`.
    actions: ClassVar[Sequence[str]] = ()
    action_scopes: ClassVar[Mapping[str, str]] = {}
    # The same through the API: a path with the address's parameters in braces.
    api: ClassVar[str] = ""

    access: Access | None = None
    looking: entrance.Impersonation | None = None
    error: HostelError | None = None
    typed: QueryDict | None = None

    @classmethod
    def methods(cls) -> list[str]:
        """The methods that the page answers; a page without actions takes no POST."""
        return ["GET", "POST"] if cls.actions else ["GET"]

    @classmethod
    def scope_of(cls, method: str) -> str | None:
        """The scope that `method` needs; None where the kind alone decides."""
        return cls.read_scope if method in {"GET", "HEAD"} else cls.write_scope

    def enter(self) -> HttpResponseBase | None:
        """Find out who asks and whether they may: sets `access`, or raises, or answers (the way to the log-in)."""
        return None

    def context(self) -> dict[str, Any]:
        """What the template shows."""
        return {}

    def heading(self) -> str:
        """What the page is called, in the browser's title too."""
        return self.title

    def crumbs(self) -> list[tuple[str, str]]:
        """The way here: labels and addresses, the page itself left out."""
        return []

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Enter, then answer."""
        refused = self.enter()
        if refused is not None:
            return refused
        if request.method == "POST":
            return self._posted() if self.actions else self.http_method_not_allowed(request)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:  # noqa: ARG002 - Django's signature
        """The page."""
        return self.show()

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """The page with its surroundings."""
        context = {**self.surroundings(), **self.context(), **more}
        response = render(self.request, self.template, context, status=status)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def surroundings(self) -> dict[str, Any]:
        """What the base template shows around every page."""
        return {
            "page": self,
            "title": self.heading(),
            "crumbs": self.crumbs(),
            "theme": theme_of(self.request),
            "themes": THEMES.items(),
            "access": self.access,
            "may": {str(scope): True for scope in self.access.scopes} if self.access is not None else {},
            "error": self.error,
            "typed": self.typed,
            "curl": self.curl(),
            "form_token": SimpleLazyObject(lambda: get_token(self.request)),
        }

    def curl(self) -> str:
        """The command line that gets the same."""
        if not self.api:
            return ""
        path = self.api.format(**self.kwargs)
        return f'curl -H "Authorization: Bearer $HOSTEL_TOKEN" {origin()}{path}'

    def say(self, text: str) -> None:
        """Have the next page say that something was done."""
        messages.success(self.request, text)

    def require(self, scope: str) -> None:
        """Raise `TokenScopeMissing` unless whoever looks at the page may do that."""
        assert self.access is not None
        self.access.require(scope)

    def confirmed(self, name: str) -> None:
        """Raise `ConfirmationMissing` unless the form's field `confirm` holds the name of what is to be changed for good."""
        if self.request.POST.get("confirm", "").strip() != name:
            raise ConfirmationMissing(f"Type {name} to go on.", field="confirm")

    def field(self, name: str) -> str:
        """A field of the form, without spaces around it."""
        return self.request.POST.get(name, "").strip()

    def number(self, name: str) -> int:
        """A field of the form that holds a whole number from 0 on. Raises `FieldInvalid`."""
        text = self.field(name)
        if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004 - what a database can hold
            raise FieldInvalid(f"{name} must be a whole number.", field=name)
        return int(text)

    @property
    def revision(self) -> int | None:
        """Which state the form was made from (its field `revision`): a second tab overwrites nothing. None where the form does not say."""
        return self.number("revision") if "revision" in self.request.POST else None

    def _posted(self) -> HttpResponseBase:
        do = self.request.POST.get("do", "")
        reason = self.field("reason")
        try:
            if do not in self.actions:
                raise ActionUnknown
            if self.looking is not None:
                raise ReadOnlySession
            if scope := self.action_scopes.get(do):
                self.require(scope)
            if len(reason) > REASON_CHARACTERS:
                raise FieldInvalid(f"A reason may have {REASON_CHARACTERS} characters.", field="reason", limit=REASON_CHARACTERS)
            with acting(replace(current(), reason=reason) if reason else current()):
                answer = getattr(self, f"do_{do}")()
        except HostelError as error:
            if error.status >= SERVER_FAULT:
                raise
            return self._refused(error)
        unsent.forget(self.request, self.request.POST.get("unsent", ""))
        return answer if answer is not None else HttpResponseRedirect(self.request.get_full_path())

    def _refused(self, error: HostelError) -> HttpResponseBase:
        """The page once more, with the error and with what was typed."""
        self.error, self.typed = error, self.request.POST
        return self.show(status=error.status)


class AnonymousPage(Page):
    """A page for everybody."""

    kind = "anonymous"


class PersonPage(Page):
    """A page for people who have logged in, outside of any tenant."""

    kind = "person"
    user: User

    @property
    def actor(self) -> Actor:
        """Who acts, for services."""
        return Actor.of_user(self.user)

    def enter(self) -> HttpResponseBase | None:
        """Whoever has logged in; others are sent to do so, and lose nothing."""
        user = entrance.person(self.request)
        if user is None:
            return to_login(self.request)
        self.user = user
        self.access = Access.of_person(user)
        self.looking = entrance.impersonation(self.request)
        return None

    def surroundings(self) -> dict[str, Any]:
        """With the person's tenants."""
        return {
            **super().surroundings(),
            "memberships": list(selectors.memberships_of_user(user=self.user)),
            "nav": [],
            "looking": self.looking,
        }


class TenantPage(PersonPage):
    """A page of a tenant (`/t/{tenant}/…`), for those of its members whose role has the scope."""

    kind = "tenant"
    read_scope: ClassVar[str | None] = "workers:read"
    write_scope: ClassVar[str | None] = "workers:write"
    tenant: Tenant

    def enter(self) -> HttpResponseBase | None:
        """Members with the scope; for others there is no such tenant. Raises `TenantNotFound`, `TokenScopeMissing`."""
        refused = super().enter()
        if refused is not None:
            return refused
        self.access = entrance.in_tenant(self.request, self.user, self.kwargs["tenant"])
        if self.access.membership is not None:
            self.looking = None
        assert self.access.tenant is not None
        self.tenant = self.access.tenant
        # Who only looks is told so by the answer to the form.
        posted = self.request.method == "POST" and self.looking is None
        for scope in (self.read_scope, self.write_scope if posted else None):
            if scope is not None:
                self.access.require(scope)
        return None

    def surroundings(self) -> dict[str, Any]:
        """With the tenant and its places."""
        return {
            **super().surroundings(),
            "tenant": self.tenant,
            "nav": navigation.links(navigation.TENANT, self.access, tenant=self.tenant.slug),
        }

    def url(self, name: str, **parameters: Any) -> str:
        """The address of another page of the tenant: `url("worker", worker="hello")`."""
        return reverse(f"ui:{name}", kwargs={"tenant": self.tenant.slug, **parameters})

    def go(self, name: str, **parameters: Any) -> HttpResponseRedirect:
        """The answer that leads there."""
        return HttpResponseRedirect(self.url(name, **parameters))


class WorkerPage(TenantPage):
    """A page of one worker (`/t/{tenant}/workers/{worker}/…`)."""

    place = "workers"
    tab: ClassVar[str] = ""
    worker: Worker

    def enter(self) -> HttpResponseBase | None:
        """As for the tenant, and the worker is there. Raises `WorkerNotFound`, too."""
        refused = super().enter()
        if refused is not None:
            return refused
        self.worker = selectors.worker_get(tenant=self.tenant, name=self.kwargs["worker"])
        return None

    def heading(self) -> str:
        """The page of which worker."""
        return f"{self.title} · {self.worker.qualified_name}" if self.title else self.worker.qualified_name

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list of workers."""
        return [("Workers", self.url("workers"))]

    def surroundings(self) -> dict[str, Any]:
        """With the worker and its tabs."""
        tabs = navigation.links(navigation.WORKER, self.access, tenant=self.tenant.slug, worker=self.worker.qualified_name)
        return {**super().surroundings(), "worker": self.worker, "tabs": tabs}


class OperatorPage(PersonPage):
    """A page of the operator console (`/operator/…`)."""

    kind = "operator"
    read_scope = "operator"
    write_scope = "operator"

    def enter(self) -> HttpResponseBase | None:
        """Operators. Raises `TokenScopeMissing` for everybody else who has logged in."""
        refused = super().enter()
        if refused is not None:
            return refused
        self.access = entrance.as_operator(self.user)
        # Looking at one tenant takes no operator's rights away.
        self.looking = None
        return None

    def surroundings(self) -> dict[str, Any]:
        """With the console's places."""
        return {**super().surroundings(), "operator": True, "nav": navigation.links(navigation.OPERATOR, self.access)}


def to_login(request: HttpRequest) -> HttpResponseBase:
    """To the log-in and back; what a form has sent is kept for then, sealed."""
    if request.headers.get("HX-Request"):
        # A fragment: the page itself stays as it is, and says what has happened.
        return HttpResponse(
            SessionEnded.__doc__, status=SessionEnded.status, content_type="text/plain", headers={"Cache-Control": "no-store"}
        )
    back = request.get_full_path() if request.method in {"GET", "HEAD"} else reverse("landing")
    if request.method == "POST":
        try:
            limits.count_one(request, "ui:unsent", limits.VISITS)
        except TooManyAttempts:
            name = None
        else:
            name = unsent.keep(request)
        back = reverse("ui:unsent", kwargs={"form": name}) if name else request.path
        said = "What you have sent is kept: sign in, look at it, send it." if name else "What you have sent could not be kept."
        messages.warning(request, f"Your session has ended. {said}")
    return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': back})}")


def theme_of(request: HttpRequest) -> str:
    """How the visitor wants pages to look; as the system does, unless they said otherwise."""
    found = request.COOKIES.get(THEME_COOKIE, "auto")
    return found if found in THEMES else "auto"


def origin() -> str:
    """Where the control plane answers, for command lines."""
    config = settings.HOSTEL
    found: str = config.origin(config.hosts[0])
    return found
