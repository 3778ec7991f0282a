"""Drafts: the code that a person is writing for a worker, before it is a version.

Owns what a draft may hold (bounded; it may well be wrong), its way to an upload, and that two tabs cannot overwrite each other. A worker
without a draft of the person's has one all the same: what the newest version is made of, with revision 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction

from sandbox.errors import HostelError
from tenants import blobs, selectors
from tenants.builder import BuildReport, builder
from tenants.errors import BlobMissing, ChangedMeanwhile, FieldInvalid
from tenants.models import Tenant, User, Version, Worker
from tenants.services.drafts import draft_make
from tenants.services.support import check_revision
from tenants.uploads import SOURCE_MAP, Upload, UploadModule, kind_of
from ui.models import Draft

FILES_MOST: Final = 100
# Text of all files together.
CHARACTERS_MOST: Final = 1_500_000
NAME_CHARACTERS: Final = 512
REQUEST_CHARACTERS: Final = 300_000
MAIN: Final = "worker.js"
EMPTY: Final = 'export default {\n  async fetch(request, env, ctx) {\n    return new Response("Hello from Hostel");\n  },\n};\n'
# What can be typed; the others are kept as they were uploaded.
TEXT_KINDS: Final = ("js", "json", "text")
KINDS: Final = (*TEXT_KINDS, "data", "wasm", SOURCE_MAP)
# By the end of a file's name; anything else that is typed is a text.
_BY_ENDING: Final = {"js": "js", "mjs": "js", "cjs": "js", "jsx": "js", "ts": "js", "mts": "js", "tsx": "js", "json": "json"}
_TYPES: Final = {"ts": "application/typescript", "mts": "application/typescript", "tsx": "application/typescript", "jsx": "text/jsx"}


class DraftStale(HostelError):
    """Somebody has made a newer version since this draft was begun: look at it, or deploy over it."""

    code = "draft_stale"
    status = 409
    fault = "tenant"


@dataclass(frozen=True, slots=True)
class DraftFile:
    """One file. `content` None is one that cannot be typed: `sha256` names what it was uploaded as."""

    name: str
    kind: str
    content: str | None
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft as it is shown: `revision` 0 has not been saved yet. `base` is the number of the version it was begun from, 0 for none."""

    files: Sequence[DraftFile]
    main_module: str
    base: int
    revision: int
    request: Mapping[str, Any] = field(default_factory=dict)
    modified: Any = None


def draft_get(*, tenant: Tenant, worker: Worker, user: User) -> Drafted:
    """The person's draft, else what the newest version is made of, else a first worker."""
    row = Draft.objects.filter(tenant=tenant, worker=worker, user=user).first()
    if row is not None:
        files = [DraftFile(**each) for each in row.files]
        return Drafted(files, row.main_module, row.base, row.revision, row.request or {}, row.modified)
    newest = selectors.version_latest(tenant=tenant, worker=worker)
    if newest is None:
        return Drafted([DraftFile(MAIN, "js", EMPTY, size=len(EMPTY))], MAIN, 0, 0)
    return Drafted(files_of(tenant=tenant, version=newest), newest.main_module, newest.number, 0)


def files_of(*, tenant: Tenant, version: Version) -> list[DraftFile]:
    """A version's modules as files; those that are no text, or too much of it, by their hash alone. Raises `BlobMissing`."""
    found, room = [], CHARACTERS_MOST
    hashes = {row["name"]: row["sha256"] for row in version.modules}
    for module in selectors.version_modules(tenant=tenant, version=version):
        text = _text(module) if len(module.content) <= room else None
        room -= len(text or "")
        found.append(DraftFile(module.name, module.kind_name, text, hashes.get(module.name, ""), len(module.content)))
    return found


def draft_save(
    *,
    tenant: Tenant,
    worker: Worker,
    user: User,
    files: Sequence[DraftFile],
    main_module: str,
    base: int,
    request: Mapping[str, Any] | None = None,
    expected: int | None,
) -> Draft:
    """Keep it; raises `FieldInvalid`, or `ChangedMeanwhile` unless the draft's revision is `expected` (0: there is none)."""
    check(files, main_module)
    with transaction.atomic():
        row = Draft.objects.select_for_update().filter(tenant=tenant, worker=worker, user=user).first()
        check_revision(row.revision if row is not None else 0, expected)
        if row is None:
            row = Draft(tenant=tenant, worker=worker, user=user, revision=0)
        row.revision += 1
        row.files = [_stored(each) for each in files]
        row.main_module, row.base, row.request = main_module, base, dict(request or {})
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            # Another tab was the first to save, by less than the look above.
            raise ChangedMeanwhile(revision=1) from None
    return row


def draft_discard(*, tenant: Tenant, worker: Worker, user: User) -> None:
    """Throw it away; repeatable."""
    Draft.objects.filter(tenant=tenant, worker=worker, user=user).delete()


