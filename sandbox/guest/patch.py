"""What is changed in the engine's source before it is compiled.

Owns one change to quickjs.c: reference counts at or above `HOSTEL_IMMORTAL` stand still (c/seal.c says why), so every place that
counts goes through two functions. The places are found by their spelling, and there must be as many as there were when this was
written: another version of the engine is not patched by guess. Must not touch files (toolchain.py does).
"""

from __future__ import annotations

import re
from typing import Final

_MACROS: Final = "#define JS_REF_COUNT(p) (js_rc(p)->ref_count)\n"
_FUNCTIONS: Final = """
/* Far above what memory has room for, and far below an overflow. */
#define HOSTEL_IMMORTAL (1 << 30)

static inline void js_ref_inc(void *p)
{
    int count = JS_REF_COUNT(p);
    if (likely(count < HOSTEL_IMMORTAL))
        JS_REF_COUNT(p) = count + 1;
}

static inline int js_ref_dec(void *p)
{
    int count = JS_REF_COUNT(p);
    if (likely(count < HOSTEL_IMMORTAL))
        JS_REF_COUNT(p) = --count;
    return count;
}
"""
_ARGUMENT: Final = r"JS_REF_COUNT\(([a-z0-9_>-]+)\)"
# (what is found, what stands there instead, how often in version 0.17.0)
_RULES: Final = (
    (re.compile(rf"--{_ARGUMENT}"), r"js_ref_dec(\1)", 7),
    (re.compile(rf"{_ARGUMENT}\+\+"), r"js_ref_inc(\1)", 19),
    (re.compile(rf"{_ARGUMENT}--"), r"js_ref_dec(\1)", 2),
)


class PatchFailed(Exception):
    """The engine's source is not the one this was written for."""


def patched(source: str, appendix: str) -> str:
    """quickjs.c with standing reference counts, and `appendix` behind it. Raises `PatchFailed`."""
    if source.count(_MACROS) != 1:
        raise PatchFailed("quickjs.c has no JS_REF_COUNT as it was")
    for pattern, replacement, expected in _RULES:
        source, count = pattern.subn(replacement, source)
        if count != expected:
            raise PatchFailed(f"quickjs.c has {count} places of {pattern.pattern}, not {expected}")
    return source.replace(_MACROS, _MACROS + _FUNCTIONS) + "\n" + appendix
