"""Django's entry for the telemetry app."""

from __future__ import annotations

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Registers the app."""

    name = "telemetry"
    default_auto_field = "django.db.models.BigAutoField"