def upload_of(*, tenant: Tenant, worker: Worker, files: Sequence[DraftFile], main_module: str, message: str = "") -> Upload:
    """The upload that makes a version of it: bindings, settings and limits as the newest version has them.

    Raises `FieldInvalid`, also for a file by its hash alone that the worker's versions have not got.
    """
    check(files, main_module)
    newest = selectors.version_latest(tenant=tenant, worker=worker)
    wanted = {each.sha256 for each in files if each.content is None}
    kept = _kept(tenant, worker, wanted) if wanted else {}
    modules = []
    for each in files:
        if each.content is not None:
            ending = each.name.rpartition(".")[2].lower()
            modules.append(UploadModule(each.name, kind_of(each.kind), each.content.encode(), _TYPES.get(ending, "")))
        elif each.sha256 in kept:
            found = kept[each.sha256]
            modules.append(UploadModule(each.name, found.kind, found.content, found.content_type))
        else:
            raise FieldInvalid(f"The file {each.name[:80]!r} is no text, and no version of this worker has it.", field="files")
    return Upload(
        main_module=main_module,
        modules=modules,
        keep_bindings=sorted({binding["type"] for binding in newest.bindings}) if newest is not None else (),
        compatibility_date=newest.compatibility_date if newest is not None else None,
        compatibility_flags=newest.compatibility_flags if newest is not None else (),
        limits=newest.limits if newest is not None else {},
        message=message,
    )


def check(files: Sequence[DraftFile], main_module: str) -> None:
    """Raise `FieldInvalid` for what is no draft at all; whether it would build is the engine's to say."""
    if not 0 < len(files) <= FILES_MOST:
        raise FieldInvalid(f"A draft must have 1 to {FILES_MOST} files.", field="files", limit=FILES_MOST)
    if sum(len(each.content or "") for each in files) > CHARACTERS_MOST:
        raise FieldInvalid(
            f"A draft may have {CHARACTERS_MOST} characters; larger workers are uploaded.", field="files", limit=CHARACTERS_MOST
        )
    names = [each.name for each in files]
    for each in files:
        if not 0 < len(each.name) <= NAME_CHARACTERS or "\0" in each.name or each.kind not in KINDS:
            raise FieldInvalid(f"A file needs a name of 1 to {NAME_CHARACTERS} characters, and a kind.", field="files", file=each.name[:80])
        if each.content is not None and (each.kind not in TEXT_KINDS or "\0" in each.content):
            raise FieldInvalid(f"{each.name[:80]!r} is no text.", field="files", file=each.name[:80])
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise FieldInvalid(f"There are two files called {twice[:80]!r}.", field="files", file=twice[:80])
    if main_module not in names:
        raise FieldInvalid(f"The main file {main_module[:80]!r} is not among the files.", field="main_module", file=main_module[:80])


def kind_by_name(name: str) -> str:
    """The kind that a file's name says: `js`, `json` or `text`."""
    return _BY_ENDING.get(name.rpartition(".")[2].lower(), "text") if "." in name else "text"


def _text(module: UploadModule) -> str | None:
    if module.kind_name not in TEXT_KINDS:
        return None
    try:
        text = module.content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _stored(each: DraftFile) -> dict[str, Any]:
    content = {"content": each.content} if each.content is not None else {"content": None, "sha256": each.sha256}
    return {"name": each.name, "kind": each.kind, "size": len(each.content) if each.content is not None else each.size, **content}


# How many versions back a file that is no text is looked for.
_VERSIONS: Final = 20


def _kept(tenant: Tenant, worker: Worker, wanted: set[str]) -> dict[str, UploadModule]:
    """Modules of the worker's newest versions by their hash."""
    found: dict[str, UploadModule] = {}
    for version in selectors.version_list(tenant=tenant, worker=worker)[:_VERSIONS]:
        rows = {row["sha256"]: row["name"] for row in version.modules if row["sha256"] in wanted and row["sha256"] not in found}
        if rows:
            try:
                modules = {module.name: module for module in selectors.version_modules(tenant=tenant, version=version)}
            except BlobMissing:
                continue
            found.update({sha256: modules[name] for sha256, name in rows.items()})
        if wanted <= found.keys():
            break
    return found


def draft_check(*, tenant: Tenant, worker: Worker, upload: Upload) -> BuildReport:
    """Build an upload and keep nothing: how it starts. Must not be called in a transaction.

    Raises what `draft_make` raises, leaves of `StartupFailed` (file, line, column), or `BuildUnavailable`.
    """
    base = selectors.version_latest(tenant=tenant, worker=worker)
    made = draft_make(tenant=tenant, worker_name=worker.qualified_name, worker_limits=worker.limits, base=base, upload=upload)
    staging = blobs.staging()
    staged = staging.put(made.bundle, made.limits)
    try:
        return builder().build(staged=staged, account_id=tenant.account_id, wait_seconds=settings.HOSTEL.upload_wait_seconds)
    finally:
        staging.discard(staged)
