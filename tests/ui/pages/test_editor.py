"""The editor's form, with and without scripts: drafts, what is wrong where, deploying."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from django.template.loader import render_to_string
from django.test import Client

from sandbox.errors import SyntaxFailed
from sandbox.worker.record import HostCall
from tenants import services
from tenants.models import Version
from tenants.runner import Answered, Caught, Line, Ran
from ui import drafts
from ui.drafts import DraftFile
from ui.models import Draft
from ui.pages import trying

URL = "/t/acme/workers/hello/edit"
SOURCE = 'export default { fetch() { return new Response("other"); } };'


@pytest.fixture
def ada(tenant, actor):
    user = services.user_create(email="ada@example.com", password=None, actor=actor)
    services.member_add(tenant=tenant, user=user, role="developer", actor=actor)
    return user


def browser(user):
    found = Client(headers={"host": "localhost"})
    found.force_login(user)
    return found


@pytest.fixture
def page(ada, upload_js):
    upload_js()
    return browser(ada)


def state(source=SOURCE, *, files=None, base=1, **request):
    files = files or [{"name": "worker.js", "kind": "js", "content": source}]
    return json.dumps({"files": files, "main": files[0]["name"], "base": base, "request": request})


def act(page, do, text=None, *, revision=0, **more):
    data = {"do": do, "state": text or state(), "revision": revision, **more}
    return page.post(URL, data, headers={"accept": "application/json"})


class TestThePage:
    def test_it_shows_the_newest_version_and_may_add_styles_of_its_nonce_only(self, page):
        answer = page.get(URL)
        assert answer.status_code == 200
        assert "new Response(&quot;hello&quot;)" in answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        nonce = answer.text.partition('data-nonce="')[2].partition('"')[0]
        assert len(nonce) > 20
        assert f"style-src 'self' 'nonce-{nonce}'" in policy
        assert nonce not in page.get(URL).text

    def test_a_worker_without_a_version_begins_with_one_that_works(self, ada, tenant, upload_js):
        made = upload_js()
        Version.objects.all().delete()
        answer = browser(ada).get(URL)
        assert "Hello from Hostel" in answer.text
        assert made.worker.name in answer.text

    def test_viewers_look(self, tenant, actor, upload_js):
        upload_js()
        user = services.user_create(email="vera@example.com", password=None, actor=actor)
        services.member_add(tenant=tenant, user=user, role="viewer", actor=actor)
        answer = browser(user).get(URL)
        assert "data-readonly" in answer.text
        assert act(browser(user), "save").status_code == 403

    def test_the_newest_version_to_compare_with(self, page):
        answer = page.get(URL, headers={"accept": "application/json"}).json()
        assert answer["number"] == 1
        assert "hello" in answer["files"]["worker.js"]


class TestDrafts:
    def test_saving_and_coming_back(self, page, ada):
        assert (
            act(page, "save", state("let mine = 1;", method="POST", url="/x", headers="A: b", body="ü", key="ada")).json()["revision"] == 1
        )
        text = page.get(URL).text
        assert "let mine = 1;" in text
        assert 'value="/x"' in text
        row = Draft.objects.get()
        assert (row.user, row.base, row.request["key"]) == (ada, 1, "ada")

    def test_two_tabs_do_not_overwrite_each_other(self, page):
        assert act(page, "save").json()["revision"] == 1
        answer = act(page, "save", state("let late;"))
        assert answer.status_code == 412
        assert answer.json()["error"]["code"] == "changed_meanwhile"
        assert answer.json()["error"]["revision"] == 1
        assert act(page, "save", state("let late;"), revision=1).json()["revision"] == 2

    def test_each_person_has_their_own(self, page, tenant, actor):
        act(page, "save", state("let mine;"))
        bob = services.user_create(email="bob@example.com", password=None, actor=actor)
        services.member_add(tenant=tenant, user=bob, role="developer", actor=actor)
        assert "let mine" not in browser(bob).get(URL).text

    def test_an_ended_session_is_told_to_scripts(self, upload_js):
        upload_js()
        answer = act(Client(headers={"host": "localhost"}), "save")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "session_ended")

    @pytest.mark.parametrize(
        ("files", "code"),
        [
            ([], "field_invalid"),
            ([{"name": "", "kind": "js", "content": ""}], "field_invalid"),
            ([{"name": "a", "kind": "exe", "content": ""}], "field_invalid"),
            ([{"name": "a", "kind": "js", "content": "\0"}], "field_invalid"),
            ([{"name": "a", "kind": "js", "content": 5}], "field_invalid"),
            ([{"name": "a", "kind": "js", "content": ""}] * 2, "field_invalid"),
            ([{"name": f"f{n}", "kind": "js", "content": ""} for n in range(drafts.FILES_MOST + 1)], "field_invalid"),
            ([{"name": "a", "kind": "js", "content": "x" * (drafts.CHARACTERS_MOST + 1)}], "field_invalid"),
        ],
    )
    def test_what_is_no_draft_is_refused(self, page, files, code):
        text = json.dumps({"files": files, "main": files[0]["name"] if files else "", "base": 1, "request": {}})
        answer = act(page, "save", text)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", '{"files": 5}', '{"files": [], "main": 1}', "[" * 5_000, '{"files": [], "main": "", "base": 1e99, "request": {}}'],
    )
    def test_neither_is_noise(self, page, text):
        assert act(page, "save", text or " ").status_code == 400

    def test_files_that_are_no_text_are_kept_by_their_hash(self, tenant, ada, upload_js, actor):
        from sandbox.bundle import ModuleKind
        from tenants.uploads import Upload, UploadModule
        from tests.conftest import module

        modules = [module("worker.js", SOURCE), UploadModule("data.bin", ModuleKind.DATA, b"\x00\xff")]
        made = services.version_upload(
            tenant=tenant,
            worker_name="bin",
            upload=Upload(main_module="worker.js", modules=modules),
            actor=actor,
            source="tests",
            deploy=True,
        )
        found = drafts.draft_get(tenant=tenant, worker=made.worker, user=ada)
        kept = found.files[1]
        assert (kept.content, kept.size, len(kept.sha256)) == (None, 2, 64)
        upload = drafts.upload_of(tenant=tenant, worker=made.worker, files=found.files, main_module="worker.js")
        assert upload.modules[1].content == b"\x00\xff"
        upload_js()
        hello = Version.objects.get(worker__name="hello").worker
        with pytest.raises(Exception, match="no text"):
            drafts.upload_of(tenant=tenant, worker=hello, files=[*found.files[:1], kept], main_module="worker.js")

    def test_discarding(self, page):
        act(page, "save", state("let mine;"))
        assert act(page, "discard").json() == {}
        assert not Draft.objects.exists()


class TestWithoutScripts:
    FIELDS: ClassVar = {"name.0": "worker.js", "content.0": SOURCE + "\r\n// two", "main": "worker.js", "base": "1", "revision": "0"}

    def test_saving_renaming_adding_and_deleting(self, page):
        more = {"name.1": "help.json", "content.1": "{}", "name.2": "gone.txt", "content.2": "", "drop.2": "1"}
        answer = page.post(URL, {"do": "save", **self.FIELDS, **more})
        assert answer.status_code == 302
        files = Draft.objects.get().files
        assert [(each["name"], each["kind"]) for each in files] == [("worker.js", "js"), ("help.json", "json")]
        assert files[0]["content"] == SOURCE + "\n// two"

    def test_deploying(self, page):
        answer = page.post(URL, {"do": "deploy", **self.FIELDS, "message": "by hand"})
        assert answer.status_code == 302
        newest = Version.objects.latest("number")
        assert (newest.number, newest.message, newest.source) == (2, "by hand", "ui")

    def test_what_is_wrong_is_said_with_its_line_and_nothing_typed_is_lost(self, page):
        answer = page.post(URL, {"do": "deploy", **self.FIELDS, "content.0": "let a;\r\nlet a = ;"})
        assert answer.status_code == 400
        assert "let a = ;" in answer.text
        assert "Line 2" in answer.text
        assert Version.objects.count() == 1


class TestDeploying:
    def test_it_keeps_bindings_and_forgets_the_draft(self, page, tenant, upload_js, actor):
        services.secret_put(tenant=tenant, worker_name="hello", name="KEY", text="s3cret", actor=actor, source="tests")
        act(page, "save")
        answer = act(page, "deploy", state(base=2), message="mine")
        assert answer.json() == {"number": 3, "url": "/t/acme/workers/hello/"}
        newest = Version.objects.latest("number")
        assert [binding["name"] for binding in newest.bindings] == ["KEY"]
        assert not Draft.objects.exists()

    def test_a_build_that_fails_names_file_line_and_column(self, page):
        answer = act(page, "deploy", state("export default {};\nlet x = ;"))
        found = answer.json()
        assert found["error"]["code"] == SyntaxFailed.code
        (problem,) = found["problems"]
        assert (problem["file"], problem["line"]) == ("worker.js", 2)
        assert problem["column"] > 1

    def test_a_check_builds_and_keeps_nothing(self, page):
        assert "startup_cpu_us" in act(page, "check").json()
        assert act(page, "check", state("throw new Error('no')")).json()["problems"]
        assert Version.objects.count() == 1

    def test_what_somebody_else_has_made_meanwhile_is_not_overwritten_unasked(self, page, upload_js):
        upload_js('export default { fetch() { return new Response("theirs"); } };')
        answer = act(page, "deploy", state(base=1))
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "draft_stale")
        assert answer.json()["error"]["newest"] == 2
        assert act(page, "deploy", state(base=1), over="2").json()["number"] == 3

    def test_a_version_alone_serves_nobody(self, page):
        act(page, "deploy", live="no")
        from tenants.models import Deployment

        assert Version.objects.count() == 2
        assert Deployment.objects.count() == 1

    def test_a_suspended_tenant(self, page, tenant, actor):
        services.tenant_suspend(tenant=tenant, reason="unpaid", actor=actor)
        assert page.get(URL).status_code == 200
        answer = act(page, "deploy")
        assert answer.json()["error"]["code"] == "tenant_suspended"


def test_kinds_by_name():
    assert [drafts.kind_by_name(name) for name in ("a.js", "a.MJS", "b.ts", "c.json", "d.html", "Makefile")] == [
        "js",
        "js",
        "js",
        "json",
        "text",
        "text",
    ]


def test_a_draft_must_have_its_main_file():
    with pytest.raises(Exception, match="main"):
        drafts.check([DraftFile("a.js", "js", "")], "b.js")


def answered(**values):
    return Answered(
        **{
            "status": 200,
            "reason": "OK",
            "headers": [("content-type", "text/plain")],
            "body": "hi",
            "encoding": "utf-8",
            "body_bytes": 2,
            "truncated": False,
            **values,
        }
    )


THROWN = Caught(
    timestamp=1.0,
    name="TypeError",
    message="<no>",
    stack="at worker.js:1:1",
    where="handler",
    worker="hello",
    file="worker.js",
    line=1,
    column=None,
)
CALL = HostCall(kind="internet", binding="", method="GET", url="http://x/<y>", status=0, started_ms=1.0, wall_ms=2.5, error="refused")


@pytest.mark.parametrize(
    ("ran", "words"),
    [
        ({"outcome": "ok", "response": answered()}, ["200", "hi"]),
        ({"outcome": "ok", "response": answered(status=404, body="")}, ["404", "No body"]),
        ({"outcome": "ok", "response": answered(status=500, encoding="base64", truncated=True)}, ["500", "no text", "Cut"]),
        ({"outcome": "ok", "response": answered(headers=[("content-type", "application/json")], body='{"a":1}')}, ["&quot;a&quot;: 1"]),
        ({"outcome": "ok", "response": answered(body="x" * 300_000, body_bytes=300_000)}, ["Cut"]),
        ({"outcome": "exception", "error": {"code": "worker_exception", "message": "It threw."}, "exceptions": [THROWN]}, ["It threw.", "&lt;no&gt;", "worker.js:1"]),
        ({"outcome": "exceededCpu", "calls": [CALL], "finished": False, "logs_dropped": 10}, ["exceededCpu", "refused", "&lt;y&gt;", "waitUntil"]),
        ({"outcome": "ok", "response": answered(), "logs": [Line(timestamp=1.0, level="warn", message="y" * 5_000_000, worker="hello")]}, ["1 line", "more"]),
    ],
)  # fmt: skip
def test_whatever_a_run_shows_can_be_shown(ran, words):
    found = trying.tried(Ran(request_id="r", **ran))
    html = render_to_string("ui/editor/result.html", {"tried": found})
    assert len(html) < 300_000
    for word in words:
        assert word in html
    assert "style=" not in html


def test_requests_of_the_builder():
    made = trying.request_of({"method": "POST", "url": "/x", "headers": "A: b\n\nC:d:e", "body": "ü", "key": "ada", "client": "192.0.2.1"})
    assert made["headers"] == [("A", "b"), ("C", "d:e"), (trying.KEY_HEADER, "ada")]
    assert made["body"] == "ü".encode()
    with pytest.raises(Exception, match="Line 2"):
        trying.request_of({"headers": "A: b\nnonsense"})


class TestSavedTests:
    def test_one_is_kept_with_what_it_expects_and_gates(self, page, tenant, ada, actor):
        sent = state(SOURCE, method="POST", url="/x", headers="A: b", body="hi")
        answer = act(page, "test", sent, test_name="greets", expect_status="200", expect_contains="other", gate="1")
        assert answer.json() == {"name": "greets"}
        worker = Version.objects.get().worker
        test = worker.request_tests.get()
        assert (test.method, test.url, test.expect) == ("POST", "/x", {"status": [200], "body": {"match": "contains", "value": "other"}})
        assert worker.gate_deploys
        assert "greets" in page.get(URL).text
        assert act(page, "test", sent, test_name="greets").status_code == 409
        assert act(page, "test", sent, test_name="").status_code == 400
        assert act(page, "test", sent, test_name="b", expect_status="x").status_code == 400
        assert page.post(URL, {"do": "untest", "test": str(test.pk)}).status_code == 302
        assert not worker.request_tests.exists()
