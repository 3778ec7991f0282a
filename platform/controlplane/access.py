"""Every route there is, and for whom: what docs/access.md shows and the isolation test walks.

Owns the walk through the addresses and the classification of pages that come from packages. Our own views say of which kind they are
(`kind`, a word of `KINDS`); a route that says nothing is an error here, and so fails the tests. Must not decide anything at run time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from api.views.base import ApiView
from cfapi.endpoint import METHODS, AccountEndpoint, Endpoint, NotOffered
from cfapi.endpoint import Unknown as UnknownEndpoint
from tenants.roles import Role, role_scopes
from ui.page import Page

# Whom a route is for: everybody; whoever says who they are; people who have logged in; those with a scope in a tenant; operators.
KINDS = ("anonymous", "caller", "person", "tenant", "operator")
# Pages of packages, by the name of their address ("admin:*" stands for all that begin so).
PAGES: Mapping[str, str] = {
    "healthz": "anonymous",
    "readyz": "anonymous",
    "static": "anonymous",
    "frontend": "anonymous",
    "api:openapi": "anonymous",
    "api:docs": "anonymous",
    # It leads to the log-in, or back.
    "admin": "anonymous",
    "admin:login": "anonymous",
    "admin:logout": "anonymous",
    "admin:*": "operator",
}
_ACCOUNTS = {
    "anonymous": (
        "account_login account_logout account_inactive account_signup account_email_verification_sent account_confirm_email "
        "account_reset_password account_reset_password_done account_reset_password_from_key account_reset_password_from_key_done "
        "account_confirm_login_code mfa_authenticate mfa_login_webauthn socialaccount_login_cancelled socialaccount_login_error "
        "socialaccount_signup openid_connect_login openid_connect_callback"
    ),
    "person": (
        "account_reauthenticate account_email account_change_password account_set_password socialaccount_connections usersessions_list "
        "mfa_index mfa_reauthenticate mfa_activate_totp mfa_deactivate_totp mfa_view_recovery_codes mfa_generate_recovery_codes "
        "mfa_download_recovery_codes mfa_list_webauthn mfa_add_webauthn mfa_reauthenticate_webauthn mfa_remove_webauthn mfa_edit_webauthn"
    ),
}
_ANGLED = re.compile(r"<(?:\w+:)?(\w+)>")
_NAMED = re.compile(r"\(\?P<(\w+)>[^)]*\)")
# What regular expressions of the Cloudflare-compatible API end with: any further path, or none.
_REST = re.compile(r"\(\?:/\[\\s\\S\]\*\)\?\$|\[\\s\\S\]\*\$|\.\*\$")


class Unclassified(Exception):
    """A route does not say for whom it is."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address: `path` has its parameters in braces, `scope` is what callers of kind `tenant` need, if anything."""

    surface: str
    method: str
    path: str
    kind: str
    scope: str | None = None
    view: Any = None

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters in the path."""
        return re.findall(r"{(\w+)}", self.path)


def routes() -> list[Route]:
    """Every route of the control plane, in the order of the addresses. Raises `Unclassified`."""
    found = []
    for path, name, view in _walk(get_resolver().url_patterns, "", ""):
        found += list(_described(path, name, view))
    return found


def may(route: Route, role: str) -> bool:
    """Whether somebody with that role, logged in, may call the route for their tenant."""
    if route.kind == "tenant":
        return route.scope is None or route.scope in role_scopes(role)
    return route.kind != "operator"


def matrix() -> str:
    """Routes by role, as the Markdown table of docs/access.md; the many pages of the admin are one row."""
    head = ("route", "kind", "scope", "nobody", *Role.values, "operator")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for route in _merged(_ADMIN if _of_admin(found) else found for found in routes()):
        marks = [_mark(route.kind == "anonymous"), *(_mark(may(route, role)) for role in Role.values), _mark(route.kind != "tenant")]
        cells = (f"{route.method} `{route.path}`", route.kind, f"`{route.scope}`" if route.scope else "", *marks)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _walk(patterns: Sequence[URLPattern | URLResolver], prefix: str, names: str) -> Iterator[tuple[str, str, Any]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path, f"{names}{pattern.namespace}:" if pattern.namespace else names)
        else:
            yield _clean(path), f"{names}{pattern.name or ''}", pattern.callback


def _clean(path: str) -> str:
    """The address as people write it: `/api/v1/workers/{worker}`."""
    plain = _REST.sub("/{rest}", path.replace("^/*", "").replace("^", "")).replace("//", "/")
    return "/" + _ANGLED.sub(r"{\1}", _NAMED.sub(r"{\1}", plain)).removesuffix("$").removesuffix("\\Z")


def _described(path: str, name: str, view: Any) -> Iterator[Route]:
    cls = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if isinstance(cls, type) and issubclass(cls, ApiView):
        for method in [name for name in cls.http_method_names if hasattr(cls, name) and name != "head"] or ["get"]:
            yield Route("native", method.upper(), path, _known(cls.kind, path), cls.scope_of(method.upper()), cls)
    elif isinstance(cls, type) and issubclass(cls, Endpoint):
        yield from _compatible(path, cls)
    elif isinstance(cls, type) and issubclass(cls, Page):
        for method in cls.methods():
            yield Route("page", method, path, _known(cls.kind, path), cls.scope_of(method) if cls.kind == "tenant" else None, cls)
    else:
        kind = getattr(cls, "kind", None) or getattr(view, "kind", None) or _page(name)
        yield Route("page", "GET", path, _known(kind, f"{path} ({name})"), None, view)


def _compatible(path: str, cls: type[Endpoint]) -> Iterator[Route]:
    if issubclass(cls, UnknownEndpoint):
        yield Route("compatible", "GET", path, "anonymous", None, cls)
        return
    for method in METHODS if issubclass(cls, NotOffered) else [name for name in METHODS if hasattr(cls, name)]:
        scope = cls.scope_of(method.upper())
        kind = "tenant" if scope is not None or issubclass(cls, AccountEndpoint) else "caller"
        yield Route("compatible", method.upper(), path, kind, scope, cls)


def _page(name: str) -> str | None:
    for kind, names in _ACCOUNTS.items():
        if name in names.split():
            return kind
    return PAGES.get(name) or PAGES.get(f"{name.rpartition(':')[0]}:*")


def _known(kind: str | None, what: str) -> str:
    if kind not in KINDS:
        raise Unclassified(f"{what} does not say for whom it is: give its view a `kind`, or name it in controlplane.access.PAGES.")
    return kind


_ADMIN = Route("page", "GET", "/admin/{page}", "operator")


def _of_admin(route: Route) -> bool:
    return route.kind == "operator" and route.path.startswith("/admin/")


def _merged(found: Iterable[Route]) -> list[Route]:
    """Routes that differ in their method only, as one."""
    by_row: dict[tuple[str, str, str | None], list[str]] = {}
    for route in found:
        by_row.setdefault((route.path, route.kind, route.scope), []).append(route.method)
    return [Route("", ", ".join(dict.fromkeys(methods)), path, kind, scope) for (path, kind, scope), methods in by_row.items()]


def _mark(allowed: bool) -> str:
    return "yes" if allowed else ""
