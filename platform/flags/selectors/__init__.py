"""What is asked about flags. Changes nothing.

Owns the list of selectors.
"""

from __future__ import annotations

from flags.selectors.history import difference, history
from flags.selectors.rows import (
    environment_get,
    environment_list,
    flag_get,
    flag_list,
    flag_state_get,
    flag_states,
    layer_get,
    layer_list,
    public_keys,
    segment_get,
    segment_list,
)
from flags.selectors.rulesets import ruleset, ruleset_document, ruleset_load
from flags.selectors.sentences import layer_shares, segment_sentence, sentence_of, words_of
from flags.selectors.stale import Finding, Used, stale_flags, versions_gone

__all__ = [
    "Finding",
    "Used",
    "difference",
    "environment_get",
    "environment_list",
    "flag_get",
    "flag_list",
    "flag_state_get",
    "flag_states",
    "history",
    "layer_get",
    "layer_list",
    "layer_shares",
    "public_keys",
    "ruleset",
    "ruleset_document",
    "ruleset_load",
    "segment_get",
    "segment_list",
    "segment_sentence",
    "sentence_of",
    "stale_flags",
    "versions_gone",
    "words_of",
]
