"""`hostel audit …`: the record of what was done."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ops.cli import Outcome, table
from tenants import selectors, services
from tenants.errors import FieldInvalid


def verify(options: Namespace) -> Outcome:
    """Check every chain, or one; 1 where one is broken."""
    chain = selectors.tenant_named(name=options.tenant).account_id if options.tenant else None
    found = services.audit_verify(chain=chain, expected=_heads(options.heads) if options.heads else None)
    data: dict[str, Any] = {
        "intact": found.intact,
        "events": found.events,
        "breaks": [asdict(one) for one in found.breaks],
        "heads": {name: asdict(head) for name, head in found.heads.items()},
    }
    if found.intact:
        return Outcome(data, [f"{found.events} events in {len(found.heads)} chains: intact."])
    return Outcome(data, ["The audit log was changed:", *table(data["breaks"], ("chain", "number", "id", "problem"))], code=1)


def _heads(file: str) -> dict[str, services.Head]:
    """The ends that an earlier run has noted; raises `FieldInvalid`."""
    try:
        noted = json.loads(Path(file).read_text())["heads"]
        return {str(name): services.Head(int(head["number"]), str(head["hash"])) for name, head in noted.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FieldInvalid(f"{file} is not what `hostel audit verify --json` has printed: {error}.", field="--heads") from None
