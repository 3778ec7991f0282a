"""`hostel version …`: versions of a worker, compared, tried, restored, gone back from.

Owns the reading of a version's number or id, and how these are shown. What they do is the services'.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any
from uuid import UUID

from ops.cli import Outcome, facts, table
from ops.commands.support import moment, operator
from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.models import Tenant, Version, Worker
from tenants.services import RunRequest

SOURCE = "cli"
_COLUMNS = ("number", "id", "live", "kept", "tag", "message", "author", "created")


def show_all(options: Namespace) -> Outcome:
    """The worker's newest versions, what each serves and why it must stay."""
    tenant, worker = _worker(options)
    live = selectors.deployment_live(tenant=tenant, worker=worker)
    shares = {entry.version_id: entry.weight / 100 for entry in live.entries.all()} if live is not None else {}
    needed = selectors.versions_needed(tenant=tenant, worker=worker)
    rows = [
        {
            "number": version.number,
            "id": str(version.pk),
            "live": f"{shares[version.pk]:g} %" if version.pk in shares else None,
            "kept": needed.get(str(version.pk)),
            "tag": version.tag or None,
            "message": version.message or None,
            "author": version.author or None,
            "created": moment(version.created),
        }
        for version in selectors.version_list(tenant=tenant, worker=worker)[: options.most]
    ]
    return Outcome(rows, table(rows, _COLUMNS))


def diff(options: Namespace) -> Outcome:
    """What the second version has otherwise than the first."""
    tenant, worker = _worker(options)
    before, after = (_version(tenant, worker, name) for name in (options.before, options.after))
    found = selectors.version_diff(tenant=tenant, worker=worker, before=before.pk, after=after.pk)
    pairs = [(name, found[name]) for name in ("compatibility_date", "compatibility_flags", "main_module")]
    lines = [f"{name}: {pair['before']} -> {pair['after']}" for name, pair in pairs if pair["changed"]]
    lines += [f"binding {one['name']} ({one['type']}): {one['change']}" for one in found["bindings"]]
    lines += [f"limit {one['name']}: {one['before']} -> {one['after']}" for one in found["limits"]]
    for file in found["files"]:
        lines += [f"--- {file['name']}", f"+++ {file['name']}", *([f"({file['note']})"] if file["note"] else [])]
        for hunk in file["hunks"]:
            places = f"-{hunk['before_start']},{hunk['before_lines']} +{hunk['after_start']},{hunk['after_lines']}"
            lines += [f"@@ {places} @@", *hunk["lines"]]
    return Outcome(found, lines or ["They are the same."])


def run(options: Namespace) -> Outcome:
    """Send one request to a version and show everything that was seen; exit code 1 where the worker has not answered."""
    tenant, worker = _worker(options)
    version = _version(tenant, worker, options.version).pk if options.version else None
    headers = [_header(text) for text in options.header or ()]
    request = RunRequest(method=options.method, url=options.url, headers=headers, body=options.body.encode())
    done = services.worker_run(tenant=tenant, worker_name=worker.qualified_name, request=request, version_id=version, actor=operator())
    ran = done.ran
    data = {
        "version": done.version.number if done.version is not None else None,
        "outcome": ran.outcome,
        "status": ran.response.status if ran.response is not None else None,
        "cpu_us": ran.cpu_us,
        "wall_us": ran.wall_us,
        "memory_bytes": ran.memory_bytes,
        "error": ran.error,
        "body": ran.response.body if ran.response is not None else None,
        "logs": [f"{line.level}: {line.message}" for line in ran.logs],
        "calls": [f"{call.method} {call.url} {call.status or call.error} {call.wall_ms:.0f} ms" for call in ran.calls],
    }
    shown = {name: value for name, value in data.items() if name not in {"body", "logs", "calls"} and value is not None}
    lines = [*facts(shown), *data["logs"], *data["calls"], "", data["body"] or ""]  # type: ignore[misc]
    return Outcome(data, lines, code=int(ran.response is None))


