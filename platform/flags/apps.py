"""Django's entry for the flags app."""

from __future__ import annotations

from django.apps import AppConfig


class FlagsConfig(AppConfig):
    """Registers the app."""

    name = "flags"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the versions that flags name."""
        import flags.references  # noqa: F401, PLC0415 - registers itself
