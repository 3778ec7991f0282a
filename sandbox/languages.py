"""Which modules are not JavaScript yet, by the ending of their names.

Owns that list alone: it is read where no engine is loaded. The transforming is sandbox/transform's.
"""

from __future__ import annotations

from typing import Final

# Ending -> the transform's flags: what the source is (1 TypeScript, 2 TypeScript with JSX), and that types are to go (256).
LANGUAGES: Final = {".ts": 1 | 256, ".mts": 1 | 256, ".cts": 1 | 256, ".tsx": 2 | 256, ".jsx": 2 | 256}


def language(name: str) -> int:
    """The transform's flags for a module of this name; 0 for one that is JavaScript already."""
    return LANGUAGES.get(name[name.rfind(".") :], 0) if "." in name else 0
