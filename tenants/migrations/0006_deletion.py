"""When a tenant is to be erased."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tenants", "0005_namespaces")]
    operations: ClassVar = [
        migrations.AddField("tenant", "erase_after", models.DateTimeField(blank=True, db_index=True, null=True)),
    ]
