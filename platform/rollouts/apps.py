"""Django's entry for the rollouts app."""

from __future__ import annotations

from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    """Registers the app."""

    name = "rollouts"
    default_auto_field = "django.db.models.BigAutoField"
