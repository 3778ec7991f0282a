"""The addresses of the pages. A page of a tenant goes into TENANT, one of a worker into WORKER, one for operators into OPERATOR."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from ui.pages import editor, home, logs, worker, workers

app_name = "ui"

# Below /t/{tenant}/workers/{worker}/.
WORKER: list[URLPattern | URLResolver] = [
    path("", worker.Overview.as_view(), name="worker"),
    path("edit", editor.Editor.as_view(), name="edit"),
    path("logs", logs.Logs.as_view(), name="logs"),
    path("logs/live", logs.LogsLive.as_view(), name="logs_live"),
    path("logs/<str:request_id>", logs.Invocation.as_view(), name="invocation"),
]
# Below /t/{tenant}/.
TENANT: list[URLPattern | URLResolver] = [
    path("", workers.Workers.as_view(), name="workers"),
    path("find", workers.Find.as_view(), name="find"),
    path("new", workers.WorkerNew.as_view(), name="worker_new"),
    path("workers/<str:worker>/", include(WORKER)),
]
# Below /operator/.
OPERATOR: list[URLPattern | URLResolver] = []

urlpatterns: list[URLPattern | URLResolver] = [
    path("new", home.TenantNew.as_view(), name="tenant_new"),
    path("theme", home.Theme.as_view(), name="theme"),
    path("unsent/<str:form>", home.UnsentForm.as_view(), name="unsent"),
    path("t/<str:tenant>/", include(TENANT)),
    path("operator/", include(OPERATOR)),
]
