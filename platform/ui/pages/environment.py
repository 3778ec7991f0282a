"""A worker's secrets and variables: each change makes a version, so a rollback brings the old ones back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http.response import HttpResponseBase

from telemetry.uses import versions_last_used
from tenants import selectors, services
from tenants.bindings import SECRET_TYPES
from tenants.errors import FieldInvalid, NotFound
from ui.page import WorkerPage

SOURCE = "ui"
VARIABLES = frozenset({"plain_text", "json"})


class Environment(WorkerPage):
    """`…/environment`."""

    template = "ui/environment.html"
    title = "Secrets and variables"
    tab = "environment"
    write_scope = "secrets:write"
    actions = ("secret_put", "secret_delete", "variable_put", "variable_delete")
    action_scopes: Mapping[str, str] = {"variable_put": "workers:deploy", "variable_delete": "workers:deploy"}  # type: ignore[misc]  # of the class
    api = "/api/v1/workers/{worker}/secrets"

    def context(self) -> dict[str, Any]:
        """Secrets without their texts, with when they were last used; variables; other bindings."""
        newest = selectors.version_latest(tenant=self.tenant, worker=self.worker)
        found = selectors.secret_list(tenant=self.tenant, worker=self.worker)
        used = versions_last_used(
            tenant=self.tenant, worker=self.worker, versions={version for secret in found for version in secret.versions}
        )
        bindings = selectors.version_bindings(tenant=self.tenant, version=newest) if newest else []
        return {
            "newest": newest,
            "secrets": [(secret, max((used[version] for version in secret.versions if version in used), default=None)) for secret in found],
            "variables": [binding for binding in bindings if binding["type"] in VARIABLES],
            "others": [binding for binding in bindings if binding["type"] not in VARIABLES | SECRET_TYPES],
        }

    def do_secret_put(self) -> HttpResponseBase | None:
        """Set one; its text is sealed."""
        name = self.field("name")
        services.secret_put(
            tenant=self.tenant,
            worker_name=self.worker.qualified_name,
            name=name,
            text=self.request.POST.get("text", ""),
            actor=self.actor,
            source=SOURCE,
        )
        self.say(f"{name} is set, and served.")
        return None

    def do_secret_delete(self) -> HttpResponseBase | None:
        """Remove one."""
        name = self.field("name")
        self.confirmed(name)
        services.secret_delete(tenant=self.tenant, worker_name=self.worker.qualified_name, name=name, actor=self.actor, source=SOURCE)
        self.say(f"{name} is gone.")
        return None

    def do_variable_put(self) -> HttpResponseBase | None:
        """Set one: a text, or JSON."""
        name, text = self.field("name"), self.request.POST.get("text", "")
        if self.field("kind") == "json":
            try:
                self._derive(name, {"type": "json", "name": name, "json": json.loads(text)}, f"Set variable {name}")
            except ValueError:
                raise FieldInvalid("The value is no JSON.", field="text") from None
        else:
            self._derive(name, {"type": "plain_text", "name": name, "text": text}, f"Set variable {name}")
        self.say(f"{name} is set, and served.")
        return None

    def do_variable_delete(self) -> HttpResponseBase | None:
        """Remove one."""
        name = self.field("name")
        self._derive(name, None, f"Removed variable {name}")
        self.say(f"{name} is gone.")
        return None

    def _derive(self, name: str, binding: Mapping[str, Any] | None, message: str) -> None:
        """A version with everything else as it is, which takes all of the traffic."""
        newest = selectors.version_latest(tenant=self.tenant, worker=self.worker)
        earlier = {each["name"]: each["type"] for each in selectors.version_bindings(tenant=self.tenant, version=newest)} if newest else {}
        if name in earlier and earlier[name] not in VARIABLES:
            raise FieldInvalid(f"{name} is a binding of type {earlier[name]}: it is no variable.", field="name")
        if binding is None and name not in earlier:
            raise NotFound(f"There is no variable {name[:80]}.")
        kept: list[Mapping[str, Any]] = [{"type": "inherit", "name": each} for each in earlier if each != name]
        services.version_derive(
            tenant=self.tenant,
            worker_name=self.worker.qualified_name,
            bindings=[*kept, binding] if binding is not None else kept,
            deploy=True,
            message=message[:200],
            actor=self.actor,
            source=SOURCE,
        )
