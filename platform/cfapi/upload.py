"""Makes sense of an upload's parts: which one is the metadata, which are modules, and of what kind.

Owns the dialects of the clients; must not judge the metadata (metadata.py does) nor the code (the sandbox does).

    wrangler             `metadata` a plain field; one part per module, part name = module name (`sub/deep/b.bin`, `./<sha1>-a.txt`)
    Alchemy on bun       `metadata` with filename="" and application/json
    Alchemy on node      `metadata` with filename="blob" and application/json
    SDK, PyPI            `metadata` as JSON, modules as `files`, file name = module name
    SDK, npm             `metadata[bindings][][type]` fields, modules as `files[]`, under Content-Type: application/javascript
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfapi.brackets import nested
from cfapi.errors import (
    CommonJsUnsupported,
    MetadataInvalid,
    MetadataMissing,
    ModuleDuplicate,
    ModuleNameInvalid,
    ModuleTypeUnknown,
    PythonUnsupported,
    ServiceWorkerUnsupported,
)
from cfapi.jsonbody import parse_json
from cfapi.multipart import SETTINGS_PARTS, Part
from sandbox.bundle import ModuleKind, check_module_name
from sandbox.errors import BundleInvalid
from sandbox.languages import LANGUAGES, language
from tenants.uploads import UploadModule

# What TypeScript and JSX are sent as; the module's name says which of them it is.
TYPESCRIPT_TYPES = ("application/typescript", "application/typescript+module", "text/typescript", "text/jsx", "text/tsx")
# Content type of a part -> what importing it gives (workers-sdk, create-worker-upload-form). None: a source map, kept and not run.
MODULE_KINDS: Mapping[str, ModuleKind | None] = {
    "application/javascript+module": ModuleKind.JS,
    "text/javascript+module": ModuleKind.JS,
    # Hostel's own: types are taken away at publish.
    **dict.fromkeys(TYPESCRIPT_TYPES, ModuleKind.JS),
    "application/wasm": ModuleKind.WASM,
    "application/json": ModuleKind.JSON,
    "application/octet-stream": ModuleKind.DATA,
    "text/plain": ModuleKind.TEXT,
    "application/source-map": None,
}
_COMMONJS = frozenset({"application/javascript", "text/javascript", "application/javascript+commonjs"})
_PYTHON = frozenset({"text/x-python", "text/x-python-requirement"})
_FILES = re.compile(r"files(\[\d*\])?")


@dataclass(frozen=True, slots=True)
class ReadUpload:
    """The metadata as it was sent (a JSON object), and the modules in the order of the body."""

    metadata: Mapping[str, Any]
    modules: Sequence[UploadModule]


def read_upload(parts: Sequence[Part]) -> ReadUpload:
    """Sort the parts. Raises leaves of `UploadInvalid` that name the field or the module."""
    metadata = read_settings(parts, "metadata")
    if "body_part" in metadata:
        raise ServiceWorkerUnsupported(field="metadata.body_part")
    modules = [_module(part) for part in parts if part.name.partition("[")[0] not in SETTINGS_PARTS]
    return ReadUpload(metadata, checked_names(modules))


def checked_names(modules: Sequence[UploadModule]) -> Sequence[UploadModule]:
    """`modules` itself, if their names are allowed and tell them apart. Raises ModuleNameInvalid, ModuleDuplicate."""
    seen: set[str] = set()
    for module in modules:
        try:
            check_module_name(module.name)
        except BundleInvalid as error:
            raise ModuleNameInvalid(error.message, **error.detail) from None
        # An import cannot tell `./a.js` and `a.js` apart, so neither may a bundle.
        key = posixpath.normpath(module.name)
        if key in seen:
            raise ModuleDuplicate(f"There are two modules called {key!r}.", field="modules", module=key)
        seen.add(key)
    return modules


def read_settings(parts: Sequence[Part], name: str) -> Mapping[str, Any]:
    """The JSON object in the part `name`, or in fields `name[…][…]`. Raises MetadataMissing, MetadataInvalid."""
    whole = [part for part in parts if part.name == name]
    fields = [part for part in parts if part.name.startswith(f"{name}[")]
    if not whole and not fields:
        raise MetadataMissing(f"The upload has no part called {name!r}.", field=name)
    if len(whole) > 1 or (whole and fields):
        raise MetadataInvalid(f"The upload has more than one {name}.", field=name)
    value = nested(fields, name) if fields else parse_json(whole[0].content, error=MetadataInvalid, field=name)
    if not isinstance(value, dict):
        raise MetadataInvalid(f"The {name} must be a JSON object.", field=name)
    return value


def _module(part: Part) -> UploadModule:
    name = (part.filename or "") if _FILES.fullmatch(part.name) else part.name
    return UploadModule(name=name, kind=module_kind(part.content_type, name), content=part.content, content_type=part.content_type)


def module_kind(content_type: str, name: str) -> ModuleKind | None:
    """What a module of this content type is; None for a source map. Raises ModuleTypeUnknown and the not-supported errors."""
    shown = name[:80]
    if content_type in TYPESCRIPT_TYPES and not language(name):
        endings = ", ".join(sorted(LANGUAGES))
        raise ModuleTypeUnknown(
            f"The module {shown!r} is sent as {content_type}, so its name must end in one of {endings}.",
            field="modules.name",
            module=shown,
            content_type=content_type,
        )
    if content_type in MODULE_KINDS:
        return MODULE_KINDS[content_type]
    if content_type in _COMMONJS:
        raise CommonJsUnsupported(field="modules.type", module=shown, content_type=content_type)
    if content_type in _PYTHON:
        raise PythonUnsupported(field="modules.type", module=shown, content_type=content_type)
    known = ", ".join(sorted(MODULE_KINDS))
    raise ModuleTypeUnknown(
        f"The module {shown!r} has the content type {content_type[:80]!r}; known are {known}.",
        field="modules.type",
        module=shown,
        content_type=content_type[:80],
    )
