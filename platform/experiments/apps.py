"""Django's entry for the experiments app."""

from __future__ import annotations

from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    """Registers the app."""

    name = "experiments"
    default_auto_field = "django.db.models.BigAutoField"
