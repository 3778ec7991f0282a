"""A version: what one upload made, for ever."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn, Self

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models.tenant import Tenant
from tenants.models.worker import Worker


class VersionQuerySet(models.QuerySet["Version"]):
    """Rows that can be added and, with their worker, removed; never changed."""

    def update(self, **_values: Any) -> NoReturn:
        """Refuse."""
        raise TypeError("Versions are never changed: make a new one.")

    def bulk_update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse."""
        raise TypeError("Versions are never changed: make a new one.")


class Version(models.Model):
    """Immutable code and settings of a worker. Modules are in the blob store by their SHA-256; secrets are sealed inside `bindings`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="versions")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    # 1, 2, 3, … within the worker.
    number = models.PositiveIntegerField()
    main_module = models.CharField(max_length=512)
    # [{"name", "kind": "js|text|data|json|wasm|source_map", "content_type", "sha256", "size"}], in the order uploaded.
    modules = JSONText()
    # Of all modules together, source maps included.
    code_bytes = models.PositiveBigIntegerField(default=0, db_default=0)
    # Binding descriptors (docs/protocol.md, LOAD), each secret as {"type": "secret_text", "name", "sealed"}.
    bindings = JSONText(default=list)
    compatibility_date = models.CharField(max_length=10)
    compatibility_flags = JSONText(default=list)
    limits = JSONText(default=dict)
    # E-mail address, or the token's or program's name.
    author = models.CharField(max_length=254, blank=True)
    # Which client: "wrangler", "alchemy", "api", "ui", …
    source = models.CharField(max_length=32, blank=True)
    message = models.CharField(max_length=1000, blank=True)
    tag = models.CharField(max_length=100, blank=True)
    annotations = JSONText(default=dict)
    # Of the canonical manifest (tenants.manifest): equal for equal content.
    sha256 = models.CharField(max_length=64, db_index=True)
    # What start-up found: handlers of the default export, and of each named entrypoint.
    handlers = JSONText(default=list)
    entrypoints = JSONText(default=dict)
    startup_cpu_us = models.PositiveIntegerField(default=0)
    warnings = JSONText(default=list)
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = VersionQuerySet.as_manager()

    class Meta:
        """Numbers are unique within the worker."""

        constraints = (models.UniqueConstraint(fields=["worker", "number"], name="version_number_once"),)

    def __str__(self) -> str:
        """Worker's row and number."""
        return f"{self.worker_id} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; a row that exists cannot be changed."""
        if not self._state.adding:
            raise TypeError("Versions are never changed: make a new one.")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: a version goes with its worker only."""
        raise TypeError("Versions are never deleted: delete the worker.")

    @property
    def has_secrets(self) -> bool:
        """Whether any binding is sealed."""
        return any("sealed" in binding for binding in self.bindings)

    @property
    def startup_time_ms(self) -> int:
        """CPU time of the top level, rounded up to whole milliseconds."""
        return -(-self.startup_cpu_us // 1000)

    def same_as(self, other: Self) -> bool:
        """Whether both have the same content (not the same id, author or message)."""
        return self.sha256 == other.sha256


class VersionImage(models.Model):
    """A snapshot of a version's start-up for one build of the guest; a cache that can be made again from the modules."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="images")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    guest_build = models.CharField(max_length=64)
    # Of everything the image depends on (tenants.manifest.image_fingerprint): equal ones are shared within a tenant.
    fingerprint = models.CharField(max_length=64)
    blob_sha256 = models.CharField(max_length=64)
    # Bytes as stored.
    size = models.PositiveBigIntegerField()
    # Sealed because the version has secrets, which start-up has copied into the image.
    encrypted = models.BooleanField()
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """One for a version and a guest build."""

        constraints = (models.UniqueConstraint(fields=["version", "guest_build"], name="image_once"),)
        indexes = (
            models.Index(fields=["tenant", "fingerprint"], name="image_by_fingerprint"),
            models.Index(fields=["blob_sha256"], name="image_by_blob"),
        )

    def __str__(self) -> str:
        """Version and build."""
        return f"{self.version_id} for {self.guest_build[:8]}"
