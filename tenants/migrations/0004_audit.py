"""Data keys, the chain of audit events, webhooks."""

from __future__ import annotations

import secrets
import uuid
from collections import defaultdict
from typing import Any, ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import tenants.fields
from tenants import chain, datakeys


def adopt(apps: Any, _schema_editor: Any) -> None:
    """Put the events that are there into chains, as if they had been recorded so."""
    events = list(apps.get_model("tenants", "AuditEvent").objects.select_related("tenant").order_by("pk"))
    if not events:
        return
    raw, ring = secrets.token_bytes(32), settings.HOSTEL_KEYS
    row = apps.get_model("tenants", "DataKey")(scope=datakeys.PLATFORM, key_id=ring.current)
    row.sealed = ring.seal(raw, context=f"data key {row.pk} of {row.scope}")
    row.save()
    key = datakeys.OpenKey(row.pk, raw).derive("audit")
    ends: dict[str, tuple[int, str]] = defaultdict(lambda: (0, ""))
    for event in events:
        event.chain = event.tenant.account_id if event.tenant else chain.PLATFORM
        number, event.previous = ends[event.chain]
        event.number = number + 1
        fields = {name: getattr(event, name) for name in chain.FIELDS}
        event.hash = chain.event_hash(key, fields, previous=event.previous)
        event.save()
        ends[event.chain] = (event.number, event.hash)
    heads = apps.get_model("tenants", "AuditHead")
    for name, (number, last) in ends.items():
        heads.objects.create(chain=name, number=number, hash=last, seal=chain.head_seal(key, chain=name, number=number, last=last))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tenants", "0003_plans")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("chain", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("number", models.PositiveBigIntegerField(default=0)),
                ("hash", models.CharField(blank=True, max_length=64)),
                ("seal", models.CharField(blank=True, max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="DataKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("scope", models.CharField(max_length=32, unique=True)),
                ("sealed", models.CharField(max_length=200)),
                ("key_id", models.CharField(db_index=True, max_length=8)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("rotated", models.DateTimeField(blank=True, null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="data_keys",
                        to="tenants.tenant",
                    ),
                ),
            ],
        ),
        migrations.AddField("auditevent", "chain", models.CharField(default="", max_length=32), preserve_default=False),
        migrations.AddField("auditevent", "number", models.PositiveBigIntegerField(default=0), preserve_default=False),
        migrations.AddField("auditevent", "before", tenants.fields.JSONText(blank=True, null=True)),
        migrations.AddField("auditevent", "after", tenants.fields.JSONText(blank=True, null=True)),
        migrations.AddField("auditevent", "reason", models.CharField(blank=True, default="", max_length=500), preserve_default=False),
        migrations.AddField("auditevent", "via", models.CharField(blank=True, default="", max_length=10), preserve_default=False),
        migrations.AddField("auditevent", "ip", models.CharField(blank=True, default="", max_length=45), preserve_default=False),
        migrations.AddField("auditevent", "user_agent", models.CharField(blank=True, default="", max_length=300), preserve_default=False),
        migrations.AddField("auditevent", "request_id", models.CharField(blank=True, default="", max_length=64), preserve_default=False),
        migrations.AddField("auditevent", "previous", models.CharField(blank=True, default="", max_length=64), preserve_default=False),
        migrations.AddField("auditevent", "hash", models.CharField(default="", max_length=64), preserve_default=False),
        migrations.RunPython(adopt, migrations.RunPython.noop),
        migrations.AddConstraint(
            "auditevent",
            models.UniqueConstraint(fields=("chain", "number"), name="audit_number_once"),
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("url", models.CharField(max_length=2000)),
                ("description", models.CharField(blank=True, max_length=200)),
                ("events", tenants.fields.JSONText(default=list)),
                ("secret", models.TextField()),
                ("earlier_secret", models.TextField(blank=True)),
                ("earlier_until", models.DateTimeField(blank=True, null=True)),
                ("active", models.BooleanField(default=True)),
                ("disabled_reason", models.CharField(blank=True, max_length=200)),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="webhooks", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("event", models.CharField(max_length=120)),
                ("body", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("delivered", "Delivered"), ("failed", "Failed"), ("cancelled", "Cancelled")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("next_attempt", models.DateTimeField(default=django.utils.timezone.now)),
                ("log", tenants.fields.JSONText(default=list)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished", models.DateTimeField(blank=True, null=True)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
                (
                    "webhook",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="tenants.webhook"),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="webhook",
            index=models.Index(fields=["tenant", "created"], name="webhook_by_tenant"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["state", "next_attempt"], name="delivery_due"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["webhook", "-created"], name="delivery_by_webhook"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["created"], name="delivery_old"),
        ),
    ]
