"""The addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path, re_path

from api.views import admin, audit, deployments, docs, namespaces, people, tail, telemetry, tenants, versions, webhooks, workers
from api.views.base import Unknown

app_name = "api"

urlpatterns = [
    path("openapi.json", docs.OpenApi.as_view(), name="openapi"),
    path("docs", docs.Page.as_view(), name="docs"),
    path("me", people.Me.as_view()),
    path("tenants", people.Tenants.as_view()),
    path("tenant", tenants.TenantSelf.as_view()),
    path("tenant/leave", people.Leave.as_view()),
    path("members", people.Members.as_view()),
    path("members/<int:member_id>", people.MemberOne.as_view()),
    path("invitations", people.Invitations.as_view()),
    path("invitations/<uuid:invitation_id>", people.InvitationOne.as_view()),
    path("limits", tenants.TenantLimits.as_view()),
    path("tokens", tenants.Tokens.as_view()),
    path("tokens/<uuid:token_id>", tenants.TokenOne.as_view()),
    path("namespaces", namespaces.Namespaces.as_view()),
    path("namespaces/<str:namespace>", namespaces.NamespaceOne.as_view()),
    path("namespaces/<str:namespace>/workers", namespaces.NamespaceWorkers.as_view()),
    path("workers", workers.Workers.as_view()),
    path("workers/<str:worker>", workers.WorkerOne.as_view()),
    path("workers/<str:worker>/settings", workers.WorkerSettingsView.as_view()),
    path("workers/<str:worker>/limits", workers.WorkerLimits.as_view()),
    path("workers/<str:worker>/versions", versions.Versions.as_view()),
    path("workers/<str:worker>/versions/<uuid:version>", versions.VersionOne.as_view()),
    path("workers/<str:worker>/deployments", deployments.Deployments.as_view()),
    path("workers/<str:worker>/deployments/<uuid:deployment>", deployments.DeploymentOne.as_view()),
    path("workers/<str:worker>/metrics", telemetry.WorkerMetricsView.as_view()),
    path("workers/<str:worker>/logs", telemetry.WorkerLogs.as_view()),
    path("workers/<str:worker>/tail", tail.WorkerTail.as_view()),
    path("workers/<str:worker>/invocations/<str:request_id>", telemetry.WorkerInvocation.as_view()),
    path("workers/<str:worker>/promotion", namespaces.WorkerPromotion.as_view()),
    path("workers/<str:worker>/rollback", deployments.Rollback.as_view()),
    path("webhooks", webhooks.Webhooks.as_view()),
    path("webhooks/<uuid:webhook_id>", webhooks.WebhookOne.as_view()),
    path("webhooks/<uuid:webhook_id>/secret", webhooks.WebhookSecret.as_view()),
    path("webhooks/<uuid:webhook_id>/ping", webhooks.WebhookPing.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries", webhooks.Deliveries.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>", webhooks.DeliveryOne.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/replay", webhooks.DeliveryReplay.as_view()),
    path("audit", audit.Audit.as_view()),
    path("audit/export", audit.AuditExport.as_view()),
    path("metrics", telemetry.TenantMetricsView.as_view()),
    path("usage", telemetry.UsageView.as_view()),
    path("usage/export", telemetry.UsageExport.as_view()),
    path("admin/metrics", telemetry.PlatformMetricsView.as_view()),
    path("admin/pool", admin.PoolView.as_view()),
    path("admin/audit", audit.AdminAudit.as_view()),
    path("admin/audit/export", audit.AdminAuditExportView.as_view()),
    path("admin/audit/verify", audit.AdminAuditVerify.as_view()),
    re_path(r"^[\s\S]*$", Unknown.as_view()),
]
