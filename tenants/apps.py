"""Django's entry for the tenants app."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings


class TenantsConfig(AppConfig):
    """Registers the app, and makes the folder its database and blobs live in."""

    name = "tenants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the home folder: SQLite makes its file, but no folder."""
        for folder in (settings.HOSTEL.home, settings.HOSTEL.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
