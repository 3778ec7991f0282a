"""The tables as they were first made."""

import uuid

import django.utils.timezone
from django.db import migrations, models

import tenants.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Runner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True)),
                ("guest_build", models.CharField(blank=True, max_length=64)),
                ("started", models.DateTimeField(default=django.utils.timezone.now)),
                ("seen", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="Binding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("exchange", models.CharField(max_length=200)),
                ("routing_key", models.CharField(max_length=200)),
                ("pattern", models.CharField(blank=True, max_length=200)),
                ("queue", models.CharField(max_length=200)),
                ("expires_at", models.FloatField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("exchange", "routing_key", "queue"), name="binding_once")],
            },
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=60)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("max_attempts", models.PositiveIntegerField(default=3)),
                ("run_after", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent", models.DateTimeField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("runner", models.CharField(blank=True, max_length=200)),
                ("idempotency_key", models.CharField(blank=True, max_length=200, null=True)),
                ("payload", tenants.fields.JSONText(default=dict)),
                ("result", tenants.fields.JSONText(blank=True, null=True)),
                ("error", tenants.fields.JSONText(blank=True, null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("started", models.DateTimeField(blank=True, null=True)),
                ("finished", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["state", "run_after"], name="job_due"),
                    models.Index(fields=["state", "finished"], name="job_old"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("queued", "running"))), fields=("idempotency_key",), name="job_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("queue", models.CharField(max_length=200)),
                ("body", models.TextField()),
                ("visible_at", models.FloatField(default=0)),
                ("created_at", models.FloatField()),
            ],
            options={
                "indexes": [models.Index(fields=["queue", "visible_at", "id"], name="message_next")],
            },
        ),
    ]