def test(options: Namespace) -> Outcome:
    """Run the worker's request tests; exit code 1 where one fails."""
    tenant, worker = _worker(options)
    version = _version(tenant, worker, options.version).pk if options.version else None
    made = services.request_tests_run(tenant=tenant, worker_name=worker.qualified_name, version_id=version, actor=operator())
    data = {"version": made.version.number, "total": made.total, "failed": made.failed, "results": made.results}
    lines = []
    for result in made.results:
        lines.append(f"{'ok    ' if result['passed'] else 'FAILED'} {result['name']}")
        lines += [f"       {problem}" for problem in result["problems"]]
    lines.append(f"{made.total - made.failed} of {made.total} passed for version {made.version.number}.")
    return Outcome(data, lines, code=int(not made.passed))


def restore(options: Namespace) -> Outcome:
    """Make a new version of what an earlier one was."""
    tenant, worker = _worker(options)
    made = services.version_restore(
        tenant=tenant,
        worker_name=worker.qualified_name,
        version_id=_version(tenant, worker, options.version).pk,
        secrets="original" if options.original_secrets else "current",
        deploy=options.deploy,
        actor=operator(),
        source=SOURCE,
    )
    data = {"number": made.version.number, "id": str(made.version.pk), "deployed": made.deployment is not None}
    return Outcome(data, facts(data))


def rollback(options: Namespace) -> Outcome:
    """Deploy again what an earlier deployment had, or say what that would be."""
    tenant, worker = _worker(options)
    name, to = worker.qualified_name, _id(options.to) if options.to else None
    if options.preview:
        preview, made = selectors.rollback_target(tenant=tenant, worker_name=name, deployment_id=to), None
    else:
        made, preview = services.deployment_rollback(
            tenant=tenant, worker_name=name, deployment_id=to, reason=options.reason, actor=operator(), source=SOURCE
        )
    shares = {str(entry.version.number): f"{entry.weight / 100:g} %" for entry in preview.target.entries.all()}
    data = {
        "to": str(preview.target.uuid),
        "deployment": str(made.uuid) if made is not None else None,
        "versions": shares,
        "warnings": [asdict(warned) for warned in preview.warnings],
    }
    said = [f"version {number}: {share}" for number, share in shares.items()]
    head = f"Would go back to {preview.target.uuid}." if made is None else f"Went back to {preview.target.uuid}."
    return Outcome(data, [head, *said, *(f"warning: {warned.message}" for warned in preview.warnings)])


def pin(options: Namespace) -> Outcome:
    """Keep a version whatever the policy says, or let it go again."""
    tenant, worker = _worker(options)
    version = _version(tenant, worker, options.version)
    names: dict[str, Any] = {"tenant": tenant, "worker_name": worker.qualified_name, "version_id": version.pk, "actor": operator()}
    if options.undo:
        services.version_unpin(**names)
    else:
        services.version_pin(**names, reason=options.reason)
    data = {"number": version.number, "pinned": not options.undo}
    return Outcome(data, facts(data))


def prune(options: Namespace) -> Outcome:
    """Remove what the policies of all workers let go, now; or show what one worker's policy would."""
    if options.worker:
        tenant = selectors.tenant_named(name=options.tenant or "")
        row = selectors.worker_get(tenant=tenant, name=options.worker)
        numbers = [version.number for version in selectors.versions_expendable(tenant=tenant, worker=row)]
        return Outcome({"would_remove": numbers}, [f"Would remove: {', '.join(map(str, numbers)) or 'nothing'}."])
    removed = services.versions_prune()
    return Outcome({"removed": removed}, [f"Removed {removed} versions."])


def _worker(options: Namespace) -> tuple[Tenant, Worker]:
    tenant = selectors.tenant_named(name=options.tenant)
    return tenant, selectors.worker_get(tenant=tenant, name=options.worker)


def _version(tenant: Tenant, worker: Worker, name: str) -> Version:
    if name.isdecimal():
        return selectors.version_numbered(tenant=tenant, worker=worker, number=min(int(name), 2**31 - 1))
    return selectors.version_get(tenant=tenant, worker=worker, version_id=name)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise FieldInvalid("A deployment's id is a UUID.", field="--to") from None


def _header(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":")
    if not separator:
        raise FieldInvalid("A header is written as 'Name: value'.", field="--header")
    return name.strip(), value.strip()
