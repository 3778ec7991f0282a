"""Django's and django-allauth's settings for people's accounts.

Owns what of them follows from Hostel's own settings; controlplane.settings takes them over as they are.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from controlplane.config import Config

DAY = 86_400


def settings_for(config: Config) -> dict[str, Any]:
    """Name -> value, for `config`."""
    return {
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        "LOGIN_URL": "account_login",
        "LOGIN_REDIRECT_URL": "landing",
        "ACCOUNT_ADAPTER": "accounts.adapter.AccountAdapter",
        "ACCOUNT_USER_MODEL_USERNAME_FIELD": None,
        "ACCOUNT_LOGIN_METHODS": {"email"},
        "ACCOUNT_SIGNUP_FIELDS": ["email*", "password1*", "password2*"],
        # Where mail goes to a folder, nobody could prove an address: whoever signs up is in at once, and the address stays unproven.
        "ACCOUNT_EMAIL_VERIFICATION": "mandatory" if config.email_url else "optional",
        # One address for each person, changed by proving the new one.
        "ACCOUNT_CHANGE_EMAIL": True,
        "ACCOUNT_EMAIL_NOTIFICATIONS": True,
        "ACCOUNT_EMAIL_SUBJECT_PREFIX": "[Hostel] ",
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": config.public_scheme,
        "ACCOUNT_LOGOUT_REDIRECT_URL": "account_login",
        "ACCOUNT_REAUTHENTICATION_TIMEOUT": 300,
        # Counted by accounts.limits, exactly and over all processes.
        "ACCOUNT_RATE_LIMITS": False,
        "MFA_RATE_LIMITS": False,
        "MFA_ADAPTER": "accounts.adapter.MFAAdapter",
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_TOTP_ISSUER": "Hostel",
        "SOCIALACCOUNT_ADAPTER": "accounts.adapter.SocialAdapter",
        "SOCIALACCOUNT_ONLY": False,
        "SOCIALACCOUNT_PROVIDERS": _providers(config),
        "SESSION_COOKIE_AGE": 14 * DAY,
        "RATELIMIT_USE_CACHE": "counters",
    }


def form_targets(config: Config) -> str:
    """Where forms may lead, beside to ourselves: a browser follows a form's redirect to the single sign-on only if the policy says so."""
    parts = urlsplit(config.oidc_server_url)
    return f" {parts.scheme}://{parts.netloc}" if config.oidc_server_url else ""


def _providers(config: Config) -> dict[str, Any]:
    if not config.oidc_server_url:
        return {}
    app = {
        "provider_id": config.oidc_id,
        "name": config.oidc_name,
        "client_id": config.oidc_client_id,
        "secret": config.oidc_client_secret,
        "settings": {"server_url": config.oidc_server_url},
    }
    return {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}


def counters(config: Config) -> dict[str, Any]:
    """The cache that attempts are counted in: exact over all processes, and over all machines."""
    if config.redis_url:
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": config.redis_url, "KEY_PREFIX": "hostel:counters"}
    return {"BACKEND": "accounts.counters.CounterCache", "KEY_PREFIX": "people"}
