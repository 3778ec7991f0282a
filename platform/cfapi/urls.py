"""The addresses under /client/v4/.

Owns the table. Everything that is not in it ends in `Unknown`: clients need an envelope, even for an address that is none.
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from cfapi.endpoint import NotOffered, Unknown
from cfapi.views import account, deployments, dispatch, empty, routes, scripts, secrets, settings, versions

app_name = "cfapi"

_script: list[URLPattern | URLResolver] = [
    path("", scripts.Script.as_view()),
    path("/content/v2", scripts.Content.as_view()),
    path("/settings", settings.Settings.as_view()),
    path("/script-settings", settings.ScriptSettings.as_view()),
    path("/subdomain", settings.Subdomain.as_view()),
    path("/versions", versions.Versions.as_view()),
    path("/versions/<str:version>", versions.Version.as_view()),
    path("/deployments", deployments.Deployments.as_view()),
    path("/deployments/<str:deployment>", deployments.Deployment.as_view()),
    path("/secrets", secrets.Secrets.as_view()),
    path("/secrets/<path:secret>", secrets.Secret.as_view()),
    path("/secrets-bulk", secrets.SecretsBulk.as_view()),
    path("/schedules", routes.Schedules.as_view()),
    path("/routes", routes.Routes.as_view()),
    path("/domains/changeset", routes.DomainChangeset.as_view()),
    path("/domains/records", routes.DomainRecords.as_view()),
    path("/queue-consumers", empty.WorkerEmptyList.as_view()),
    path("/references", empty.References.as_view()),
    re_path(r"^/tails(?:/[\s\S]*)?$", NotOffered.as_view(feature="live tails")),
    path("/assets-upload-session", NotOffered.as_view(feature="static assets")),
]

_dispatch_script: list[URLPattern | URLResolver] = [
    path("", dispatch.Script.as_view()),
    path("/content", dispatch.Content.as_view()),
    path("/settings", settings.Settings.as_view()),
    path("/script-settings", settings.ScriptSettings.as_view()),
    path("/bindings", dispatch.Bindings.as_view()),
    path("/secrets", secrets.Secrets.as_view()),
    path("/secrets/<path:secret>", secrets.Secret.as_view()),
    path("/secrets-bulk", secrets.SecretsBulk.as_view()),
    path("/tags", dispatch.Tags.as_view()),
    path("/tags/<path:tag>", dispatch.Tag.as_view()),
    path("/assets-upload-session", NotOffered.as_view(feature="static assets")),
]

_account: list[URLPattern | URLResolver] = [
    path("", account.Account.as_view()),
    path("/workers/subdomain", account.AccountSubdomain.as_view()),
    path("/workers/scripts", scripts.Scripts.as_view()),
    path("/workers/scripts/<str:name>", include(_script)),
    path("/workers/services/<str:name>", scripts.Service.as_view()),
    path("/workers/workers", scripts.Workers.as_view()),
    path("/workers/workers/<str:name>", scripts.WorkerObject.as_view()),
    path("/workers/workers/<str:name>/versions/latest", versions.LatestVersion.as_view()),
    path("/workers/domains", routes.Domains.as_view()),
    path("/workers/domains/<str:domain>", routes.Domain.as_view()),
    path("/workers/tails/by-consumer/<str:name>", empty.EmptyList.as_view(feature="tail workers")),
    path("/workers/durable_objects/namespaces", empty.EmptyList.as_view(feature="Durable Objects")),
    path("/storage/kv/namespaces", empty.EmptyList.as_view(feature="KV")),
    re_path(r"^/storage/kv/[\s\S]*$", NotOffered.as_view(feature="KV")),
    re_path(r"^/d1/[\s\S]*$", NotOffered.as_view(feature="D1")),
    re_path(r"^/r2/[\s\S]*$", NotOffered.as_view(feature="R2")),
    re_path(r"^/queues(?:/[\s\S]*)?$", NotOffered.as_view(feature="queues")),
    re_path(r"^/workflows(?:/[\s\S]*)?$", NotOffered.as_view(feature="workflows")),
    path("/workers/dispatch/namespaces", dispatch.Namespaces.as_view()),
    path("/workers/dispatch/namespaces/<str:namespace>", dispatch.Namespace.as_view()),
    path("/workers/dispatch/namespaces/<str:namespace>/scripts", dispatch.Scripts.as_view()),
    path("/workers/dispatch/namespaces/<str:namespace>/scripts/<str:name>", include(_dispatch_script)),
]

_table: list[URLPattern | URLResolver] = [
    path("user", account.User.as_view()),
    path("user/tokens/verify", account.VerifyToken.as_view()),
    path("accounts", account.Accounts.as_view()),
    path("memberships", account.Memberships.as_view()),
    path("zones", routes.Zones.as_view()),
    path("accounts/<str:account>", include(_account)),
    re_path(r"^[\s\S]*$", Unknown.as_view()),
]

# wrangler writes `//accounts/…` when its base URL ends with a slash.
urlpatterns = [re_path(r"^/*", include(_table))]
