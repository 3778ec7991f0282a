"""Dispatch namespaces and environments."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tenants", "0004_audit")]
    operations: ClassVar = []
