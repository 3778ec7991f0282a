"""The editor and playground of a worker.

Owns the page, and what its buttons ask of drafts, the runner and uploads. The same form serves people without scripts (fields of each file)
and `static/ui/editor.js` (the field `state`, answered with JSON). Must not decide what a draft may hold: `ui.drafts` does.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from sandbox.errors import HostelError
from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.services import RunRequest
from tenants.uploads import WorkerSettings
from ui import drafts
from ui.drafts import Drafted, DraftFile, DraftStale
from ui.frontend.addresses import address
from ui.page import WorkerPage
from ui.pages.trying import TRIED, Tried, request_of, tried

SOURCE: Final = "ui"
_NUMBER_DIGITS: Final = 9


class Editor(WorkerPage):
    """`/t/{tenant}/workers/{worker}/edit`: files, a request to try them with, what came of it, and the way to live."""

    template = "ui/editor/editor.html"
    title = "Edit"
    tab = "edit"
    read_scope = "workers:read"
    write_scope = "workers:deploy"
    actions = ("save", "run", "check", "test", "untest", "deploy", "discard")
    action_scopes: ClassVar[Mapping[str, str]] = {"test": "workers:write", "untest": "workers:write"}
    api = "/api/v1/workers/{worker}/versions"

    tried: Tried | None = None
    typed_draft: Drafted | None = None

    def enter(self) -> HttpResponseBase | None:
        """As every page; scripts whose session has ended are told so instead of being sent away, and keep what they have."""
        refused = super().enter()
        if refused is not None and self._scripted:
            return JsonResponse({"error": {"code": "session_ended", "message": "Your session has ended."}}, status=401)
        return refused

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page; for its script, the files of the newest version, to compare with."""
        if self._scripted:
            return JsonResponse(self._newest())
        return super().get(request, *args, **kwargs)

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """The page, with leave for the styles that CodeMirror adds."""
        nonce = secrets.token_urlsafe(16)
        response = super().show(status=status, nonce=nonce, **more)
        response.style_nonce = nonce  # type: ignore[attr-defined]  # read by controlplane.middleware.ContentSecurityPolicy
        return response

    def context(self) -> dict[str, Any]:
        """The draft (as typed, where something was), and the versions around it."""
        draft = self.typed_draft or drafts.draft_get(tenant=self.tenant, worker=self.worker, user=self.user)
        newest = selectors.version_latest(tenant=self.tenant, worker=self.worker)
        return {
            "draft": draft,
            "newest": newest,
            "stale": newest is not None and draft.base != newest.number,
            "codemirror": address("codemirror.js"),
            "tried": self.tried,
            "sent": {**TRIED, **draft.request},
            "problem": _problem(self.error) if self.error is not None else None,
            "limit": drafts.CHARACTERS_MOST,
            "tests": list(selectors.request_test_list(tenant=self.tenant, worker=self.worker)),
        }

    def do_save(self) -> HttpResponseBase | None:
        """Keep the draft."""
        typed = self._typed()
        row = drafts.draft_save(
            tenant=self.tenant,
            worker=self.worker,
            user=self.user,
            files=typed.files,
            main_module=typed.main_module,
            base=typed.base,
            request=typed.request,
            expected=self.revision,
        )
        if self._scripted:
            return JsonResponse({"revision": row.revision, "modified": row.modified.isoformat()})
        self.say("Draft saved. Nobody else sees it.")
        return None

    def do_check(self) -> HttpResponseBase:
        """Build the draft and keep nothing of it. Raises what a build raises, with file, line and column."""
        typed = self._typed()
        upload = drafts.upload_of(tenant=self.tenant, worker=self.worker, files=typed.files, main_module=typed.main_module)
        report = drafts.draft_check(tenant=self.tenant, worker=self.worker, upload=upload)
        return JsonResponse({"startup_cpu_us": report.startup_cpu_us, "warnings": list(report.warnings)})

    def do_run(self) -> HttpResponseBase:
        """Send the request to the draft, in the production sandbox."""
        typed = self._typed()
        upload = drafts.upload_of(tenant=self.tenant, worker=self.worker, files=typed.files, main_module=typed.main_module)
        run = services.worker_run(
            tenant=self.tenant,
            worker_name=self.worker.qualified_name,
            request=RunRequest(**request_of(typed.request)),
            actor=self.actor,
            draft=upload,
            draft_bindings=False,
        )
        self.tried = tried(run.ran)
        if self._scripted:
            html = render_to_string("ui/editor/result.html", {"tried": self.tried}, request=self.request)
            return JsonResponse({"html": html, "problems": self.tried.problems, "ran": self.tried.summary})
        return self.show()

    def do_test(self) -> HttpResponseBase | None:
        """Save the request with what its answer must be; where it is asked for, nothing is deployed any more that does not give it."""
        sent = self._typed().request
        asked = request_of(sent)
        expect: dict[str, Any] = {"status": [self.number("expect_status")]} if self.field("expect_status") else {}
        if contains := self.request.POST.get("expect_contains", "").replace("\r\n", "\n"):
            expect["body"] = {"match": "contains", "value": contains}
        values = {
            "name": self.field("test_name"),
            "method": asked["method"],
            "url": asked["url"],
            "headers": [list(pair) for pair in asked["headers"]],
            "body": asked["body"].decode(),
            "expect": expect,
        }
        name = self.worker.qualified_name
        test = services.request_test_create(tenant=self.tenant, worker_name=name, actor=self.actor, values=values)
        if self.field("gate") and not self.worker.gate_deploys:
            changes = WorkerSettings(gate_deploys=True)
            services.worker_settings_update(tenant=self.tenant, worker_name=name, settings=changes, actor=self.actor)
        self.say(f"The test {test.name} is kept.")
        return JsonResponse({"name": test.name}) if self._scripted else None

    def do_untest(self) -> HttpResponseBase | None:
        """Remove a saved test."""
        name = self.worker.qualified_name
        services.request_test_delete(tenant=self.tenant, worker_name=name, test_id=self.field("test"), actor=self.actor)
        self.say("The test is removed.")
        return JsonResponse({}) if self._scripted else None

    def do_deploy(self) -> HttpResponseBase:
        """Make a version of it, and (unless it is only to be kept) let it answer everybody."""
        typed = self._typed()
        newest = selectors.version_latest(tenant=self.tenant, worker=self.worker)
        if newest is not None and newest.number != typed.base and self.field("over") != str(newest.number):
            said = f"v{newest.number} was made by {newest.author or 'somebody'} since this draft was begun from v{typed.base}."
            raise DraftStale(said, newest=newest.number, base=typed.base)
        live = self.field("live") != "no"
        upload = drafts.upload_of(
            tenant=self.tenant, worker=self.worker, files=typed.files, main_module=typed.main_module, message=self.field("message")
        )
        made = services.version_upload(
            tenant=self.tenant,
            worker_name=self.worker.qualified_name,
            upload=upload,
            actor=self.actor,
            source=SOURCE,
            deploy=live,
            create_worker=False,
        )
        drafts.draft_discard(tenant=self.tenant, worker=self.worker, user=self.user)
        self.say(f"v{made.version.number} {'is live' if live else 'was made; it serves nobody yet'}.")
        leads = self.url("worker", worker=self.worker.qualified_name)
        return (
            JsonResponse({"number": made.version.number, "url": leads})
            if self._scripted
            else self.go("worker", worker=self.worker.qualified_name)
        )

    def do_discard(self) -> HttpResponseBase | None:
        """Throw the draft away, and begin from the newest version again."""
        drafts.draft_discard(tenant=self.tenant, worker=self.worker, user=self.user)
        self.say("Draft thrown away.")
        return JsonResponse({}) if self._scripted else None

    def _refused(self, error: HostelError) -> HttpResponseBase:
        """For scripts, the error and where it is; else the page with everything that was typed."""
        if self._scripted:
            place = _problem(error)
            found = {"error": error.as_dict(), "problems": [place] if place else []}
            return JsonResponse(found, status=error.status, json_dumps_params={"default": str})
        try:
            self.typed_draft = self._typed()
        except HostelError:
            # Too wrong to be shown again as files; the draft that was saved is there.
            self.typed_draft = None
        return super()._refused(error)

    @property
    def _scripted(self) -> bool:
        return self.request.headers.get("Accept", "") == "application/json"

    def _newest(self) -> dict[str, Any]:
        newest = selectors.version_latest(tenant=self.tenant, worker=self.worker)
        files = drafts.files_of(tenant=self.tenant, version=newest) if newest is not None else []
        return {"number": newest.number if newest is not None else 0, "files": {each.name: each.content for each in files}}

    def _typed(self) -> Drafted:
        """What the form holds; raises `FieldInvalid`."""
        if "state" in self.request.POST:
            return _from_state(self.request.POST["state"])
        return _from_fields(self.request.POST, self.number("base") if "base" in self.request.POST else 0)


