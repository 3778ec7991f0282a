"""Django's entry for the jobs app."""

from __future__ import annotations

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Registers the app."""

    name = "jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have jobs forgotten with their tenants."""
        from jobs.services import jobs_forget  # noqa: PLC0415 - models exist only now
        from tenants.services.deletion import erases  # noqa: PLC0415 - the same

        erases(jobs_forget)
