"""All flags of one tenant in one environment, ready to be evaluated.

Owns the ruleset document and its evaluation; the one engine for the gateway, `env.FLAGS`, OFREP, the APIs and the pages. Flags are taken
out of the document and compiled when they are first asked for: what a ruleset of 10,000 flags costs is one pass over its bytes. A ruleset
never changes and may be shared between threads. Knows no rows.

    {"format": 1, "environment": "production", "revision": 7,
     "flags": {key: flag}, "segments": {key: segment}, "layers": {key: {"salt": "…"}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from flags.errors import FlagInvalid
from flags.evaluation.attributes import Context
from flags.evaluation.conditions import Condition
from flags.evaluation.explain import steps_of
from flags.evaluation.flag import Flag, Memo, compile_flag
from flags.evaluation.limits import PREREQUISITES_IN_ALL
from flags.evaluation.result import EXPECTED_OF, Evaluation, Expected, Step, failed
from flags.evaluation.segment import compile_segment

FORMAT: Final = 1


class _Layer(msgspec.Struct):
    salt: str


class _Document(msgspec.Struct):
    format: int
    environment: str = ""
    revision: int = 0
    flags: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    segments: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    layers: dict[str, _Layer] = msgspec.field(default_factory=dict)


_DECODER: Final = msgspec.json.Decoder(_Document)


class Ruleset:
    """Evaluates the flags of one ruleset document."""

    def __init__(self, data: bytes | str, before: Ruleset | None = None) -> None:
        """Read a document (JSON). Raises FlagInvalid if it is none; a flag in it that is wrong fails when it is asked for.

        `before` is the ruleset that this one follows: flags that are the same in both are not compiled again.
        """
        try:
            self._document = _DECODER.decode(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise FlagInvalid(f"Not a ruleset: {str(error)[:200]}.", field="ruleset") from None
        if self._document.format != FORMAT:
            raise FlagInvalid(f"A ruleset of format {self._document.format} cannot be read here.", field="format")
        # Whoever loads rulesets tells by it whether this one is still the newest.
        self.mark: str | None = None
        # What was compiled so far; a text says why a flag could not be.
        self._flags: dict[str, Flag | str] = {}
        self._segments: dict[str, Condition | None] = {}
        if before is not None:
            self._keep(before)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Ruleset:
        """A ruleset of a document that was read already."""
        return cls(msgspec.json.encode(document))

    @property
    def environment(self) -> str:
        """The name of the environment."""
        return self._document.environment

    @property
    def revision(self) -> int:
        """Grows with every change in the environment."""
        return self._document.revision

    def __len__(self) -> int:
        """How many flags there are."""
        return len(self._document.flags)

    def __contains__(self, key: object) -> bool:
        """Whether there is such a flag."""
        return key in self._document.flags

    def keys(self) -> list[str]:
        """The keys of all flags, in order."""
        return sorted(self._document.flags)

    def evaluate(
        self, key: str, context: Context, default: Any = None, *, expected: Expected | None = None, now: float | None = None
    ) -> Evaluation:
        """The value of a flag. Never raises: what is wrong is in `error_code`, and the value is `default` then.

        `expected` is the type the caller wants; `now` (seconds since 1970) is for tests and for looking ahead. The context must have been
        through `check_context`, or be as bounded as if it had.
        """
        flag = self._flags.get(key) or self._compile(key)
        if type(flag) is not Flag:
            if flag is None:
                return failed(key, default, "FLAG_NOT_FOUND", f"There is no flag {key[:128]!r} in {self.environment!r}.")
            return failed(key, default, "PARSE_ERROR", str(flag))
        if expected is not None and EXPECTED_OF[flag.type] != expected:
            return failed(key, default, "TYPE_MISMATCH", f"The flag is of the type {flag.type}, not {expected}.")
        return flag.run(context, now, None, default)

    def evaluate_all(self, context: Context, *, now: float | None = None) -> list[Evaluation]:
        """Every flag, by key; those that fail, too."""
        return [self.evaluate(key, context, now=now) for key in self.keys()]

    def explain(self, key: str, context: Context, *, now: float | None = None) -> tuple[Evaluation, tuple[Step, ...]]:
        """The evaluation, and everything that the flag asks with the answer, also what came after the decision."""
        flag = self._flags.get(key) or self._compile(key)
        return self.evaluate(key, context, now=now), steps_of(flag, context, now) if isinstance(flag, Flag) else ()

    def flag(self, key: str) -> Flag | None:
        """The compiled flag; None if there is none, or none that is valid."""
        flag = self._flags.get(key) or self._compile(key)
        return flag if isinstance(flag, Flag) else None

    def versions(self, worker: str) -> list[str]:
        """Keys of the flags whose variants are versions of that worker (qualified name)."""
        # The raw bytes tell which flags are worth a closer look.
        named = msgspec.json.encode(worker)
        near = [key for key, raw in self._document.flags.items() if b'"version"' in bytes(raw) and named in bytes(raw)]
        return sorted(
            key
            for key in near
            if (flag := self.flag(key)) and flag.type == "version" and any(value["worker"] == worker for value in flag.variants.values())
        )

    def _keep(self, before: Ruleset) -> None:
        """Take over what was compiled and cannot have become another: it asks no other flag, and segments and layers are the same."""
        mine, theirs = self._document, before._document
        if {name: bytes(raw) for name, raw in mine.segments.items()} != {name: bytes(raw) for name, raw in theirs.segments.items()}:
            return
        if mine.layers != theirs.layers:
            return
        for key, flag in list(before._flags.items()):
            raw = mine.flags.get(key)
            if isinstance(flag, Flag) and not flag.prerequisites and raw is not None and bytes(raw) == bytes(theirs.flags[key]):
                self._flags[key] = flag

    def _compile(self, key: str) -> Flag | str | None:
        raw = self._document.flags.get(key)
        if raw is None:
            return None
        try:
            flag: Flag | str = compile_flag(
                msgspec.json.decode(raw), segment=self._segment, layer=self._layer_salt, ask=self._prerequisite, key=key
            )
        except FlagInvalid as error:
            flag = f"The flag cannot be read: {error.message}"
        except (msgspec.MsgspecError, RecursionError):
            flag = "The flag cannot be read."
        self._flags[key] = flag
        return flag

    def _segment(self, key: str) -> Condition | None:
        if key not in self._segments:
            raw = self._document.segments.get(key)
            self._segments[key] = compile_segment(msgspec.json.decode(raw)) if raw is not None else None
        return self._segments[key]

    def _layer_salt(self, key: str) -> str | None:
        layer = self._document.layers.get(key)
        return layer.salt if layer is not None else None

    def _prerequisite(self, key: str, context: Context, now: float, memo: Memo) -> Evaluation | None:
        """Evaluate a flag that another one asks for; None when it cannot be. One that is under way (a circle) stays None."""
        if len(memo) > PREREQUISITES_IN_ALL:
            return None
        memo[key] = None
        flag = self.flag(key)
        found = flag.run(context, now, memo, None) if flag is not None else None
        memo[key] = found
        return found
