"""The tables as they were first made."""

import django.utils.timezone
from django.db import migrations, models
from django.db.models import CASCADE

import flags.models
import tenants.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0006_deletion"),
    ]

    operations = [
        migrations.CreateModel(
            name="Flag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=128)),
                ("type", models.CharField(max_length=10)),
                ("description", models.CharField(blank=True, max_length=500)),
                ("variants", tenants.fields.JSONText(default=dict)),
                ("salt", models.CharField(default=flags.models.new_salt, editable=False, max_length=32)),
                ("public", models.BooleanField(default=False)),
                ("permanent", models.BooleanField(default=False)),
                ("revision", models.PositiveBigIntegerField(default=1)),
                ("author", models.CharField(blank=True, max_length=254)),
                ("editor", models.CharField(blank=True, max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("modified", models.DateTimeField(default=django.utils.timezone.now)),
                ("tenant", models.ForeignKey(on_delete=CASCADE, related_name="flags", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="FlagEnvironment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=63)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("ruleset", models.TextField()),
                ("revision", models.PositiveBigIntegerField(default=0)),
                ("mark", models.CharField(default=flags.models.new_salt, editable=False, max_length=32)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "tenant",
                    models.ForeignKey(on_delete=CASCADE, related_name="flag_environments", to="tenants.tenant"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FlagLayer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=128)),
                ("description", models.CharField(blank=True, max_length=500)),
                ("salt", models.CharField(default=flags.models.new_salt, editable=False, max_length=32)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("tenant", models.ForeignKey(on_delete=CASCADE, related_name="flag_layers", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="FlagRevision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("environment", models.CharField(blank=True, max_length=63)),
                ("action", models.CharField(max_length=60)),
                ("before", tenants.fields.JSONText(null=True)),
                ("after", tenants.fields.JSONText(null=True)),
                ("author", models.CharField(blank=True, max_length=254)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("flag", models.ForeignKey(on_delete=CASCADE, related_name="revisions", to="flags.flag")),
                ("tenant", models.ForeignKey(on_delete=CASCADE, related_name="+", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="FlagSegment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=128)),
                ("description", models.CharField(blank=True, max_length=500)),
                ("when", tenants.fields.JSONText(default=dict)),
                ("salt", models.CharField(default=flags.models.new_salt, editable=False, max_length=32)),
                ("revision", models.PositiveBigIntegerField(default=1)),
                ("editor", models.CharField(blank=True, max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("modified", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "tenant",
                    models.ForeignKey(on_delete=CASCADE, related_name="flag_segments", to="tenants.tenant"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FlagState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("enabled", models.BooleanField(default=False)),
                ("killed", models.BooleanField(default=False)),
                ("document", tenants.fields.JSONText(default=dict)),
                ("revision", models.PositiveBigIntegerField(default=1)),
                ("editor", models.CharField(blank=True, max_length=254)),
                ("modified", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "environment",
                    models.ForeignKey(on_delete=CASCADE, related_name="states", to="flags.flagenvironment"),
                ),
                ("flag", models.ForeignKey(on_delete=CASCADE, related_name="states", to="flags.flag")),
                ("tenant", models.ForeignKey(on_delete=CASCADE, related_name="+", to="tenants.tenant")),
            ],
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.UniqueConstraint(fields=("tenant", "key"), name="flag_key_once"),
        ),
        migrations.AddConstraint(
            model_name="flagenvironment",
            constraint=models.UniqueConstraint(fields=("tenant", "name"), name="flag_environment_once"),
        ),
        migrations.AddConstraint(
            model_name="flaglayer",
            constraint=models.UniqueConstraint(fields=("tenant", "key"), name="flag_layer_once"),
        ),
        migrations.AddConstraint(
            model_name="flagrevision",
            constraint=models.UniqueConstraint(fields=("flag", "number"), name="flag_revision_once"),
        ),
        migrations.AddConstraint(
            model_name="flagsegment",
            constraint=models.UniqueConstraint(fields=("tenant", "key"), name="flag_segment_once"),
        ),
        migrations.AddConstraint(
            model_name="flagstate",
            constraint=models.UniqueConstraint(fields=("flag", "environment"), name="flag_state_once"),
        ),
    ]
