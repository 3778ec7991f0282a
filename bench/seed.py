"""The tenants of a run: `python -m bench.seed NAME…` with the environment of the Hostel to be measured.

Owns their making, through the same services as every API, and tells their addresses and tokens as JSON. A process of its own, because it
needs Django set up on that Hostel's home.
"""

from __future__ import annotations

import json
import os
import sys

import django


def seed(names: list[str]) -> dict[str, dict[str, str]]:
    """Make a tenant of each name; its account and a token that may upload workers."""
    from tenants import services  # noqa: PLC0415 - models exist only after django.setup()
    from tenants.actor import Actor  # noqa: PLC0415 - the same

    made = {}
    for name in names:
        tenant = services.tenant_create(slug=name, name=name.title(), actor=Actor.system())
        _, secret = services.token_create(tenant=tenant, name="bench", scopes=("workers:write", "tenant:write"), actor=Actor.system())
        made[name] = {"account": tenant.account_id, "token": secret}
    return made


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    django.setup()
    sys.stdout.write(json.dumps(seed(sys.argv[1:])) + "\n")
