"""Which versions flags need: what a variant names is not removed.

Owns the answer to `tenants.referring`.
"""

from __future__ import annotations

from collections.abc import Iterator

from flags.models import Flag
from tenants.models import Worker
from tenants.referring import refers


@refers("a flag")
def versions(worker: Worker) -> Iterator[str]:
    """The versions of the worker that variants of its tenant's flags name."""
    for variants in Flag.objects.filter(tenant=worker.tenant_id, type="version").values_list("variants", flat=True):
        for value in variants.values():
            if isinstance(value, dict) and value.get("worker") == worker.qualified_name:
                yield str(value["version"])