def _from_state(text: str) -> Drafted:
    """As the script sends it: {"files": […], "main": …, "base": …, "request": {…}}."""
    try:
        state = json.loads(text)
        files = [
            DraftFile(str(each["name"]), str(each["kind"]), each["content"], str(each.get("sha256", "")), int(each.get("size", 0)))
            for each in state["files"]
        ]
        base = int(state["base"])
        main, request = str(state["main"]), dict(state["request"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise FieldInvalid("The draft cannot be read: load the page again.", field="state") from None
    if any(each.content is not None and not isinstance(each.content, str) for each in files) or not 0 <= base < 10**_NUMBER_DIGITS:
        raise FieldInvalid("The draft cannot be read: load the page again.", field="state")
    return Drafted(files, main, base, 0, _bounded(request))


def _from_fields(post: Mapping[str, str], base: int) -> Drafted:
    """As a form without scripts sends it: name.0, content.0, kind.0, …; a file whose `drop.N` is set is left out."""
    files = []
    for at in range(drafts.FILES_MOST + 1):
        name = post.get(f"name.{at}", "").strip()
        if not name or post.get(f"drop.{at}"):
            continue
        content = post.get(f"content.{at}")
        sha256 = post.get(f"sha256.{at}", "")
        if content is None:
            files.append(DraftFile(name, post.get(f"kind.{at}", "data"), None, sha256))
        else:
            # Forms send CRLF whatever was typed.
            files.append(DraftFile(name, drafts.kind_by_name(name), content.replace("\r\n", "\n")))
    request = {name: post.get(name, "").replace("\r\n", "\n") for name in TRIED if name in post}
    return Drafted(files, post.get("main", "").strip(), base, 0, _bounded(request))


def _bounded(request: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: str(request[name]) for name in TRIED if name in request}
    if sum(map(len, kept.values())) > drafts.REQUEST_CHARACTERS:
        raise FieldInvalid(f"The request may have {drafts.REQUEST_CHARACTERS} characters.", field="body", limit=drafts.REQUEST_CHARACTERS)
    return kept


def _problem(error: HostelError) -> dict[str, Any] | None:
    """Where a build has failed, for the editor to mark; None where nobody knows."""
    found = error.as_dict()
    if not found.get("file") and not found.get("line"):
        return None
    return {"file": found.get("file") or "", "line": found.get("line") or 1, "column": found.get("column") or 1, "message": error.message}
