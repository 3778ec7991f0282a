"""Who else needs a version: what is neither live nor pinned may still be part of a rollout, or a flag's value.

Owns the register. Other apps put their question into it when they start; a version that any of them names is not removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tenants.models import Worker

# The ids of versions of a worker that are needed, as text.
Question = Callable[[Worker], Iterable[str]]
_questions: dict[str, Question] = {}


def refers(why: str) -> Callable[[Question], Question]:
    """Register a question, in words why: "a rollout". The last one of the same words counts."""

    def register(question: Question) -> Question:
        _questions[why] = question
        return question

    return register


def referred(worker: Worker) -> dict[str, str]:
    """Version id -> why it is needed, of what other apps say of the worker's versions."""
    return {version_id: why for why, question in _questions.items() for version_id in question(worker)}
