"""Access: the fifth role, invitations, tokens for some workers only, revisions of what people change.

New columns are nullable or have a default in the database, so the release before this one can go on writing meanwhile.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import tenants.fields

ROLES = [("owner", "Owner"), ("admin", "Admin"), ("developer", "Developer"), ("viewer", "Viewer"), ("billing", "Billing")]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tenants", "0001_initial")]
    operations: ClassVar = [
        migrations.AddField("apitoken", "workers", tenants.fields.JSONText(blank=True, default=None, null=True)),
        migrations.AddField("membership", "revision", models.PositiveIntegerField(default=1, db_default=1)),
        migrations.AddField("tenant", "revision", models.PositiveIntegerField(default=1, db_default=1)),
        migrations.AlterField("membership", "role", models.CharField(choices=ROLES, default="developer", max_length=16)),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("role", models.CharField(choices=ROLES, max_length=16)),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "accepted_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="tenants.tenant"),
                ),
            ],
            options={"indexes": [models.Index(fields=["tenant", "-created"], name="invitation_by_tenant")]},
        ),
    ]
