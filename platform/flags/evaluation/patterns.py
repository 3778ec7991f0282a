"""Regular expressions that cannot explode.

Owns the only way by which a tenant's pattern is compiled or run: RE2, whose matching takes time linear in the text, for patterns of a
bounded program and texts of a bounded length. Python's own `re` must never see a tenant's pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import re2

from flags.evaluation.limits import PATTERN_CHARACTERS, PATTERN_PROGRAM, PATTERN_TEXT_BYTES

_MEMORY_BYTES = 1 << 20


def compiled(pattern: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """Whether a text holds a match anywhere. Raises ValueError for a pattern that is none, or too large (RE2's syntax)."""
    if len(pattern) > PATTERN_CHARACTERS:
        raise ValueError(f"a pattern may have {PATTERN_CHARACTERS} characters")
    options: Any = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = not ignore_case
    try:
        # Past the module's own cache: a pattern lives as long as the flag that has it.
        program = re2._Regexp(pattern, options)  # noqa: SLF001
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(f"not a regular expression of RE2: {_told(error)}") from None
    if max(program.programsize, program.reverseprogramsize) > PATTERN_PROGRAM:
        raise ValueError("the pattern is too large when its repetitions are written out")
    search = program.search

    def matches(text: str) -> bool:
        data = text.encode("utf-8", "replace")
        return len(data) <= PATTERN_TEXT_BYTES and search(data) is not None

    return matches


def _told(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
