"""Drafts: what people type in the editor before it is a version."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0006_deletion"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("revision", models.PositiveIntegerField(default=1)),
                ("base", models.PositiveIntegerField(default=0)),
                ("main_module", models.CharField(max_length=512)),
                ("files", tenants.fields.JSONText()),
                ("request", tenants.fields.JSONText(default=dict)),
                ("modified", models.DateTimeField(auto_now=True)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("worker", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.worker")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("worker", "user"), name="draft_once")],
            },
        ),
    ]
