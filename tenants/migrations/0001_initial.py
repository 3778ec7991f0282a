"""The tables as they were first made."""

import uuid

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import tenants.fields
import tenants.models.tenant


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="RateCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=200, unique=True)),
                ("count", models.PositiveIntegerField()),
                ("expires_at", models.FloatField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="Tenant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.CharField(max_length=63, unique=True)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("account_id", models.CharField(default=tenants.models.tenant.new_hex, max_length=32, unique=True)),
                ("limits", tenants.fields.JSONText(blank=True, default=dict)),
                ("suspended_at", models.DateTimeField(blank=True, null=True)),
                ("suspended_reason", models.CharField(blank=True, max_length=500)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("email", models.EmailField(max_length=254, unique=True)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("is_staff", models.BooleanField(default=False)),
                ("is_active", models.BooleanField(default=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ConfigEpoch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="epoch_is_one_row")],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("owner", "Owner"), ("admin", "Admin"), ("developer", "Developer"), ("viewer", "Viewer")],
                        default="developer",
                        max_length=16,
                    ),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "user",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to=settings.AUTH_USER_MODEL),
                ),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="Deployment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("strategy", models.CharField(default="percentage", max_length=16)),
                ("author", models.CharField(blank=True, max_length=254)),
                ("source", models.CharField(blank=True, max_length=32)),
                ("message", models.CharField(blank=True, max_length=1000)),
                ("annotations", tenants.fields.JSONText(default=dict)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(max_length=80)),
                ("actor_email", models.CharField(blank=True, max_length=254)),
                ("action", models.CharField(max_length=60)),
                ("target", models.CharField(blank=True, max_length=200)),
                ("data", tenants.fields.JSONText(default=dict)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "tenant",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="audit_events", to="tenants.tenant"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200)),
                ("prefix", models.CharField(max_length=16)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("scopes", tenants.fields.JSONText(default=list)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="tokens", to="tenants.tenant"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Version",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("main_module", models.CharField(max_length=512)),
                ("modules", tenants.fields.JSONText()),
                ("bindings", tenants.fields.JSONText(default=list)),
                ("compatibility_date", models.CharField(max_length=10)),
                ("compatibility_flags", tenants.fields.JSONText(default=list)),
                ("limits", tenants.fields.JSONText(default=dict)),
                ("author", models.CharField(blank=True, max_length=254)),
                ("source", models.CharField(blank=True, max_length=32)),
                ("message", models.CharField(blank=True, max_length=1000)),
                ("tag", models.CharField(blank=True, max_length=100)),
                ("annotations", tenants.fields.JSONText(default=dict)),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("handlers", tenants.fields.JSONText(default=list)),
                ("entrypoints", tenants.fields.JSONText(default=dict)),
                ("startup_cpu_us", models.PositiveIntegerField(default=0)),
                ("warnings", tenants.fields.JSONText(default=list)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
            ],
        ),
        migrations.CreateModel(
            name="DeploymentVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("weight", models.PositiveIntegerField()),
                (
                    "deployment",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="entries", to="tenants.deployment"),
                ),
                ("version", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.version")),
            ],
        ),
        migrations.CreateModel(
            name="VersionImage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("guest_build", models.CharField(max_length=64)),
                ("fingerprint", models.CharField(max_length=64)),
                ("blob_sha256", models.CharField(max_length=64)),
                ("size", models.PositiveBigIntegerField()),
                ("encrypted", models.BooleanField()),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant")),
                ("version", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="images", to="tenants.version")),
            ],
        ),
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=63)),
                ("tag", models.CharField(default=tenants.models.tenant.new_hex, editable=False, max_length=32, unique=True)),
                ("tags", tenants.fields.JSONText(blank=True, default=list)),
                ("limits", tenants.fields.JSONText(blank=True, default=dict)),
                ("mode", models.CharField(choices=[("reuse", "Reuse"), ("fresh", "Fresh")], default="reuse", max_length=8)),
                ("subdomain_enabled", models.BooleanField(default=True)),
                ("previews_enabled", models.BooleanField(default=False)),
                ("observability", tenants.fields.JSONText(blank=True, default=dict)),
                ("logpush", models.BooleanField(default=False)),
                ("tail_consumers", tenants.fields.JSONText(blank=True, default=list)),
                ("migration_tag", models.CharField(blank=True, max_length=200)),
                ("last_deployed_from", models.CharField(blank=True, max_length=32)),
                ("last_version_number", models.PositiveIntegerField(default=0)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("modified", models.DateTimeField(default=django.utils.timezone.now)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="workers", to="tenants.tenant")),
            ],
        ),
        migrations.AddField(
            model_name="version",
            name="worker",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="tenants.worker"),
        ),
        migrations.CreateModel(
            name="Domain",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("hostname", models.CharField(max_length=253, unique=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="domains", to="tenants.tenant")),
                ("worker", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="domains", to="tenants.worker")),
            ],
        ),
        migrations.AddField(
            model_name="deployment",
            name="worker",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="deployments", to="tenants.worker"),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower("email"), name="user_email_once"),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(fields=("tenant", "user"), name="membership_once"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["tenant", "-id"], name="audit_by_tenant"),
        ),
        migrations.AddConstraint(
            model_name="deploymentversion",
            constraint=models.UniqueConstraint(fields=("deployment", "version"), name="deployment_version_once"),
        ),
        migrations.AddConstraint(
            model_name="deploymentversion",
            constraint=models.CheckConstraint(condition=models.Q(("weight__lte", 10000)), name="deployment_weight_at_most_whole"),
        ),
        migrations.AddIndex(
            model_name="versionimage",
            index=models.Index(fields=["tenant", "fingerprint"], name="image_by_fingerprint"),
        ),
        migrations.AddIndex(
            model_name="versionimage",
            index=models.Index(fields=["blob_sha256"], name="image_by_blob"),
        ),
        migrations.AddConstraint(
            model_name="versionimage",
            constraint=models.UniqueConstraint(fields=("version", "guest_build"), name="image_once"),
        ),
        migrations.AddConstraint(
            model_name="worker",
            constraint=models.UniqueConstraint(fields=("tenant", "name"), name="worker_name_once"),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.UniqueConstraint(fields=("worker", "number"), name="version_number_once"),
        ),
        migrations.AddIndex(
            model_name="deployment",
            index=models.Index(fields=["worker", "-id"], name="deployment_newest"),
        ),
    ]
