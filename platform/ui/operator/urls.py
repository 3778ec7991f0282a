"""The addresses of the operator console, below /operator/; background jobs add theirs in `jobs.page_urls`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from ui.operator import audit, fleet, neighbours, plans, rollouts, tenants, watching

OPERATOR: list[URLPattern | URLResolver] = [
    path("", fleet.Fleet.as_view(), name="operator"),
    path("neighbours", neighbours.Neighbours.as_view(), name="operator_neighbours"),
    path("tenants", tenants.Tenants.as_view(), name="operator_tenants"),
    path("tenants/<str:tenant>", tenants.TenantOne.as_view(), name="operator_tenant"),
    path("look", tenants.LookEnd.as_view(), name="operator_look"),
    path("plans", plans.Plans.as_view(), name="operator_plans"),
    path("plans/<str:plan>", plans.PlanOne.as_view(), name="operator_plan"),
    path("security", watching.Security.as_view(), name="operator_security"),
    path("system", watching.System.as_view(), name="operator_system"),
    path("webhooks", watching.Webhooks.as_view(), name="operator_webhooks"),
    path("rollouts", rollouts.Everywhere.as_view(), name="operator_rollouts"),
    path("audit", audit.Audit.as_view(), name="operator_audit"),
]
