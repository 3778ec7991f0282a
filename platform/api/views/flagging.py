"""What flags are made with: environments, segments, layers."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.revisions import IF_MATCH, expected, tagged
from api.serializers.flags import Environment, EnvironmentSent, Layer, LayerSent, Segment, SegmentChange, SegmentSent
from api.views.base import PAGE_PARAMETERS, json_of, list_of, listed
from api.views.flags import FlagView
from cfapi.paging import page_of
from flags import selectors, services


class FlagEnvironments(FlagView):
    """`/flag-environments`."""

    @extend_schema(operation_id="flag_environment_list", responses=Environment(many=True))
    def get(self, request: Request) -> Response:
        """The environments, in their order: production, staging and development unless they were changed."""
        return Response([Environment(row).data for row in selectors.environment_list(tenant=tenant_of(request))])

    @extend_schema(operation_id="flag_environment_create", request=json_of(EnvironmentSent), responses={201: Environment})
    def post(self, request: Request) -> Response:
        """Make an environment, as a copy of another one or with every flag switched off."""
        made = services.environment_create(tenant=tenant_of(request), actor=actor_of(request), **validated(request, EnvironmentSent))
        return Response(Environment(made).data, status=201)


class FlagEnvironmentOne(FlagView):
    """`/flag-environments/{environment}`."""

    @extend_schema(operation_id="flag_environment_get", responses=Environment)
    def get(self, request: Request, environment: str) -> Response:
        """One environment."""
        return Response(Environment(selectors.environment_get(tenant=tenant_of(request), name=environment)).data)

    @extend_schema(operation_id="flag_environment_delete", responses={204: None})
    def delete(self, request: Request, environment: str) -> Response:
        """Delete the environment with every flag's state in it."""
        services.environment_delete(tenant=tenant_of(request), name=environment, actor=actor_of(request))
        return Response(status=204)


class FlagSegments(FlagView):
    """`/flag-segments`."""

    @extend_schema(operation_id="flag_segment_list", parameters=PAGE_PARAMETERS, responses=list_of("FlagSegment", Segment))
    def get(self, request: Request) -> Response:
        """The tenant's segments."""
        rows = selectors.segment_list(tenant=tenant_of(request))
        return Response(listed(page_of(request._request, rows, lambda row: Segment(row).data, per_page=100)))  # noqa: SLF001

    @extend_schema(operation_id="flag_segment_create", request=json_of(SegmentSent), responses={201: Segment})
    def post(self, request: Request) -> Response:
        """Make a segment: a condition under a name, for flags of all environments."""
        made = services.segment_create(tenant=tenant_of(request), actor=actor_of(request), **validated(request, SegmentSent))
        return tagged(Response(Segment(made).data, status=201), made.revision)


class FlagSegmentOne(FlagView):
    """`/flag-segments/{segment}`."""

    @extend_schema(operation_id="flag_segment_get", responses=Segment)
    def get(self, request: Request, segment: str) -> Response:
        """One segment."""
        row = selectors.segment_get(tenant=tenant_of(request), key=segment)
        return tagged(Response(Segment(row).data), row.revision)

    @extend_schema(operation_id="flag_segment_update", parameters=[IF_MATCH], request=json_of(SegmentChange), responses=Segment)
    def patch(self, request: Request, segment: str) -> Response:
        """Change the segment, for every flag that names it."""
        sent = validated(request, SegmentChange)
        row = services.segment_update(tenant=tenant_of(request), key=segment, expected=expected(request), actor=actor_of(request), **sent)
        return tagged(Response(Segment(row).data), row.revision)

    @extend_schema(operation_id="flag_segment_delete", responses={204: None})
    def delete(self, request: Request, segment: str) -> Response:
        """Delete the segment, unless a flag names it."""
        services.segment_delete(tenant=tenant_of(request), key=segment, actor=actor_of(request))
        return Response(status=204)


class FlagLayers(FlagView):
    """`/flag-layers`."""

    @extend_schema(operation_id="flag_layer_list", parameters=PAGE_PARAMETERS, responses=list_of("FlagLayer", Layer))
    def get(self, request: Request) -> Response:
        """The tenant's layers, and who has which slice of each."""
        rows = selectors.layer_list(tenant=tenant_of(request))
        return Response(listed(page_of(request._request, rows, lambda row: Layer(row).data, per_page=100)))  # noqa: SLF001

    @extend_schema(operation_id="flag_layer_create", request=json_of(LayerSent), responses={201: Layer})
    def post(self, request: Request) -> Response:
        """Make a layer. Flags join it by their states (`layer`)."""
        made = services.layer_create(tenant=tenant_of(request), actor=actor_of(request), **validated(request, LayerSent))
        return Response(Layer(made).data, status=201)


class FlagLayerOne(FlagView):
    """`/flag-layers/{layer}`."""

    @extend_schema(operation_id="flag_layer_get", responses=Layer)
    def get(self, request: Request, layer: str) -> Response:
        """One layer."""
        return Response(Layer(selectors.layer_get(tenant=tenant_of(request), key=layer)).data)

    @extend_schema(operation_id="flag_layer_delete", responses={204: None})
    def delete(self, request: Request, layer: str) -> Response:
        """Delete the layer, unless a flag is in it."""
        services.layer_delete(tenant=tenant_of(request), key=layer, actor=actor_of(request))
        return Response(status=204)
