"""Django's entry for the experiments app."""

from __future__ import annotations

from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    """Registers the app, and its part in counting records."""

    name = "experiments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the records' marks counted in the transaction that reads the spool."""
        from experiments.counting import count  # noqa: PLC0415 - models are there from here on only
        from telemetry.consumers import consumes  # noqa: PLC0415 - the same

        consumes("experiments", count)
