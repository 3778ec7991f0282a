"""The request tests that a stage's gate asks for.

Owns the question to whoever keeps and runs them. Must not be asked in a transaction: tests are requests, and take their time.
"""

from __future__ import annotations

from rollouts.models import Rollout


def tests_passed(rollout: Rollout) -> str:
    """Run the tests saved with the worker against the new version; what is wrong, or nothing."""
    return f"there are no tests saved with {rollout.worker.qualified_name}."
