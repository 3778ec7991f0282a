"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People's accounts."""

    name = "accounts"

    def ready(self) -> None:
        """Hang what is ours into django-allauth."""
        from accounts import people, records, webauthn  # noqa: PLC0415 - models are loaded now

        webauthn.install()
        people.connect()
        records.connect()
