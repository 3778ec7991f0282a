"""A version on its way: everything that is decided before its code has been tried.

Owns the path from an upload (or from the newest version) to a checked bundle. Writes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from sandbox import compatibility
from sandbox.bundle import DEFAULT_COMPATIBILITY_DATE, Bundle, Module, check_module_name
from sandbox.errors import BundleInvalid
from sandbox.limits import Limits
from tenants import bindings as environment
from tenants.errors import BindingTargetMissing, FieldInvalid
from tenants.grants import limits_under
from tenants.manifest import image_fingerprint, manifest_sha256, module_rows
from tenants.models import Namespace, Tenant, Version, Worker
from tenants.names import check_text
from tenants.services.support import worker_find
from tenants.uploads import Upload, UploadModule

# As long as the columns are.
MESSAGE_CHARACTERS, TAG_CHARACTERS = 1_000, 100
ANNOTATION_COUNT, ANNOTATION_CHARACTERS = 50, 1_000
FLAG_COUNT, FLAG_CHARACTERS = 100, 100


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that has passed every check that needs no engine."""

    tenant: Tenant
    worker_name: str
    version_id: uuid.UUID
    created: datetime
    upload: Upload
    bindings: list[environment.Binding]
    warnings: tuple[str, ...]
    module_rows: list[dict[str, Any]]
    bundle: Bundle
    limits: Limits
    sha256: str

    @property
    def code_bytes(self) -> int:
        """Bytes of all modules, source maps included."""
        return sum(int(row["size"]) for row in self.module_rows)

    @property
    def has_secrets(self) -> bool:
        """Whether the image will hold secrets."""
        return any("sealed" in binding for binding in self.bindings)

    @property
    def fingerprint(self) -> str:
        """What the image depends on beside the guest's build."""
        return image_fingerprint(
            sha256=self.sha256, bindings=self.bindings, version_id=str(self.version_id), limits=self.limits, modules=self.module_rows
        )


def draft_make(*, tenant: Tenant, worker_name: str, worker_limits: Mapping[str, Any], base: Version | None, upload: Upload) -> Draft:
    """Check an upload; raises `BundleInvalid`, `BindingInvalid` or a leaf of `FieldInvalid`."""
    resolved = environment.resolve(upload.bindings, tenant=tenant, base=base, keep=upload.keep_bindings, strict=upload.inherit_strict)
    return draft_of(tenant=tenant, worker_name=worker_name, worker_limits=worker_limits, upload=upload, resolved=resolved)


def draft_of(
    *, tenant: Tenant, worker_name: str, worker_limits: Mapping[str, Any], upload: Upload, resolved: environment.Resolved
) -> Draft:
    """The same for bindings that are in their stored shape already."""
    _check_texts(upload)
    worker = worker_find(tenant, worker_name)
    limits = limits_under(tenant, worker, worker_limits=worker_limits, version_limits=upload.limits).limits
    _check_targets(resolved.bindings, tenant, worker_name)
    version_id, created = uuid.uuid4(), timezone.now()
    date = upload.compatibility_date or DEFAULT_COMPATIBILITY_DATE
    bundle = Bundle(
        main=upload.main_module,
        modules=tuple(Module(module.name, module.kind, module.content) for module in upload.modules if module.kind is not None),
        source_maps={module.name: module.content for module in upload.modules if module.kind is None},
        env=tuple(
            environment.descriptors(
                resolved.bindings, tenant=tenant, version_id=str(version_id), tag=upload.tag, created=created.isoformat()
            )
        ),
        compatibility_date=date,
        compatibility_flags=tuple(upload.compatibility_flags),
    )
    bundle.check(limits)
    # Here and not at every start-up: a version that is there already goes on, whatever later releases know.
    compatibility.check(bundle.compatibility_flags)
    _check_source_maps(upload.modules, bundle, limits)
    rows = module_rows([(module.name, module.kind_name, module.content_type, module.content) for module in upload.modules])
    return Draft(
        tenant=tenant,
        worker_name=worker_name,
        version_id=version_id,
        created=created,
        upload=upload,
        bindings=resolved.bindings,
        warnings=resolved.warnings,
        module_rows=rows,
        bundle=bundle,
        limits=limits,
        sha256=manifest_sha256(
            main=upload.main_module, modules=rows, bindings=resolved.bindings, date=date, flags=upload.compatibility_flags
        ),
    )


def _check_texts(upload: Upload) -> None:
    check_text(upload.message, field="message", limit=MESSAGE_CHARACTERS)
    check_text(upload.tag, field="tag", limit=TAG_CHARACTERS)
    _check_annotations(upload.annotations)
    flags = upload.compatibility_flags
    if len(flags) > FLAG_COUNT or not all(isinstance(flag, str) and 0 < len(flag) <= FLAG_CHARACTERS for flag in flags):
        raise FieldInvalid(
            f"Compatibility flags must be at most {FLAG_COUNT} texts of 1 to {FLAG_CHARACTERS} characters.", field="compatibility_flags"
        )


def _check_annotations(annotations: Mapping[str, Any]) -> None:
    if len(annotations) > ANNOTATION_COUNT:
        raise FieldInvalid(f"A version may have {ANNOTATION_COUNT} annotations.", field="annotations", limit=ANNOTATION_COUNT)
    for name, value in annotations.items():
        if len(name) > ANNOTATION_CHARACTERS or not isinstance(value, str) or len(value) > ANNOTATION_CHARACTERS:
            raise FieldInvalid(f"An annotation must be a text of at most {ANNOTATION_CHARACTERS} characters.", field="annotations")


def _check_targets(bindings: Sequence[environment.Binding], tenant: Tenant, worker_name: str) -> None:
    """Bindings to workers and namespaces must lead somewhere when they are made (to the worker itself counts)."""
    services = {binding["service"] for binding in bindings if binding["type"] == "service"}
    dispatching = [binding for binding in bindings if binding["type"] == "dispatch_namespace"]
    services |= {binding["outbound"]["worker"]["service"] for binding in dispatching if "outbound" in binding}
    wanted = services - {worker_name}
    if wanted:
        found = Worker.objects.filter(tenant=tenant, namespace=None, name__in=wanted)
        if missing := wanted - set(found.values_list("name", flat=True)):
            service = min(missing)
            raise BindingTargetMissing(f"There is no worker {service!r} to bind.", field="bindings.service", service=service)
    namespaces = {binding["namespace"] for binding in dispatching}
    if namespaces:
        known = Namespace.objects.filter(tenant=tenant, name__in=namespaces)
        if missing := namespaces - set(known.values_list("name", flat=True)):
            namespace = min(missing)
            raise BindingTargetMissing(f"There is no namespace {namespace!r} to bind.", field="bindings.namespace", namespace=namespace)


def _check_source_maps(modules: Sequence[UploadModule], bundle: Bundle, limits: Limits) -> None:
    """Source maps are not part of the bundle: they obey its rules of naming and size beside it."""
    maps = [module for module in modules if module.kind is None]
    names = {module.name for module in bundle.modules}
    total = 0
    for module in maps:
        check_module_name(module.name)
        if module.name in names:
            raise BundleInvalid(f"There are two modules called {module.name!r}.", field="modules", module=module.name)
        names.add(module.name)
        total += len(module.content)
    if total > limits.code_bytes:
        raise BundleInvalid(
            f"The source maps take {total} bytes together, {limits.code_bytes} are allowed.",
            field="modules",
            limit=limits.code_bytes,
            size=total,
        )
