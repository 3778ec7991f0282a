"""What one gateway process has counted since it started.

Owns the counters; whoever counts adds to them. Must stay cheap: these are plain attributes, and the event loop is their lock.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Stats:
    """Plain totals. `under_way` goes up and down."""

    started: float = field(default_factory=time.time)
    requests: int = 0
    to_workers: int = 0
    to_control: int = 0
    under_way: int = 0
    cold: int = 0
    # Visitors who left before their response was complete, and responses that broke off by themselves.
    left: int = 0
    broken: int = 0
    lookups: int = 0
    lookups_failed: int = 0
    # Requests answered by what was last known, and those of them for which that was longer ago than HOSTEL_STALE_SECONDS.
    served_stale: int = 0
    stale_warnings: int = 0
    # Requests that passed a quota while nothing could count them.
    quota_uncounted: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    # Pages the gateway itself answered, by code.
    errors: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "pid": os.getpid(),
            "started": self.started,
            "requests": {"total": self.requests, "workers": self.to_workers, "control": self.to_control, "under_way": self.under_way},
            "cold": self.cold,
            "left": self.left,
            "broken": self.broken,
            "lookups": {
                "total": self.lookups,
                "failed": self.lookups_failed,
                "served_stale": self.served_stale,
                "stale_warnings": self.stale_warnings,
            },
            "quota_uncounted": self.quota_uncounted,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "errors": dict(self.errors),
        }
