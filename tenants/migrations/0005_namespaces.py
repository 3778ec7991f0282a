"""Dispatch namespaces and environments."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import tenants.fields
import tenants.models.tenant


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tenants", "0004_audit")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Namespace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=63)),
                ("tag", models.CharField(default=tenants.models.tenant.new_hex, editable=False, max_length=32, unique=True)),
                ("bindings", tenants.fields.JSONText(blank=True, default=list)),
                ("author", models.CharField(blank=True, max_length=254)),
                ("editor", models.CharField(blank=True, max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("modified", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "promotes_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="promoted_from",
                        to="tenants.namespace",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="namespaces", to="tenants.tenant"),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("tenant", "name"), name="namespace_name_once")]},
        ),
        migrations.AddField(
            model_name="worker",
            name="namespace",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="workers",
                to="tenants.namespace",
            ),
        ),
        migrations.RemoveConstraint(model_name="worker", name="worker_name_once"),
        migrations.AddConstraint(
            model_name="worker",
            constraint=models.UniqueConstraint(condition=models.Q(("namespace", None)), fields=("tenant", "name"), name="worker_name_once"),
        ),
        migrations.AddConstraint(
            model_name="worker",
            constraint=models.UniqueConstraint(fields=("namespace", "name"), name="worker_name_once_in_namespace"),
        ),
    ]
