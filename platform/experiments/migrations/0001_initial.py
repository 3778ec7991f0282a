"""Version flags, experiments, and what is counted for them."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import tenants.fields
import tenants.models.tenant


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0006_deletion"),
    ]

    operations = [
        migrations.CreateModel(
            name="Experiment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.CharField(default=tenants.models.tenant.new_hex, editable=False, max_length=32, unique=True)),
                ("key", models.CharField(max_length=63)),
                ("description", models.CharField(blank=True, max_length=1000)),
                ("environment", models.CharField(max_length=63)),
                ("flag", models.CharField(max_length=128)),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("running", "Running"), ("stopped", "Stopped")], default="draft", max_length=16
                    ),
                ),
                ("control", models.CharField(max_length=128)),
                ("shares", tenants.fields.JSONText(default=dict)),
                ("metrics", tenants.fields.JSONText(default=list)),
                ("alpha", models.FloatField(default=0.05)),
                ("on_breach", models.CharField(default="tell", max_length=16)),
                ("author", models.CharField(blank=True, max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("modified", models.DateTimeField(default=django.utils.timezone.now)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("stopped_at", models.DateTimeField(blank=True, null=True)),
                ("outcome", models.CharField(blank=True, max_length=1000)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("participants", models.BigIntegerField(default=0)),
                ("turned_away", models.BigIntegerField(default=0)),
                ("analysis", tenants.fields.JSONText(blank=True, null=True)),
                ("analysed_at", models.DateTimeField(blank=True, null=True)),
                ("told", tenants.fields.JSONText(default=list)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.CharField(max_length=24)),
                ("event", models.CharField(max_length=100)),
                ("at_ms", models.BigIntegerField()),
                ("value", models.FloatField(null=True)),
                ("sent_id", models.CharField(max_length=64, null=True)),
                ("counted", models.BooleanField(default=False)),
                ("stored", models.BigIntegerField()),
                (
                    "experiment",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="experiments.experiment"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FlagCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("environment", models.CharField(max_length=63)),
                ("flag", models.CharField(max_length=128)),
                ("variant", models.CharField(blank=True, max_length=128)),
                ("hour", models.BigIntegerField()),
                ("count", models.BigIntegerField(default=0)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="Participant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.CharField(max_length=24)),
                ("variant", models.CharField(max_length=128)),
                ("first_ms", models.BigIntegerField()),
                ("crossed", models.BooleanField(default=False)),
                ("requests", models.BigIntegerField(default=0)),
                ("errors", models.BigIntegerField(default=0)),
                ("cpu_us", models.BigIntegerField(default=0)),
                ("wall_us", models.BigIntegerField(default=0)),
                (
                    "experiment",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="experiments.experiment"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Conversion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event", models.CharField(max_length=100)),
                ("count", models.BigIntegerField(default=0)),
                ("total", models.FloatField(default=0.0)),
                (
                    "participant",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="experiments.participant"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="VersionFlag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("environment", models.CharField(max_length=63)),
                ("flag", models.CharField(max_length=128)),
                ("targeting", tenants.fields.JSONText(default=list)),
                ("author", models.CharField(blank=True, max_length=254)),
                ("modified", models.DateTimeField(default=django.utils.timezone.now)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
                (
                    "worker",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="version_flag", to="tenants.worker"),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="experiment",
            index=models.Index(fields=["status", "tenant"], name="experiment_running"),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.UniqueConstraint(fields=("tenant", "key"), name="experiment_key_once"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["experiment", "counted", "id"], name="event_waiting"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["stored"], name="event_old"),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(fields=("experiment", "sent_id"), name="event_once"),
        ),
        migrations.AddIndex(
            model_name="flagcount",
            index=models.Index(fields=["hour"], name="flag_count_old"),
        ),
        migrations.AddConstraint(
            model_name="flagcount",
            constraint=models.UniqueConstraint(fields=("tenant", "environment", "flag", "variant", "hour"), name="flag_count_once"),
        ),
        migrations.AddConstraint(
            model_name="participant",
            constraint=models.UniqueConstraint(fields=("experiment", "subject"), name="participant_once"),
        ),
        migrations.AddConstraint(
            model_name="conversion",
            constraint=models.UniqueConstraint(fields=("participant", "event"), name="conversion_once"),
        ),
    ]
