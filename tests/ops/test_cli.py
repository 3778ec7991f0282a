"""The command line: what is typed, what is done, what is said, how it ends."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ops import cli
from ops.catalogue import COMMANDS, GROUPS
from tenants import services
from tenants.actor import Actor
from tenants.errors import TokenInvalid
from tenants.keys import KeyRing
from tenants.models import AuditEvent, Tenant, User

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hostel(db, capsys):
    """Runs a command; its exit code, and its document or its text."""

    def run(*words: str, code: int = 0, as_json: bool = True):
        assert cli.run(COMMANDS, GROUPS, [*words, *(["--json"] if as_json else [])]) == code
        said = capsys.readouterr()
        return json.loads(said.out) if as_json else said.out + said.err

    return run


class TestTenants:
    def test_made_listed_stopped_and_resumed(self, hostel):
        services.user_create(email="ada@example.com", password=None, actor=Actor.system())
        made = hostel("tenant", "create", "acme", "--name", "Acme", "--owner", "Ada@example.com")
        assert (made["slug"], made["suspended"]) == ("acme", None)
        assert [row["slug"] for row in hostel("tenant", "list")] == ["acme"]
        shown = hostel("tenant", "show", made["account_id"])
        assert (shown["workers"], shown["members"]) == (0, 1)
        assert hostel("tenant", "suspend", "acme", "--reason", "unpaid")["reason"] == "unpaid"
        assert Tenant.objects.get(slug="acme").suspended_at is not None
        assert hostel("tenant", "resume", "acme")["suspended"] is None

    def test_the_audit_log_says_who_typed(self, hostel):
        hostel("tenant", "create", "acme")
        assert AuditEvent.objects.filter(action="tenant_create").latest("pk").actor.startswith("system:cli/")

    @pytest.mark.parametrize("slug", ["", "Acme", "a_b", "admin", "x" * 64, "ac\u200dme", "\u0430cme", "a\0b"])
    def test_a_bad_name_is_refused(self, hostel, slug):
        assert hostel("tenant", "create", slug, code=1)["error"]["code"] == "tenant_name_invalid"
        assert not Tenant.objects.exists()

    def test_what_is_not_there_is_said(self, hostel):
        for words in (("tenant", "show", "nobody"), ("tenant", "suspend", "a\0", "--reason", "x"), ("limits", "show", "nobody")):
            assert hostel(*words, code=1)["error"]["code"] == "tenant_not_found"
        assert hostel("tenant", "create", "acme", "--owner", "who@example.com", code=1)["error"]["field"] == "--owner"
        assert "There is no tenant 'nobody'. (tenant_not_found)" in hostel("tenant", "show", "nobody", code=1, as_json=False)

    def test_text_is_for_people(self, hostel):
        assert hostel("tenant", "list", as_json=False) == "(none)\n"
        hostel("tenant", "create", "acme")
        head, line = hostel("tenant", "list", as_json=False).splitlines()
        assert head.split() == ["SLUG", "NAME", "ACCOUNT_ID", "SUSPENDED", "CREATED"]
        assert line.startswith("acme  acme")


class TestTheEndOfATenant:
    def test_exported_with_secrets_and_opened_again(self, hostel, tenant, upload_js, tmp_path, monkeypatch):
        upload_js(bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret"}])
        path = tmp_path / "acme.tar"
        found = hostel("tenant", "export", "acme", str(path), "--with-secrets")
        assert (found["workers"], stat.S_IMODE(path.stat().st_mode)) == (1, 0o600)
        monkeypatch.setattr("sys.stdin", io.StringIO(found["secrets_key"] + "\n"))
        assert hostel("tenant", "secrets", str(path)) == {"hello": {"1": {"KEY": "s3cret"}}}
        assert hostel("tenant", "export", "acme", str(path), code=1)["error"]["field"] == "file"
        assert hostel("tenant", "export", "acme", str(tmp_path / "no" / "x.tar"), code=1)["error"]["field"] == "file"
        assert hostel("tenant", "secrets", str(tmp_path / "none.tar"), code=1)["error"]["field"] == "file"
        assert [one.name for one in tmp_path.iterdir()] == ["acme.tar"]

    def test_deleted_with_a_grace_period_and_called_off(self, hostel, tenant):
        assert hostel("tenant", "delete", "acme", "--after", "2d")["erased_after"]
        assert hostel("tenant", "show", "acme")["suspended"]
        assert hostel("tenant", "resume", "acme")["erased_after"] is None
        assert hostel("tenant", "delete", "acme", "--after", "soon", code=1)["error"]["field"] == "--after"

    def test_erased_now_only_where_it_is_confirmed(self, hostel, tenant):
        for words in ((), ("--confirm", "globex")):
            assert hostel("tenant", "delete", "acme", "--now", *words, code=1)["error"]["field"] == "--confirm"
        assert hostel("tenant", "delete", "acme", "--now", "--confirm", "acme")["account_id"] == tenant.account_id
        assert not Tenant.objects.exists()


class TestTokens:
    def test_a_token_is_shown_once_and_works_until_it_is_revoked(self, hostel, tenant):
        made = hostel("token", "create", "--tenant", "acme", "--name", "ci", "--scope", "workers:write", "--expires", "30d")
        assert services.token_authenticate(secret=made["token"]).tenant_id == tenant.pk
        (listed,) = hostel("token", "list", "--tenant", "acme")
        assert made["token"] not in json.dumps(listed)
        assert listed["expires"]
        assert hostel("token", "revoke", made["prefix"])["revoked"]
        with pytest.raises(TokenInvalid):
            services.token_authenticate(secret=made["token"])

    def test_an_operators_token(self, hostel, db):
        made = hostel("token", "create", "--operator", "--name", "ops")
        assert made["scopes"] == ["operator"]
        assert [row["id"] for row in hostel("token", "list")] == [made["id"]]
        assert hostel("token", "revoke", made["id"])["revoked"]

    @pytest.mark.parametrize(
        ("words", "field"),
        [
            ((), "--tenant"),
            (("--tenant", "acme", "--operator"), "--tenant"),
            (("--tenant", "acme"), "scopes"),
            (("--tenant", "acme", "--scope", "everything"), "scopes"),
            (("--tenant", "acme", "--scope", "workers:read", "--expires", "soon"), "--expires"),
            (("--tenant", "acme", "--scope", "workers:read", "--expires", "2001-01-01"), "expires_at"),
        ],
    )
    def test_a_bad_token_is_refused_by_field(self, hostel, tenant, words, field):
        assert hostel("token", "create", "--name", "x", *words, code=1)["error"]["field"] == field

    @pytest.mark.parametrize("name", ["hst_", "hst_nobody99", "x", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "\0" * 12])
    def test_a_token_that_is_not_there(self, hostel, name):
        assert hostel("token", "revoke", name, code=1)["error"]["code"] == "token_not_found"


class TestLimits:
    def test_overridden_shown_and_cleared(self, hostel, tenant, upload_js):
        upload_js()
        assert [row["value"] for row in hostel("limits", "set", "acme", "cpu_ms=5", "subrequests=7", "--reason", "abuse")] == [5, 7]
        hostel("limits", "set", "acme", "cpu_ms=4", "--worker", "hello", "--reason", "spins", "--expires", "2h")
        shown = hostel("limits", "show", "acme", "--worker", "hello")
        values = {row["limit"]: (row["value"], row["source"]) for row in shown["limits"]}
        assert (values["cpu_ms"], values["subrequests"], values["wall_ms"][1]) == ((4, "override"), (7, "override"), "platform")
        assert [bool(row["until"]) for row in shown["overrides"]] == [False, True, False]
        assert len(hostel("limits", "clear", "acme", "cpu_ms", "subrequests")) == 1
        assert hostel("limits", "clear", "acme", "cpu_ms", "--worker", "hello") == []
        assert hostel("limits", "clear", "acme", "cpu_ms", code=1)["error"]["code"] == "override_not_found"
        assert "platform" in hostel("limits", "show", "acme", as_json=False)

    @pytest.mark.parametrize("pair", ["cpu=5", "cpu_ms", "cpu_ms=", "cpu_ms=-1", "cpu_ms=1e3", "cpu_ms=" + "9" * 40, "cpu_ms=٣", "=1"])
    def test_what_is_no_limit_is_refused_and_nothing_is_changed(self, hostel, tenant, pair):
        assert hostel("limits", "set", "acme", "subrequests=7", pair, "--reason", "x", code=1)["error"]["field"] == "limits"
        assert hostel("limits", "show", "acme")["overrides"] == []

    def test_plans(self, hostel, tenant):
        services.plan_create(name="small", changes={"limits": {"cpu_ms": 9}}, actor=Actor.system())
        assert hostel("plan", "set", "acme", "small") == {"tenant": "acme", "plan": "small"}
        (small,) = [row for row in hostel("plan", "list") if row["plan"] == "small"]
        assert (small["tenants"], small["limits"]) == (1, {"cpu_ms": 9})
        assert hostel("plan", "set", "acme", "--default")["plan"] == "default"
        assert hostel("plan", "set", "acme", code=1)["error"]["field"] == "plan"
        assert hostel("plan", "set", "acme", "none", code=1)["error"]["code"] == "plan_not_found"


class TestUsers:
    def test_a_person_with_a_password_that_was_made(self, hostel):
        made = hostel("user", "create", "op@example.com", "--operator")
        assert made["operator"]
        assert len(made["password"]) >= 16

    def test_a_person_with_a_password_that_was_read(self, hostel, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        assert "password" not in hostel("user", "create", "op@example.com", "--password-stdin")
        assert User.objects.get().check_password("correct horse battery")
        assert hostel("user", "create", "OP@example.com", code=1)["error"]["code"] == "name_taken"


class TestTheCommandLine:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ((), "required"),
            (("tenat",), "Did you mean 'tenant'?"),
            (("tenant", "crate"), "Did you mean 'create'?"),
            (("tenant", "create"), "slug"),
            (("tenant", "create", "x", "--nam", "y"), "unrecognized arguments: --nam"),
            (("tenant", "suspend", "x"), "--reason"),
        ],
    )
    def test_what_cannot_be_understood_ends_with_2(self, capsys, words, said):
        with pytest.raises(SystemExit) as ended:
            cli.run(COMMANDS, GROUPS, words)
        assert ended.value.code == 2
        assert said in capsys.readouterr().err

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_every_command_explains_itself(self, capsys, command):
        with pytest.raises(SystemExit) as ended:
            cli.run(COMMANDS, GROUPS, [*command.name.split(), "--help"])
        assert ended.value.code == 0
        text = capsys.readouterr().out
        assert command.help[1:] in " ".join(text.split())
        for one in command.arguments:
            assert one.options["help"], one.names

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_every_command_is_there(self, command):
        module, _, name = command.run.partition(":")
        assert callable(getattr(__import__(module, fromlist=[name]), name))

    def test_bad_settings_are_named_together_and_end_with_2(self, tmp_path):
        environ = {**os.environ, "HOSTEL_PORT": "http", "HOSTEL_PUBLIC_SCHEME": "ftp"}
        done = subprocess.run(
            [sys.executable, "-m", "ops", "tenant", "list"], capture_output=True, text=True, check=False, cwd=ROOT, env=environ
        )
        assert done.returncode == 2
        assert "HOSTEL_PORT" in done.stderr
        assert "HOSTEL_PUBLIC_SCHEME" in done.stderr
        assert "Traceback" not in done.stderr

    def test_the_script_of_the_environment_is_the_same_command(self):
        script = Path(sys.executable).with_name("hostel")
        if not script.exists():
            pytest.skip("this environment was not made by `make setup`")
        done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
        assert all(command.name.split()[0] in done.stdout for command in COMMANDS)

    def test_a_database_that_does_not_answer_is_no_stack_trace(self, tmp_path):
        environ = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/no/such/folder/db"}
        done = subprocess.run(
            [sys.executable, "-m", "ops", "tenant", "list"], capture_output=True, text=True, check=False, cwd=ROOT, env=environ
        )
        assert done.returncode == 1
        assert "database_unavailable" in done.stderr
        assert "Traceback" not in done.stderr


class TestDraining:
    def test_where_nobody_serves_it_says_so(self, hostel):
        assert hostel("drain", code=1)["error"]["code"] == "nothing_serves"
        assert hostel("drain", "--process", "1", code=1)["error"]["field"] == "--process"

    @pytest.mark.parametrize("words", [("--grace", "-1"), ("--timeout", "99999"), ("--grace", "nan")])
    def test_spans_have_bounds(self, hostel, words):
        assert hostel("drain", *words, code=1)["error"]["field"] == words[0]


class TestMigrating:
    def test_nothing_is_missing_here(self, hostel):
        assert hostel("migrate", "--check") == {"missing": []}
        assert hostel("migrate") == {"applied": []}


class TestTheAuditLog:
    def test_an_intact_one_a_changed_one_and_one_that_was_cut(self, hostel, tenant, tmp_path):
        found = hostel("audit", "verify")
        assert found["intact"]
        noted = tmp_path / "heads.json"
        noted.write_text(json.dumps(found))
        assert hostel("audit", "verify", "--tenant", "acme", "--heads", str(noted))["events"] >= 1
        AuditEvent._base_manager.filter(tenant=tenant).update(target="other")
        assert not hostel("audit", "verify", code=1)["intact"]
        assert "was changed" in hostel("audit", "verify", code=1, as_json=False)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"heads": {"x": 1}}', '{"heads": []}'])
    def test_noted_ends_that_cannot_be_read(self, hostel, tmp_path, text):
        (tmp_path / "heads").write_text(text)
        assert hostel("audit", "verify", "--heads", str(tmp_path / "heads"), code=1)["error"]["field"] == "--heads"
        assert hostel("audit", "verify", "--heads", str(tmp_path / "none"), code=1)["error"]["field"] == "--heads"


class TestTheMasterKey:
    def test_is_replaced(self, hostel, tenant, settings):
        settings.HOSTEL_KEYS = KeyRing(["a new master key " * 3, os.environ["HOSTEL_SECRET_KEY"]])
        before = hostel("keys", "status")
        assert before["removable"] == []
        done = hostel("keys", "rotate")
        assert (done["key"], done["data_keys"], done["unreadable"]) == (before["current"], 1, [])
        assert hostel("keys", "status")["removable"] == before["earlier"]
        assert "can be taken off" in hostel("keys", "status", as_json=False)
        assert AuditEvent.objects.get(action="keys_rotate").via == "cli"

    def test_what_cannot_be_opened_is_said(self, hostel, tenant, settings):
        settings.HOSTEL_KEYS = KeyRing(["a new master key " * 3])
        assert hostel("keys", "rotate", code=1)["unreadable"] == ["platform"]
