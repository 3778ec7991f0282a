"""The addresses of the pages. A page of a tenant goes into TENANT, one of a worker into WORKER, one for operators into ui.operator.urls."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from ui.operator.urls import OPERATOR
from ui.pages import (
    audit,
    deployments,
    domains,
    editor,
    environment,
    flag,
    flags,
    home,
    limits,
    logs,
    metrics,
    people,
    rollouts,
    settings,
    tokens,
    usage,
    versions,
    webhooks,
    worker,
    workers,
)

app_name = "ui"

# Below /t/{tenant}/workers/{worker}/.
WORKER: list[URLPattern | URLResolver] = [
    path("", worker.Overview.as_view(), name="worker"),
    path("edit", editor.Editor.as_view(), name="edit"),
    path("logs", logs.Logs.as_view(), name="logs"),
    path("logs/live", logs.LogsLive.as_view(), name="logs_live"),
    path("logs/<str:request_id>", logs.Invocation.as_view(), name="invocation"),
    path("arrived", worker.Arrived.as_view(), name="arrived"),
    path("versions", versions.Versions.as_view(), name="versions"),
    path("versions/<int:number>", versions.VersionOne.as_view(), name="version"),
    path("compare", versions.Compare.as_view(), name="compare"),
    path("deployments", deployments.Deployments.as_view(), name="deployments"),
    path("rollouts", rollouts.Rollouts.as_view(), name="rollouts"),
    path("rollouts/<uuid:rollout>", rollouts.RolloutOne.as_view(), name="rollout"),
    path("rollouts/<uuid:rollout>/live", rollouts.RolloutLive.as_view(), name="rollout_live"),
    path("metrics", metrics.WorkerMetrics.as_view(), name="worker_metrics"),
    path("environment", environment.Environment.as_view(), name="environment"),
    path("limits", limits.WorkerLimits.as_view(), name="worker_limits"),
    path("settings", settings.WorkerSettings.as_view(), name="worker_settings"),
]
# Below /t/{tenant}/.
TENANT: list[URLPattern | URLResolver] = [
    path("", workers.Workers.as_view(), name="workers"),
    path("find", workers.Find.as_view(), name="find"),
    path("new", workers.WorkerNew.as_view(), name="worker_new"),
    path("workers/<str:worker>/", include(WORKER)),
    path("domains", domains.Domains.as_view(), name="domains"),
    path("metrics", metrics.TenantMetrics.as_view(), name="tenant_metrics"),
    path("usage", usage.Usage.as_view(), name="usage"),
    path("limits", limits.TenantLimits.as_view(), name="limits"),
    path("tokens", tokens.Tokens.as_view(), name="tokens"),
    path("members", people.Members.as_view(), name="members"),
    path("webhooks", webhooks.Webhooks.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook_id>", webhooks.WebhookOne.as_view(), name="webhook"),
    path("audit", audit.Audit.as_view(), name="audit"),
    path("settings", settings.TenantSettings.as_view(), name="tenant_settings"),
    path("flags", flags.Flags.as_view(), name="flags"),
    path("flags/new", flags.FlagNew.as_view(), name="flag_new"),
    path("flags/stale", flags.StaleFlags.as_view(), name="flags_stale"),
    path("flags/<str:flag>/<str:environment>", flag.FlagOne.as_view(), name="flag"),
    path("segments", flags.Segments.as_view(), name="segments"),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("new", home.TenantNew.as_view(), name="tenant_new"),
    path("theme", home.Theme.as_view(), name="theme"),
    path("unsent/<str:form>", home.UnsentForm.as_view(), name="unsent"),
    path("t/<str:tenant>/", include(TENANT)),
    path("operator/", include(OPERATOR)),
]
