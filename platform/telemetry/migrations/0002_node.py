"""Chunks say which machine they come from."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("telemetry", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="chunk",
            name="node",
            field=models.CharField(blank=True, db_default="", max_length=100),
        ),
    ]
