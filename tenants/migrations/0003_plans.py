"""Plans, overrides of limits, usage counters."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tenants", "0002_access")]
    operations: ClassVar = []
