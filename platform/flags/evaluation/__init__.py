"""The evaluation of feature flags: plain Python, no Django, no rows.

Owns the engine that the gateway, `env.FLAGS`, OFREP, the APIs and the pages share:

    ruleset = Ruleset(document)                     # JSON of one tenant's environment (flags.selectors.ruleset_document)
    found = ruleset.evaluate("new-checkout", {"targetingKey": "u-17", "plan": "pro"}, False, expected="boolean")
    found.value, found.variant, found.reason, found.bucket, found.decided
"""

from __future__ import annotations

from flags.evaluation.attributes import REQUEST_ATTRIBUTES, REQUEST_OBJECTS, TARGETING_KEY, Context
from flags.evaluation.buckets import BUCKETS, bucket_of
from flags.evaluation.context import check_context, parse_context
from flags.evaluation.result import Evaluation, Expected, Reason, Step, Type
from flags.evaluation.ruleset import Ruleset

__all__ = [
    "BUCKETS",
    "REQUEST_ATTRIBUTES",
    "REQUEST_OBJECTS",
    "TARGETING_KEY",
    "Context",
    "Evaluation",
    "Expected",
    "Reason",
    "Ruleset",
    "Step",
    "Type",
    "bucket_of",
    "check_context",
    "parse_context",
]
