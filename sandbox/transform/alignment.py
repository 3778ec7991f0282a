"""Finds for each place of a transform's output the place of its input: the transform says nothing of it.

Taking types away leaves the words of a program as they were and in their order, so the output's words are found again in the input one
after the other; where the two part, both go on where the next three words in a row are the same. The answer is a table of places, right
to the line wherever the words agree. Linear in the length of both, whatever they hold.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final

from sandbox.transform.linemap import Entry, LineMap

_WORDS: Final = re.compile(r"//[^\n]*|/\*.*?\*/|\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|([A-Za-z_$][\w$]*|\d[\w.]*)", re.DOTALL)
# How many words make sure that both are at the same place again, and how many of the output may be new in a row.
_AGREE: Final = 3
_NEW: Final = 60

Word = tuple[str, int, int]


def align(name: str, source: str, output: str) -> LineMap:
    """The map from `output` to `source`, a file called `name`."""
    author, made = _words(source), _words(output)
    where: dict[tuple[str, ...], list[int]] = {}
    for at in range(len(author)):
        where.setdefault(_run(author, at), []).append(at)
    entries: list[Entry] = []
    theirs = ours = 0
    while ours < len(made):
        if theirs < len(author) and author[theirs][0] == made[ours][0]:
            entries.append((made[ours][1], made[ours][2], 0, author[theirs][1], author[theirs][2]))
            theirs, ours = theirs + 1, ours + 1
            continue
        best: tuple[int, int, int] | None = None
        for new in range(min(_NEW, len(made) - ours)):
            if best is not None and new >= best[0]:
                break
            found = where.get(_run(made, ours + new))
            at = bisect_left(found, theirs) if found else 0
            if found and at < len(found):
                skipped = found[at] - theirs
                if best is None or new + skipped < best[0]:
                    best = new + skipped, new, found[at]
        if best is None:
            # Nothing of these words is the author's: they belong to the place before them.
            ours += 1
        else:
            ours, theirs = ours + best[1], best[2]
    return LineMap.of((name,), entries)


def _run(words: list[Word], at: int) -> tuple[str, ...]:
    return tuple(word[0] for word in words[at : at + _AGREE])


def _words(text: str) -> list[Word]:
    """Words, numbers and strings without their quotes, each with line and column."""
    found: list[Word] = []
    line, begins, position = 1, 0, 0
    for match in _WORDS.finditer(text):
        start = match.start()
        line += text.count("\n", position, start)
        if (last := text.rfind("\n", position, start)) >= 0:
            begins = last + 1
        position = start
        word = match[3] or match[1] or match[2]
        if word:
            found.append((word, line, start - begins + 1))
    return found
