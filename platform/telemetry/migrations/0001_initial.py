"""The tables of telemetry."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0005_namespaces"),
    ]

    operations = [
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True)),
                ("node", models.CharField(max_length=100)),
                ("offset", models.BigIntegerField(default=0)),
                ("seen", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Loss",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("node", models.CharField(max_length=100)),
                ("reason", models.CharField(max_length=40)),
                ("count", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("node", "reason"), name="loss_once")],
            },
        ),
        migrations.CreateModel(
            name="Tail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("worker_id", models.BigIntegerField()),
                ("name", models.UUIDField(unique=True)),
                ("until", models.BigIntegerField()),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="Chunk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("worker_id", models.BigIntegerField()),
                ("process", models.CharField(max_length=16)),
                ("first_number", models.BigIntegerField()),
                ("last_number", models.BigIntegerField()),
                ("first_ms", models.BigIntegerField()),
                ("last_ms", models.BigIntegerField()),
                ("count", models.PositiveIntegerField()),
                ("levels", models.PositiveIntegerField(default=0)),
                ("failed", models.BooleanField(default=False)),
                ("kept", models.BooleanField(default=True)),
                ("stored", models.BigIntegerField()),
                ("size", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant", "worker_id", "id"], name="chunk_of_worker"),
                    models.Index(fields=["tenant", "process"], name="chunk_of_request"),
                    models.Index(fields=["stored"], name="chunk_old"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Rollup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("invocations", models.BigIntegerField(default=0)),
                ("requests", models.BigIntegerField(default=0)),
                ("cpu_us", models.BigIntegerField(default=0)),
                ("memory_kib_ms", models.BigIntegerField(default=0)),
                ("subrequests", models.BigIntegerField(default=0)),
                ("request_bytes", models.BigIntegerField(default=0)),
                ("response_bytes", models.BigIntegerField(default=0)),
                ("egress_bytes", models.BigIntegerField(default=0)),
                ("worker_id", models.BigIntegerField()),
                ("version", models.CharField(max_length=64)),
                ("variant", models.CharField(blank=True, max_length=64)),
                ("step", models.PositiveIntegerField()),
                ("at", models.BigIntegerField()),
                ("errors", models.BigIntegerField(default=0)),
                ("cold", models.BigIntegerField(default=0)),
                ("wall_us", models.BigIntegerField(default=0)),
                ("memory_max", models.BigIntegerField(default=0)),
                ("outcomes", tenants.fields.JSONText(default=dict)),
                ("statuses", tenants.fields.JSONText(default=dict)),
                ("cpu", models.BinaryField(default=bytes)),
                ("wall", models.BinaryField(default=bytes)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
            ],
            options={
                "indexes": [models.Index(fields=["step", "at"], name="rollup_old")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "worker_id", "step", "at", "version", "variant"), name="rollup_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Usage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("invocations", models.BigIntegerField(default=0)),
                ("requests", models.BigIntegerField(default=0)),
                ("cpu_us", models.BigIntegerField(default=0)),
                ("memory_kib_ms", models.BigIntegerField(default=0)),
                ("subrequests", models.BigIntegerField(default=0)),
                ("request_bytes", models.BigIntegerField(default=0)),
                ("response_bytes", models.BigIntegerField(default=0)),
                ("egress_bytes", models.BigIntegerField(default=0)),
                ("worker_id", models.BigIntegerField()),
                ("worker", models.CharField(max_length=100)),
                ("hour", models.BigIntegerField()),
                ("part", models.PositiveIntegerField(default=0)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant", "hour", "worker_id", "part"), name="usage_once")],
            },
        ),
    ]
