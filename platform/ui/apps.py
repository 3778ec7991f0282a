"""Django's entry for the ui app."""

from __future__ import annotations

from django.apps import AppConfig


class UiConfig(AppConfig):
    """Registers the app."""

    name = "ui"
    default_auto_field = "django.db.models.BigAutoField"
