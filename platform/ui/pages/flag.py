"""One flag in one environment: what it serves, who would get what, what became of it."""

from __future__ import annotations

import json
from typing import Any

from flags import selectors, services
from flags.errors import ContextInvalid
from flags.evaluation import Evaluation, Step, check_context
from flags.models import Flag, FlagState
from sandbox.errors import HostelError
from ui import flagforms
from ui.pages.flags import FlagPage, cell, posted

_HISTORY = 20
_CHANGES = 12
_CONTEXT_CHARACTERS = 70_000


class FlagOne(FlagPage):
    """`/t/{tenant}/flags/{flag}/{environment}`."""

    template = "ui/flags/flag.html"
    actions = ("save", "kill", "restore", "describe", "remove")
    api = "/api/v1/flags/{flag}/environments/{environment}"
    flag: Flag
    state: FlagState

    def enter(self) -> Any:
        """As every page; the flag and the environment are there. Raises `FlagNotFound`, `FlagEnvironmentNotFound`, too."""
        refused = super().enter()
        if refused is not None:
            return refused
        self.flag = selectors.flag_get(tenant=self.tenant, key=self.kwargs["flag"])
        self.state = selectors.flag_state_get(tenant=self.tenant, key=self.flag.key, environment=self.kwargs["environment"])
        return None

    def heading(self) -> str:
        """The key."""
        return self.flag.key

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list."""
        return [("Flags", self.url("flags"))]

    def context(self) -> dict[str, Any]:
        """The form (as typed, where something was refused), the states beside it, the evaluation that was asked for, the history."""
        states = selectors.flag_states(flags=[self.flag])[self.flag.pk]
        sent = self.typed if self.typed is not None and self.typed.get("do") == "save" else None
        described = self.typed if self.typed is not None and self.typed.get("do") == "describe" else None
        return {
            "flag": self.flag,
            "state": self.state,
            "here": cell(self.state),
            "gone": selectors.versions_gone(flag=self.flag),
            "cells": [cell(state) for state in states],
            "form": flagforms.of_post(self.flag, posted(self.request)) if sent is not None else flagforms.of_state(self.flag, self.state),
            "choices": flagforms.CHOICES,
            "segments": [segment.key for segment in selectors.segment_list(tenant=self.tenant)[:200]],
            "layers": [layer.key for layer in selectors.layer_list(tenant=self.tenant)],
            "variants": described.get("variants", "") if described is not None else flagforms.variants_text(self.flag.variants),
            "values": [(name, json.dumps(value, ensure_ascii=False)) for name, value in self.flag.variants.items()],
            "history": [_changed(row) for row in selectors.history(flag=self.flag)[:_HISTORY]],
            **self._evaluated(),
        }

    def do_save(self) -> None:
        """Change what is served in this environment."""
        form = flagforms.of_post(self.flag, posted(self.request))
        state = services.flag_state_update(
            tenant=self.tenant,
            key=self.flag.key,
            environment=self.state.environment.name,
            changes=flagforms.changes_of(form),
            reason=self.field("reason"),
            expected=self.revision,
            actor=self.actor,
        )
        self.say(f"Saved, and live in {state.environment.name} within a second. {selectors.sentence_of(state)}")

    def do_kill(self) -> None:
        """The kill switch, here or everywhere."""
        everywhere = self.field("everywhere") == "yes"
        services.flag_kill(
            tenant=self.tenant,
            key=self.flag.key,
            environment=None if everywhere else self.state.environment.name,
            reason=self.field("reason"),
            actor=self.actor,
        )
        where = "every environment" if everywhere else self.state.environment.name
        self.say(f"Killed in {where}: everybody gets “{self.state.document['off']}”. What was set up is kept.")

    def do_restore(self) -> None:
        """Take the kill switch back."""
        services.flag_restore(
            tenant=self.tenant, key=self.flag.key, environment=self.state.environment.name, reason=self.field("reason"), actor=self.actor
        )
        self.say(f"Restored in {self.state.environment.name}.")

    def do_describe(self) -> None:
        """Change what is the same in all environments."""
        services.flag_update(
            tenant=self.tenant,
            key=self.flag.key,
            variants=flagforms.variants_of(self.field("variants")),
            description=self.field("description"),
            public="public" in self.request.POST,
            permanent="permanent" in self.request.POST,
            reason=self.field("reason"),
            expected=self.revision,
            actor=self.actor,
        )
        self.say("Saved for all environments.")

    def do_remove(self) -> Any:
        """Delete the flag."""
        self.confirmed(self.flag.key)
        services.flag_delete(tenant=self.tenant, key=self.flag.key, reason=self.field("reason"), actor=self.actor)
        self.say(f"Deleted {self.flag.key}: whoever asks for it gets their own default.")
        return self.go("flags")

    def _evaluated(self) -> dict[str, Any]:
        """“Evaluate as”: by GET, since it changes nothing."""
        key, text = self.request.GET.get("as", "")[:2_000], self.request.GET.get("context", "")[:_CONTEXT_CHARACTERS]
        found: dict[str, Any] = {"as_key": key, "as_context": text, "asked": "as" in self.request.GET}
        if not found["asked"]:
            return found
        try:
            ruleset = selectors.ruleset(tenant=self.tenant, environment=self.state.environment.name)
            assert ruleset is not None
            evaluation, steps = ruleset.explain(self.flag.key, _context_of(key, text))
        except HostelError as error:
            return {**found, "as_error": error}
        return {
            **found,
            "evaluation": evaluation,
            "value": json.dumps(evaluation.value, ensure_ascii=False),
            "steps": [(step, _decides(step, evaluation)) for step in steps],
        }


def _context_of(key: str, text: str) -> Any:
    try:
        context = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ContextInvalid(f"The attributes must be a JSON object: {error}.", field="context") from None
    if not isinstance(context, dict):
        raise ContextInvalid("The attributes must be a JSON object.", field="context")
    return check_context({**context, "targetingKey": key} if key else context)


def _decides(step: Step, found: Evaluation) -> bool:
    if found.decided is None:
        return False
    if found.decided.by == "rule":
        return step.kind == "rule" and step.id == found.decided.id
    return step.kind == {"disabled": "enabled"}.get(found.decided.by, found.decided.by)


def _changed(row: Any) -> dict[str, Any]:
    lines = selectors.difference(row.before or {}, row.after or {})
    shown = [{**line, "before": _brief(line["before"]), "after": _brief(line["after"])} for line in lines[:_CHANGES]]
    return {"row": row, "lines": shown, "more": max(0, len(lines) - _CHANGES)}


def _brief(value: Any) -> str:
    """A value of the history: words for splits and rules, else JSON."""
    if value is None:
        return ""
    text = selectors.words_of(value) or json.dumps(_plain(value), ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"  # noqa: PLR2004 - a few lines


def _plain(value: Any) -> Any:
    """Without the pieces of buckets, which say nothing to people."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if name != "pieces"}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
