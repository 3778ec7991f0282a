"""What the services of flags share: finding rows, checking a flag as the engine will, storing it, noting the change.

Owns these steps only. The tenant is locked by whoever calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Max, QuerySet

from flags.documents import Document, flag_document
from flags.errors import FlagEnvironmentNotFound, FlagInvalid, FlagNotFound
from flags.evaluation.flag import compile_flag
from flags.evaluation.limits import PREREQUISITE_CHAIN, PREREQUISITES_IN_ALL
from flags.models import AUTHOR_CHARACTERS, REASON_CHARACTERS, Flag, FlagEnvironment, FlagRevision, FlagState
from tenants.actor import Actor
from tenants.models import Tenant
from tenants.names import check_text

KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DESCRIPTION_CHARACTERS = 500
# Revisions of a flag that are kept; the audit log keeps all.
REVISIONS = 200


def check_key(key: str) -> str:
    """`key` itself; raises `FlagInvalid`."""
    if not KEY.fullmatch(key):
        raise FlagInvalid("A key has 1 to 128 letters, digits, dots, hyphens and underscores.", field="key", limit=128)
    return key


def check_description(text: str) -> str:
    """`text` itself; raises `FieldInvalid`."""
    return check_text(text, field="description", limit=DESCRIPTION_CHARACTERS)


def check_reason(text: str) -> str:
    """`text` itself; raises `FieldInvalid`."""
    return check_text(text, field="reason", limit=REASON_CHARACTERS)


def flag_of(tenant: Tenant, key: str) -> Flag:
    """The tenant's flag. Raises `FlagNotFound`."""
    flag = Flag.objects.filter(tenant=tenant, key=key).first() if KEY.fullmatch(key) else None
    if flag is None:
        raise FlagNotFound
    return flag


def environment_of(tenant: Tenant, name: str) -> FlagEnvironment:
    """The tenant's environment. Raises `FlagEnvironmentNotFound`."""
    found = FlagEnvironment.objects.filter(tenant=tenant, name=name).first() if len(name) <= 63 and "\0" not in name else None  # noqa: PLR2004
    if found is None:
        raise FlagEnvironmentNotFound(f"There is no environment {name[:63]!r}.")
    return found


def check_flag(document: Document, key: str, flag: Mapping[str, Any]) -> None:
    """Raise `FlagInvalid` unless the engine takes the flag in that ruleset, prerequisites included."""
    compiled = compile_flag(flag, segment=document.segment(), layer=document.layer, ask=lambda *_: None, key=key)
    # This one first: a new circle leads through it.
    asked = {key: [name for name, _ in compiled.prerequisites]}
    asked |= {found: prerequisites_of(other) for found, other in document.naming('"prerequisites":[{') if found != key}
    for number, (name, variants) in enumerate(compiled.prerequisites):
        other = document.flag(name)
        if other is None:
            raise FlagInvalid(f"There is no flag {name[:60]!r}.", field=f"prerequisites[{number}].flag")
        if unknown := sorted(variants - set(other["variants"])):
            raise FlagInvalid(f"{name!r} has no variant {unknown[0][:60]!r}.", field=f"prerequisites[{number}].variants")
    check_chains(asked)


def prerequisites_of(flag: Mapping[str, Any]) -> list[str]:
    """The flags that a flag's document asks for."""
    return [str(one["flag"]) for one in flag.get("prerequisites", ())]


def check_chains(asked: Mapping[str, list[str]]) -> None:
    """Raise `FlagInvalid` for a circle, a chain that is too long, or one that gathers too many flags."""
    for start in asked:
        seen: set[str] = set()
        level, depth = set(asked[start]), 0
        while level:
            depth += 1
            if start in level:
                raise FlagInvalid(f"The flag {start!r} would be its own prerequisite.", field="prerequisites")
            if depth > PREREQUISITE_CHAIN:
                raise FlagInvalid(
                    f"Prerequisites may be {PREREQUISITE_CHAIN} flags long ({start!r}).", field="prerequisites", limit=PREREQUISITE_CHAIN
                )
            seen |= level
            if len(seen) > PREREQUISITES_IN_ALL:
                raise FlagInvalid(
                    f"A flag may rest on {PREREQUISITES_IN_ALL} others ({start!r}).", field="prerequisites", limit=PREREQUISITES_IN_ALL
                )
            level = {name for each in level for name in asked.get(each, ())}


def put_flag(environment: FlagEnvironment, flag: Flag, state: FlagState, *, check: bool = True) -> None:
    """Check the flag as it would stand in the environment, and store it there. Raises `FlagInvalid`."""
    document = Document.of(environment)
    value = flag_document(flag, state)
    if check:
        check_flag(document, flag.key, value)
    document.put("flags", flag.key, value)
    document.save(environment)


def note(flag: Flag, *, actor: Actor, action: str, environment: str = "", before: Any = None, after: Any = None, reason: str = "") -> None:
    """Add a revision to the flag's history, and drop what is beyond those that are kept."""
    last = FlagRevision.objects.filter(flag=flag).aggregate(last=Max("number"))["last"] or 0
    FlagRevision.objects.create(
        tenant_id=flag.tenant_id,
        flag=flag,
        number=last + 1,
        environment=environment,
        action=action,
        before=before,
        after=after,
        author=actor.email[:AUTHOR_CHARACTERS],
        reason=reason,
    )
    FlagRevision.objects.filter(flag=flag, number__lte=last + 1 - REVISIONS).delete()


def shown(state: FlagState) -> dict[str, Any]:
    """A state as history and the audit log have it."""
    return {"enabled": state.enabled, "killed": state.killed, **state.document}


def all_environments(tenant: Tenant) -> QuerySet[FlagEnvironment]:
    """The tenant's environments in their order."""
    return FlagEnvironment.objects.filter(tenant=tenant).order_by("position", "name")
