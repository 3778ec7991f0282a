"""Plans, overrides of limits, counts of quotas."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import tenants.fields


def fill_code_bytes(apps: Any, _schema_editor: Any) -> None:
    """Sum up what earlier versions' modules take."""
    versions = apps.get_model("tenants", "Version").objects
    for pk, modules in versions.filter(code_bytes=0).values_list("pk", "modules").iterator(chunk_size=200):
        versions.filter(pk=pk).update(code_bytes=sum(int(module.get("size", 0)) for module in modules))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tenants", "0002_access")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="QuotaCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=120, unique=True)),
                ("used", models.BigIntegerField(default=0)),
                ("expires_at", models.FloatField(db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name="version",
            name="code_bytes",
            field=models.PositiveBigIntegerField(default=0, db_default=0),
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=63, unique=True)),
                ("title", models.CharField(blank=True, max_length=200)),
                ("description", models.CharField(blank=True, max_length=1000)),
                ("is_default", models.BooleanField(default=False)),
                ("limits", tenants.fields.JSONText(blank=True, default=dict)),
                (
                    "cpu_weight",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)],
                    ),
                ),
                (
                    "log_retention_days",
                    models.PositiveSmallIntegerField(default=7, validators=[django.core.validators.MaxValueValidator(400)]),
                ),
                ("tail_allowed", models.BooleanField(default=True)),
                ("internet_allowed", models.BooleanField(default=True)),
                ("quota_headers", models.BooleanField(default=True)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("modified", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("is_default", True)), fields=("is_default",), name="plan_default_once")
                ],
            },
        ),
        migrations.AddField(
            model_name="tenant",
            name="plan",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="tenants", to="tenants.plan"
            ),
        ),
        migrations.CreateModel(
            name="LimitOverride",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=63)),
                ("value", models.BigIntegerField()),
                ("reason", models.CharField(max_length=500)),
                ("author", models.CharField(max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "tenant",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="limit_overrides", to="tenants.tenant"),
                ),
                (
                    "worker",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="limit_overrides",
                        to="tenants.worker",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("worker", None)), fields=("tenant", "name"), name="override_of_tenant_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("worker__isnull", False)), fields=("worker", "name"), name="override_of_worker_once"
                    ),
                ],
            },
        ),
        migrations.RunPython(fill_code_bytes, migrations.RunPython.noop, elidable=True),
    ]
