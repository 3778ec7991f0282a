"""Settings: read with their types, refused all at once, never shown where they are private."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane import config
from controlplane.database import database
from controlplane.validation import SettingsInvalid
from sandbox.limits import Limits


@pytest.fixture
def environ(monkeypatch):
    """Sets variables over an environment that has none of ours."""
    for item in config.settings_fields():
        monkeypatch.delenv(item.metadata["env"], raising=False)

    def load(**variables: str) -> config.Config:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return config.load()

    return load


def test_nothing_needs_to_be_set(environ):
    found = environ()
    assert found.home == config.ROOT / "var"
    assert found.port == 8787
    assert found.database == f"sqlite:///{config.ROOT}/var/db.sqlite3"
    assert found.platform_limits == Limits()
    assert found.guest_home == config.ROOT / "var" / "guest"
    assert found.origin("hello.demo.localhost") == "http://hello.demo.localhost:8787"


def test_everything_can_be_set(environ, tmp_path):
    found = environ(
        HOSTEL_HOME=str(tmp_path),
        HOSTEL_PORT="80",
        HOSTEL_BASE_DOMAIN="workers.example",
        HOSTEL_CONTROL_HOSTS="admin.example, OPS.example",
        HOSTEL_EGRESS_ALLOW="10.0.0.0/8,db.internal",
        HOSTEL_LIMITS="cpu_ms=50, memory_bytes=1048576",
        HOSTEL_DEBUG="yes",
        HOSTEL_UPLOAD_WAIT_SECONDS="1.5",
    )
    assert (found.home, found.run) == (tmp_path, tmp_path / "run")
    assert found.origin("x") == "http://x"
    assert found.hosts == ("workers.example", "localhost", "127.0.0.1", "[::1]", "admin.example", "ops.example")
    assert found.egress_allow == ("10.0.0.0/8", "db.internal")
    assert (found.platform_limits.cpu_ms, found.platform_limits.memory_bytes) == (50, 1_048_576)
    assert found.debug
    assert found.upload_wait_seconds == 1.5


def test_a_proxys_port_and_scheme_are_shown_to_tenants(environ):
    found = environ(HOSTEL_PUBLIC_SCHEME="https", HOSTEL_PUBLIC_PORT="443")
    assert found.origin("a.b.example") == "https://a.b.example"


def test_values_may_stand_in_files(environ, tmp_path: Path):
    (tmp_path / "key").write_text("k" * 40 + "\n")
    assert environ(HOSTEL_SECRET_KEY_FILE=str(tmp_path / "key")).secret_key.strip() == "k" * 40


def test_every_bad_variable_is_named_at_once(environ):
    with pytest.raises(SettingsInvalid) as refused:
        environ(HOSTEL_PORT="http", HOSTEL_DEBUG="maybe", HOSTEL_LIMITS="cpu=1")
    for name in ("HOSTEL_PORT", "HOSTEL_DEBUG", "HOSTEL_LIMITS"):
        assert name in str(refused.value)


@pytest.mark.parametrize("limits", ["cpu_ms", "cpu_ms=", "cpu_ms=0", "cpu_ms=-1", "cpu_ms=1.5", "cpu_ms=x", "=1"])
def test_limits_must_be_limits(environ, limits):
    with pytest.raises(SettingsInvalid):
        environ(HOSTEL_LIMITS=limits)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HOSTEL_PORT", "70000", "must be a port"),
        ("HOSTEL_PUBLIC_PORT", "0", "must be a port"),
        ("HOSTEL_GATEWAY_WORKERS", "0", "more than 0"),
        ("HOSTEL_BASE_DOMAIN", "https://x", "host name"),
        ("HOSTEL_CONTROL_HOSTS", "ok.example,b:80x/", "no host name"),
        ("HOSTEL_PUBLIC_SCHEME", "ftp", "http, https"),
        ("HOSTEL_TRUSTED_PROXIES", "10.0.0.0/8,proxy", "no network"),
        ("DATABASE_URL", "mysql://u:sesame@h/d", "postgres://"),
        ("REDIS_URL", "http://h", "redis://"),
        ("CELERY_BROKER_URL", "kafka://h", "amqp://"),
        ("HOSTEL_SECRET_KEY", "short,sesame", "32 characters"),
        ("HOSTEL_LOG_LEVEL", "LOUD", "DEBUG, INFO"),
        ("HOSTEL_UPLOAD_WAIT_SECONDS", "-1", "more than 0"),
        ("HOSTEL_UPLOAD_WAIT_SECONDS", "nan", "nan"),
        ("HOSTEL_BLOB_GRACE_SECONDS", "-1", "0 or more"),
        ("HOSTEL_JOB_LEASE_SECONDS", "0.5", "1 or more"),
    ],
)
def test_a_value_out_of_its_bounds_is_named_with_them(environ, variable, value, said):
    with pytest.raises(SettingsInvalid) as refused:
        environ(**{variable: value})
    assert list(refused.value.detail["problems"]) == [variable]
    assert said in str(refused.value)
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    "variables",
    [
        {"HOSTEL_PUBLIC_SCHEME": "https", "HOSTEL_PORT": "80"},
        {"HOSTEL_PUBLIC_SCHEME": "http", "HOSTEL_PUBLIC_PORT": "443"},
        {"HOSTEL_JOB_LEASE_SECONDS": "1", "HOSTEL_JOB_SWEEP_SECONDS": "60"},
    ],
)
def test_values_that_contradict_each_other_are_refused(environ, variables):
    with pytest.raises(SettingsInvalid) as refused:
        environ(**variables)
    assert set(refused.value.detail["problems"]) <= set(variables)


def test_a_contradiction_waits_until_the_value_itself_is_right(environ):
    with pytest.raises(SettingsInvalid) as refused:
        environ(HOSTEL_PUBLIC_SCHEME="https", HOSTEL_PORT="80", HOSTEL_PUBLIC_PORT="many")
    assert list(refused.value.detail["problems"]) == ["HOSTEL_PUBLIC_SCHEME", "HOSTEL_PUBLIC_PORT"]


def test_a_file_that_cannot_be_read_is_named(environ, tmp_path):
    with pytest.raises(SettingsInvalid, match="HOSTEL_SECRET_KEY_FILE"):
        environ(HOSTEL_SECRET_KEY_FILE=str(tmp_path / "gone"))


def test_unknown_variables_are_named_with_what_may_have_been_meant(environ, monkeypatch):
    for name in [name for name in os.environ if name.startswith("HOSTEL_")]:
        monkeypatch.delenv(name)
    assert config.warnings(environ(HOSTEL_TEST_AMQP_URL="x", HOSTEL_PYTHON="x", HOSTEL_PORT="81")) == []
    (said,) = config.warnings(environ(HOSTEL_PROT="80"))
    assert said == "HOSTEL_PROT is no setting of Hostel. Did you mean HOSTEL_PORT?"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HOSTEL_PUBLIC_SCHEME": "https"}, "HOSTEL_TRUSTED_PROXIES"),
        ({"HOSTEL_BASE_DOMAIN": "workers.acme.net", "HOSTEL_DEMO": "no"}, "without TLS"),
        ({"DATABASE_URL": "postgres://u@h/d"}, "HOSTEL_SECRET_KEY"),
    ],
)
def test_what_is_probably_a_mistake_is_said(environ, variables, said):
    assert any(said in warning for warning in config.warnings(environ(**variables)))


def test_private_values_are_not_in_the_repr(environ):
    private = {
        "DATABASE_URL": "postgres://u:sesame1@h/d",
        "REDIS_URL": "redis://:sesame2@h",
        "CELERY_BROKER_URL": "amqp://u:sesame3@h",
        "HOSTEL_SECRET_KEY": "sesame4" * 8,
    }
    assert "sesame" not in repr(environ(**private))


def test_it_is_read_without_django():
    code = "import sys; from controlplane.config import load; load(); assert 'django' not in sys.modules, 'Django was imported'"
    subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = ['.', 'platform']; {code}"], cwd=config.ROOT, check=True)


def test_reading_djangos_settings_makes_no_key(tmp_path):
    code = "import django; django.setup(); from django.conf import settings; assert not (settings.HOSTEL.home / 'secret.key').exists()"
    environ = {name: value for name, value in os.environ.items() if name != "HOSTEL_SECRET_KEY"}
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path[:0] = ['.', 'platform']; {code}; assert list(settings.SECRET_KEY_FALLBACKS) == []",
    ]
    subprocess.run(command, cwd=config.ROOT, check=True, env={**environ, "HOSTEL_HOME": str(tmp_path)})


def test_the_table_has_every_setting_with_its_meaning():
    table = config.settings_table()
    for item in config.settings_fields():
        assert f"| `{item.metadata['env']}` |" in table
        assert item.metadata["doc"].endswith(".")
    assert "\n\n" not in table


class TestDatabase:
    def test_sqlite_is_made_safe_for_several_processes(self):
        entry = database("sqlite:////tmp/a%20b.sqlite3")
        assert entry["NAME"] == "/tmp/a b.sqlite3"
        assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        assert "journal_mode=WAL" in entry["OPTIONS"]["init_command"]

    def test_postgresql_shares_its_connections(self):
        entry = database("postgres://user:p%40ss@db.example:5433/hostel?sslmode=require")
        assert (entry["HOST"], entry["PORT"], entry["PASSWORD"]) == ("db.example", 5433, "p@ss")
        assert entry["OPTIONS"]["pool"]
        assert entry["OPTIONS"]["sslmode"] == "require"

    def test_postgresql_is_given_up_when_it_has_vanished_and_a_dead_connection_is_not_handed_out(self):
        entry = database("postgres://me@db.example/hostel")
        assert entry["CONN_HEALTH_CHECKS"]
        assert entry["OPTIONS"]["tcp_user_timeout"] == 15_000
        assert entry["OPTIONS"]["pool"]["reconnect_timeout"] <= 2
        assert database("postgres://me@db.example/hostel?connect_timeout=2")["OPTIONS"]["connect_timeout"] == 2

    @pytest.mark.parametrize("url", ["mysql://u@h/d", "oracle://u@h/d"])
    def test_others_are_refused(self, url):
        with pytest.raises(ValueError, match="DATABASE_URL"):
            database(url)
