"""The API's description: the OpenAPI document, and a page that shows it. Nothing is fetched from elsewhere."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

# Swagger UI sets style attributes and draws its icons from data: URLs; its scripts are files of ours.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class OpenApi(SpectacularJSONAPIView):
    """`/openapi.json`."""

    authentication_classes: Any = ()
    permission_classes: Any = ()
    renderer_classes: Any = (OpenApiJsonRenderer,)
    schema = None


class Page(SpectacularSwaggerSplitView):
    """`/docs`."""

    authentication_classes: Any = ()
    permission_classes: Any = ()
    url_name = "api:openapi"
    schema = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer with a policy that the page can live with."""
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = _POLICY
        return response
