"""Everything that a flag asks about a context, with the answers: what “evaluate as” shows.

Owns the walk over a compiled flag. It asks the same functions as the evaluation does and decides nothing itself.
"""

from __future__ import annotations

import time

from flags.evaluation.attributes import Context
from flags.evaluation.conditions import Condition
from flags.evaluation.flag import Flag, Memo, Rule
from flags.evaluation.result import Step


def steps_of(flag: Flag, context: Context, now: float | None = None) -> tuple[Step, ...]:
    """The steps in their order, those after the decision included."""
    moment = time.time() if now is None else now
    steps = [Step("enabled", "switched on" if flag.enabled else "switched off", flag.enabled)]
    if flag.period is not None:
        steps.append(Step("schedule", f"in force {flag.period.sentence}", flag.period.holds(moment)))
    if flag.layer is not None:
        bucket = flag.layer.bucket(context)
        steps.append(Step("layer", flag.layer.sentence, flag.layer.has(bucket), id=flag.layer.key, bucket=bucket))
    memo: Memo = {flag.key: None}
    for number, (key, variants) in enumerate(flag.prerequisites):
        found = memo[key] if key in memo else flag.ask(key, context, moment, memo)
        sentence = f"flag “{key}” is {' or '.join(f'“{name}”' for name in sorted(variants))}"
        steps.append(Step("prerequisite", sentence, found is not None and found.variant in variants, id=key, index=number))
    steps += [_rule_step(flag, rule, context, moment) for rule in flag.rules]
    default = flag.default
    steps.append(Step("default", default.decided.sentence, matched=True, bucket=default.serving.bucket(flag.salt, context)))
    return tuple(steps)


def _rule_step(flag: Flag, rule: Rule, context: Context, now: float) -> Step:
    index = rule.decided.index
    if rule.period is not None and not rule.period.holds(now):
        return Step("rule", f"{rule.decided.sentence} (in force {rule.period.sentence})", matched=False, id=rule.id, index=index)
    condition = rule.condition
    matched = condition is None or condition.match(context)
    bucket = rule.serving.bucket(flag.salt, context)
    if bucket is None and condition is not None:
        bucket = condition.first_bucket(context)
    parts = (_condition_step(condition, context),) if condition is not None else ()
    return Step("rule", rule.decided.sentence, matched, id=rule.id, index=index, bucket=bucket, parts=parts)


def _condition_step(condition: Condition, context: Context) -> Step:
    bucket = condition.bucket(context) if condition.bucket is not None else None
    parts = tuple(_condition_step(part, context) for part in condition.parts)
    return Step("condition", condition.sentence, condition.match(context), bucket=bucket, parts=parts)
