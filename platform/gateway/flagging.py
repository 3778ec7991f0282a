"""Where flags act in a gateway process: on the version that answers, and behind `env.FLAGS`.

Owns the choice of a version by a worker's version flag, and the answers of a `flags` binding. What goes wrong never costs a request: the
deployment decides, or the caller's default stands, and the code says why. Must not evaluate: flags.evaluation does.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

import structlog

from experiments.naming import EVENT_CHARACTERS, MOST_VALUE, TARGETING_CHARACTERS, is_countable, subject_of, variant_label
from flags.errors import ContextInvalid
from flags.evaluation.attributes import TARGETING_KEY
from flags.evaluation.context import check_context
from flags.evaluation.result import Evaluation, Expected, failed
from flags.evaluation.ruleset import Ruleset
from gateway.contexts import KEY_FOLLOWS, context_of, context_of_request, targeting_key
from gateway.errors import RoutesUnavailable
from gateway.routes import Entry
from gateway.rulesets import Rulesets
from sandbox.errors import HostelError
from sandbox.http import Headers
from sandbox.worker.capabilities import Question
from sandbox.worker.record import Mark
from tenants.rollout import VERSION_KEY, RouteFlag, RouteVersion, WorkerRoute

log = structlog.get_logger(__name__)

_EXPECTED: Final[Mapping[Any, Expected]] = {name: name for name in get_args(Expected)}
_NO_CONTEXT: Final = "not a context"
# A version of a worker by their ids, with what a request to it needs; None where there is none (any more).
FindVersion = Callable[[int, str], Awaitable[RouteVersion | None]]


@dataclass(frozen=True, slots=True)
class Flagged:
    """A version that a flag has chosen for one request."""

    version: RouteVersion
    # For the pool's key and the roll-ups: flag and variant.
    variant: str
    mark: Mark


class Flagging:
    """The flags of one process."""

    def __init__(self, rulesets: Rulesets, find_version: FindVersion) -> None:
        """Evaluate what `rulesets` has."""
        self.rulesets = rulesets
        self._find_version = find_version
        # Versions chosen, and choices that were left to the deployment because something was wrong; evaluations and events of bindings.
        self.chosen = self.fell_back = self.evaluated = self.tracked = 0

    async def choose(  # noqa: PLR0917 - what a request says of itself
        self, entry: Entry, method: str, url: str, headers: Headers, ip: str, version_key: str | None = None
    ) -> Flagged | None:
        """The version that the worker's version flag gives this request; None where the deployment decides. Never raises `HostelError`."""
        route = entry.route
        if route is None or route.flag is None:
            return None
        try:
            context = context_of(method, url, headers, ip)
            if (key := targeting_key(route.flag.targeting, context, version_key)) is not None:
                context[TARGETING_KEY] = key
            flagged = await self._choose(entry, route, route.flag, context)
        except HostelError as error:
            log.debug("a version flag could not be asked", worker=route.qualified_name, code=error.code)
            flagged = None
        if flagged is None:
            self.fell_back += 1
        else:
            self.chosen += 1
        return flagged

    def binding(self, tenant_id: int, account_id: str, environment: str) -> Binding:
        """What answers the calls of a binding to `environment`."""
        return Binding(self, tenant_id, account_id, environment)

    def as_dict(self) -> dict[str, Any]:
        """Counters, JSON-able."""
        counts = {"chosen": self.chosen, "fell_back": self.fell_back, "evaluated": self.evaluated, "tracked": self.tracked}
        return {**counts, "rulesets": self.rulesets.as_dict()}

    async def _choose(self, entry: Entry, route: WorkerRoute, flag: RouteFlag, context: dict[str, Any]) -> Flagged | None:
        peeked = self.rulesets.peek(route.tenant_id, flag.environment)
        ruleset = peeked[0] if peeked is not None else await self.rulesets.find(route.tenant_id, flag.environment)
        found = ruleset.evaluate(flag.key, context) if ruleset is not None else None
        if ruleset is None or found is None or found.error_code is not None or found.type != "version" or found.variant is None:
            return None
        if found.value["worker"] != route.qualified_name:
            return None
        version = await self._version(entry, route, str(found.value["version"]))
        if version is None:
            return None
        return Flagged(
            version, variant_label(flag.key, found.variant), mark_of(ruleset, found, context, flag.environment, route.account_id)
        )

    async def _version(self, entry: Entry, route: WorkerRoute, version_id: str) -> RouteVersion | None:
        """A version of the worker; one outside of the deployment is looked up once for each state of the configuration."""
        for version in route.versions:
            if version.id == version_id:
                return version
        place = ("flagged", version_id)
        known: tuple[Any, RouteVersion | None] | None = entry.prepared.get(place)
        if known is not None and known[0] == entry.token:
            return known[1]
        try:
            found = await self._find_version(route.worker_id, version_id)
        except RoutesUnavailable:
            if known is None:
                raise
            return known[1]
        entry.prepared[place] = (entry.token, found)
        return found


