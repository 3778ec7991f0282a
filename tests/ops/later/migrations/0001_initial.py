"""Changes a table that every request's lookup reads, and keeps it locked for a while."""

from __future__ import annotations

import os
import time

from django.db import migrations


def wait(_apps, _editor):
    time.sleep(float(os.environ.get("LATER_SECONDS", "1.5")))


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]
    operations = [
        migrations.RunSQL("ALTER TABLE tenants_worker ADD COLUMN later text NULL"),
        migrations.RunPython(wait, migrations.RunPython.noop),
    ]
