"""Migrations run while the release before still serves: what would break it is refused here, unless it is the second of two steps.

The way to remove something in two releases: the first stops using it (and says so in the changelog); the second removes it, in a migration
whose class has `two_step = "why nobody uses it any more"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

ROOT = Path(__file__).parents[2]
# What is in the first release: there is no earlier one whose processes could be serving.
FIRST_RELEASE = {"tenants": "0006_deletion", "jobs": "0001_initial"}
DESTRUCTIVE = (
    migrations.DeleteModel,
    migrations.RemoveField,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
    migrations.AlterUniqueTogether,
)
DESTRUCTIVE_SQL = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN)|RENAME|TRUNCATE|SET\s+NOT\s+NULL|ALTER\s+COLUMN\s+\S+\s+TYPE|DELETE\s+FROM)\b", re.IGNORECASE
)


def own() -> list[tuple[str, str]]:
    loader = MigrationLoader(None)
    ours = {config.label for config in apps.get_app_configs() if ROOT in Path(config.path).parents and ".venv" not in config.path}
    return sorted(key for key in loader.disk_migrations if key[0] in ours)


def released(app: str, name: str) -> bool:
    """Whether an older release may be serving while this migration runs."""
    return name > FIRST_RELEASE.get(app, "0001_~")


def findings(migration: migrations.Migration, before: ProjectState, *, later: bool) -> Iterator[str]:
    """What would break processes of the release before."""
    if getattr(migration, "two_step", ""):
        return
    for operation in migration.operations:
        what = operation.describe()
        if isinstance(operation, DESTRUCTIVE) or (isinstance(operation, migrations.RunSQL) and DESTRUCTIVE_SQL.search(str(operation.sql))):
            yield what
        elif later and isinstance(operation, migrations.AddField):
            field = operation.field
            if not field.null and not field.has_db_default() and not field.many_to_many:
                yield f"{what}: the release before inserts rows without it; give it a db_default or null"
        elif later and isinstance(operation, migrations.AlterField):
            old = before.models[migration.app_label, operation.model_name_lower].fields[operation.name]
            if _narrower(old, operation.field):
                yield f"{what}: what the release before writes would be refused"
        operation.state_forwards(migration.app_label, before)


def _narrower(old: models.Field, new: models.Field) -> bool:
    shorter = bool(new.max_length) and (not old.max_length or new.max_length < old.max_length)
    return (old.null and not new.null) or shorter or (new.unique and not old.unique)


@pytest.mark.parametrize(("app", "name"), own())
def test_nothing_the_release_before_needs_is_taken_away(app, name):
    loader = MigrationLoader(None)
    migration = loader.get_migration(app, name)
    before = loader.project_state((app, name), at_end=False)
    assert list(findings(migration, before, later=released(app, name))) == []


def test_every_app_of_ours_is_looked_at():
    assert {"tenants", "jobs"} <= {app for app, _ in own()}


class TestTheRule:
    """What it refuses, and what it lets pass."""

    @staticmethod
    def judged(*operations: migrations.operations.base.Operation, later: bool = True, two_step: str = "") -> list[str]:
        state = ProjectState()
        migrations.CreateModel(
            "Thing",
            [("id", models.AutoField(primary_key=True)), ("name", models.CharField(max_length=20, null=True)), ("old", models.TextField())],
        ).state_forwards("x", state)
        migration = migrations.Migration("0009_x", "x")
        migration.operations = list(operations)
        if two_step:
            migration.two_step = two_step
        return list(findings(migration, state, later=later))

    @pytest.mark.parametrize(
        "operation",
        [
            migrations.RemoveField("thing", "old"),
            migrations.DeleteModel("Thing"),
            migrations.RenameField("thing", "old", "new"),
            migrations.RenameModel("Thing", "Thong"),
            migrations.AlterModelTable("thing", "elsewhere"),
            migrations.RunSQL("alter table x_thing drop column old"),
            migrations.RunSQL("DROP TABLE x_thing"),
            migrations.AddField("thing", "count", models.IntegerField(default=0)),
            migrations.AlterField("thing", "name", models.CharField(max_length=10, null=True)),
            migrations.AlterField("thing", "name", models.CharField(max_length=20)),
            migrations.AlterField("thing", "old", models.TextField(unique=True)),
        ],
        ids=lambda operation: operation.describe()[:40],
    )
    def test_refused_unless_it_is_the_second_step(self, operation):
        assert len(self.judged(operation)) == 1
        assert self.judged(operation, two_step="0.2 stopped using it") == []

    @pytest.mark.parametrize(
        "operation",
        [
            migrations.AddField("thing", "count", models.IntegerField(db_default=0)),
            migrations.AddField("thing", "more", models.TextField(null=True)),
            migrations.AlterField("thing", "name", models.CharField(max_length=40, null=True)),
            migrations.CreateModel("Other", [("id", models.AutoField(primary_key=True))]),
            migrations.AddIndex("thing", models.Index(fields=["name"], name="by_name")),
            migrations.RunSQL("CREATE INDEX y ON x_thing (name)"),
        ],
        ids=lambda operation: operation.describe()[:40],
    )
    def test_let_pass(self, operation):
        assert self.judged(operation) == []