@dataclass(frozen=True, slots=True)
class Binding:
    """A `flags` binding of one tenant's to one environment: a capability (sandbox.worker.capabilities)."""

    flagging: Flagging
    tenant_id: int
    account_id: str
    environment: str

    def __call__(self, question: Question) -> str | Awaitable[str]:
        """The answer to `evaluate` or `track` (docs/protocol.md). Raises `HostelError` for an event that is not taken."""
        try:
            asked = json.loads(question.text)
        except (ValueError, RecursionError):
            # The guest's own JSON: only nesting beyond all reason is left to be wrong.
            asked = {"flag": "", "event": "", "context": _NO_CONTEXT}
        try:
            context = self._context(question, asked.get("context"))
        except ContextInvalid as error:
            if question.method != "evaluate":
                raise
            return answered(failed(str(asked.get("flag")), None, "INVALID_CONTEXT", error.message))
        if question.method == "track":
            return self._track(question, asked, context)
        if question.method != "evaluate":
            raise HostelError(f"A flags binding has no method {question.method[:40]!r}.")
        peeked = self.flagging.rulesets.peek(self.tenant_id, self.environment)
        return self._evaluate(peeked[0], question, asked, context) if peeked is not None else self._later(question, asked, context)

    async def _later(self, question: Question, asked: Mapping[str, Any], context: dict[str, Any]) -> str:
        try:
            ruleset = await self.flagging.rulesets.find(self.tenant_id, self.environment)
        except RoutesUnavailable:
            message = "The flags are not there yet: the database does not answer."
            return answered(failed(str(asked["flag"]), None, "PROVIDER_NOT_READY", message))
        return self._evaluate(ruleset, question, asked, context)

    def _evaluate(self, ruleset: Ruleset | None, question: Question, asked: Mapping[str, Any], context: dict[str, Any]) -> str:
        self.flagging.evaluated += 1
        key = str(asked["flag"])
        if ruleset is None:
            return answered(failed(key, None, "FLAG_NOT_FOUND", f"There is no environment {self.environment!r}."))
        found = ruleset.evaluate(key, context, expected=_EXPECTED.get(asked.get("type")))
        if found.error_code is None:
            question.note(mark_of(ruleset, found, context, self.environment, self.account_id))
        return answered(found)

    def _track(self, question: Question, asked: Mapping[str, Any], context: Mapping[str, Any]) -> str:
        event, key = str(asked.get("event")), context.get(TARGETING_KEY)
        if not 1 <= len(event) <= EVENT_CHARACTERS:
            raise HostelError(f"An event's name has 1 to {EVENT_CHARACTERS} characters.")
        if not isinstance(key, str) or not 1 <= len(key) <= TARGETING_CHARACTERS:
            raise HostelError(f"Its context must have a {TARGETING_KEY}: a text of 1 to {TARGETING_CHARACTERS} characters.")
        value = asked.get("value")
        if value is not None and not is_countable(value):
            raise HostelError(f"Its value must be a number from -{MOST_VALUE:g} to {MOST_VALUE:g}.")
        self.flagging.tracked += 1
        question.note(Mark("event", event, self.environment, subject=subject_of(self.account_id, key), number=value))
        return "{}"

    @staticmethod
    def _context(question: Question, given: Any) -> dict[str, Any]:
        """The request's context, the worker's own over it; the visitor's version key is the targeting key where the worker names none.

        Raises `ContextInvalid`.
        """
        own = check_context(given or {})
        context = context_of_request(question.request)
        follows = question.request.follows
        if (key := targeting_key((VERSION_KEY,), context, follows.get(KEY_FOLLOWS) if follows is not None else None)) is not None:
            context[TARGETING_KEY] = key
        return {**context, **own}


def mark_of(ruleset: Ruleset, found: Evaluation, context: Mapping[str, Any], environment: str, account_id: str) -> Mark:
    """That a flag was evaluated; with for whom, where chance decided by the targeting key: only then is there something to compare."""
    key = None
    if found.reason == "SPLIT" and found.decided is not None and (flag := ruleset.flag(found.key)) is not None:
        rule = flag.default if found.decided.index is None else flag.rules[found.decided.index]
        if rule.serving.variant is None and rule.serving.by == TARGETING_KEY:
            key = context.get(TARGETING_KEY)
    # The engine takes whole numbers for keys, too.
    subject = subject_of(account_id, str(key)) if isinstance(key, str | int) else ""
    return Mark("flag", found.key, environment, found.variant or "", subject, found.reason)


def answered(found: Evaluation) -> str:
    """An evaluation as the guest's binding reads it (docs/protocol.md)."""
    told: dict[str, Any]
    if found.error_code is not None:
        told = {"reason": "ERROR", "errorCode": found.error_code, "errorMessage": found.error_message or ""}
    else:
        metadata = {name: value for name, value in (("bucket", found.bucket), ("layer", found.layer)) if value is not None}
        told = {"value": found.value, "variant": found.variant, "reason": found.reason, "flagMetadata": metadata}
    return json.dumps(told, separators=(",", ":"))
