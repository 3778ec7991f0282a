"""The control plane's addresses.

Owns which app answers where. Workers' own addresses are the gateway's business and never come here.
"""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from api.views.ofrep import OfrepFlag, OfrepFlags
from controlplane import prometheus, views
from controlplane.static import static
from ui.frontend.addresses import frontend
from ui.pages.home import Front

handler400 = "controlplane.errors.bad_request"
handler403 = "controlplane.errors.forbidden"
handler404 = "controlplane.errors.not_found"
handler500 = "controlplane.errors.server_error"

# Operators log in like everybody else, second factors included.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", Front.as_view(), name="landing"),
    path("healthz", views.healthz, name="healthz"),
    path("metrics", prometheus.metrics, name="metrics"),
    path("readyz", views.readyz, name="readyz"),
    path("static/frontend/<str:name>", frontend, name="frontend"),
    path("static/<path:path>", static, name="static"),
    path("admin", RedirectView.as_view(url="/admin/"), name="admin"),
    path("admin/", admin.site.urls),
    path("", include("ui.urls")),
    path("operator/", include("jobs.page_urls")),
    path("accounts/", include("accounts.urls")),
    path("client/v4/", include("cfapi.urls")),
    path("ofrep/v1/evaluate/flags", OfrepFlags.as_view(), name="ofrep-flags"),
    path("ofrep/v1/evaluate/flags/<str:flag>", OfrepFlag.as_view(), name="ofrep-flag"),
    path("api/v1/admin/", include("jobs.urls")),
    path("api/v1/", include("api.urls")),
]
