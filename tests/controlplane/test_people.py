"""What follows from the settings for mail, cookies and single sign-on."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from django.conf import settings

from controlplane.mail import mail
from controlplane.people import form_targets, settings_for
from controlplane.validation import problems
from tests.conftest import ROOT

NAMES = {name: name for name in ("signup", "email_url", "oidc_server_url", "oidc_client_id", "oidc_client_secret", "oidc_id")}


class TestMail:
    def test_without_a_server_it_is_kept_in_files(self, tmp_path):
        assert mail("", home=tmp_path)["EMAIL_FILE_PATH"] == str(tmp_path / "mail")
        assert mail("file:///some%20where", home=tmp_path)["EMAIL_FILE_PATH"] == "/some where"
        assert mail("console://", home=tmp_path)["EMAIL_BACKEND"].endswith("console.EmailBackend")

    @pytest.mark.parametrize(
        ("url", "port", "tls", "ssl"),
        [
            ("smtp://u:p%40ss@mail.example.com", 587, True, False),
            ("smtp://u:p%40ss@mail.example.com:25?tls=none", 25, False, False),
            ("smtps://u:p%40ss@mail.example.com", 465, False, True),
        ],
    )
    def test_a_server(self, tmp_path, url, port, tls, ssl):
        found = mail(url, home=tmp_path)
        assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_HOST_USER"]) == ("mail.example.com", port, "u")
        assert (found["EMAIL_HOST_PASSWORD"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == ("p@ss", tls, ssl)


class TestSettings:
    @pytest.mark.parametrize(
        ("values", "wrong"),
        [
            ({"signup": "perhaps"}, ["signup"]),
            ({"email_url": "ftp://x"}, ["email_url"]),
            ({"oidc_server_url": "login.example.com"}, ["oidc_server_url"]),
            ({"oidc_server_url": "https://login.example.com"}, ["oidc_client_id", "oidc_client_secret"]),
            ({"oidc_id": "a/b"}, ["oidc_id"]),
            ({"oidc_server_url": "https://login.example.com", "oidc_client_id": "x", "oidc_client_secret": "y"}, []),
        ],
    )
    def test_bad_ones_are_named(self, values, wrong):
        assert sorted(problems(replace(settings.HOSTEL, **values), NAMES)) == wrong

    def test_a_secret_is_not_shown(self):
        assert "s3cret" not in repr(replace(settings.HOSTEL, oidc_client_secret="s3cret", email_url="smtp://u:s3cret@h"))

    def test_forms_lead_to_the_provider_only(self):
        config = replace(settings.HOSTEL, oidc_server_url="https://login.example.com/realms/x", oidc_client_id="x", oidc_client_secret="y")
        assert form_targets(config) == " https://login.example.com"
        assert settings_for(config)["SOCIALACCOUNT_PROVIDERS"]["openid_connect"]["OAUTH_PKCE_ENABLED"]
        assert form_targets(settings.HOSTEL) == ""


def test_over_tls_no_other_host_can_set_our_cookies(tmp_path):
    ask = "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)"
    environ = {
        **os.environ,
        "HOSTEL_PUBLIC_SCHEME": "https",
        "HOSTEL_PUBLIC_PORT": "443",
        "HOSTEL_HOME": str(tmp_path),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
    }
    done = subprocess.run([sys.executable, "-c", ask], env=environ, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.stdout.split() == ["__Host-hostel", "__Host-csrf", "True", "True"], done.stderr


@pytest.mark.parametrize(("url", "wanted"), [("", "optional"), ("smtp://mail.example.com", "mandatory")])
def test_an_address_is_proven_where_mail_arrives(url, wanted):
    assert settings_for(replace(settings.HOSTEL, email_url=url))["ACCOUNT_EMAIL_VERIFICATION"] == wanted
