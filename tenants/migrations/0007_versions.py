"""What a deployment asks of versions and visitors: request tests, stickiness, cohorts; pins and aliases of versions; retention."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import tenants.fields


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0006_deletion"),
    ]

    operations = [
        migrations.AddField(
            model_name="deployment",
            name="cohorts",
            field=tenants.fields.JSONText(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="worker",
            name="gate_deploys",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="worker",
            name="retention",
            field=tenants.fields.JSONText(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="worker",
            name="sticky",
            field=models.CharField(db_default="cookie", default="cookie", max_length=80),
        ),
        migrations.AddField(
            model_name="worker",
            name="version_headers",
            field=models.CharField(db_default="trusted", default="trusted", max_length=8),
        ),
        migrations.CreateModel(
            name="VersionPin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("author", models.CharField(blank=True, max_length=254)),
                ("reason", models.CharField(blank=True, max_length=1000)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
                ("version", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="pin", to="tenants.version")),
            ],
        ),
        migrations.CreateModel(
            name="RequestTest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("method", models.CharField(default="GET", max_length=32)),
                ("url", models.TextField()),
                ("headers", tenants.fields.JSONText(default=list)),
                ("body", tenants.fields.JSONText(default=str)),
                ("expect", tenants.fields.JSONText(default=dict)),
                ("enabled", models.BooleanField(default=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("modified", models.DateTimeField(default=django.utils.timezone.now)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
                (
                    "worker",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="request_tests", to="tenants.worker"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("worker", "name"), name="request_test_name_once")],
            },
        ),
        migrations.CreateModel(
            name="RequestTestRun",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64)),
                ("trigger", models.CharField(max_length=16)),
                ("author", models.CharField(blank=True, max_length=254)),
                ("total", models.PositiveIntegerField()),
                ("failed", models.PositiveIntegerField()),
                ("results", tenants.fields.JSONText(default=list)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
                ("version", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.version")),
                (
                    "worker",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="request_test_runs", to="tenants.worker"),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["worker", "-created"], name="request_test_run_newest")],
            },
        ),
        migrations.CreateModel(
            name="VersionAlias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
                ("version", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="aliases", to="tenants.version")),
                ("worker", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="aliases", to="tenants.worker")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("worker", "name"), name="version_alias_once")],
            },
        ),
    ]
