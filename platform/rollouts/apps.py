"""Django's entry for the rollouts app."""

from __future__ import annotations

from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    """Registers the app."""

    name = "rollouts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have what telemetry reads counted here, too, and keep the versions that rollouts need."""
        import rollouts.references  # noqa: F401, PLC0415 - registers itself
        from rollouts.counting import counted, reader  # noqa: PLC0415 - models exist only now
        from telemetry.consumers import consumes  # noqa: PLC0415 - the same
        from telemetry.observers import observes  # noqa: PLC0415 - the same

        consumes("rollouts", counted)
        observes(reader.read)
