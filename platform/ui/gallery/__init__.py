"""Workers to begin with: each a whole program that runs as it stands.

Owns their words; the programs are the files beside this one. A test deploys and calls every one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.bundle import ModuleKind
from tenants.errors import FieldInvalid

KIND = ModuleKind.JS


@dataclass(frozen=True)
class Template:
    """A program of the gallery; `path` is an address of it that shows something."""

    key: str
    title: str
    text: str
    path: str = "/"
    bindings: Sequence[Mapping[str, Any]] = ()

    @cached_property
    def source(self) -> str:
        """The program."""
        return (Path(__file__).parent / f"{self.key}.js").read_text()


TEMPLATES: Sequence[Template] = (
    Template("hello", "Hello", "Answers with a greeting. The smallest worker there is.", "/?name=you"),
    Template("api", "JSON API", "Routes by method and path, reads JSON, answers errors in one shape.", "/things"),
    Template(
        "proxy",
        "Proxy",
        "Passes requests on to an origin and adds headers to what comes back.",
        "/",
        ({"type": "plain_text", "name": "ORIGIN", "text": "https://example.com"},),
    ),
    Template("split", "A/B test", "Gives each visitor one of two pages, and the same one the next time.", "/"),
    Template("redirects", "Redirects", "A table of old addresses and where they are now.", "/old"),
    Template(
        "auth",
        "Password door",
        "Asks for a name and a password before anything else, and compares in constant time.",
        "/",
        ({"type": "secret_text", "name": "PASSWORD", "text": "change me"},),
    ),
)
_BY_KEY = {template.key: template for template in TEMPLATES}


def template_of(key: str) -> Template:
    """The template of that key. Raises `FieldInvalid`."""
    if key not in _BY_KEY:
        raise FieldInvalid("There is no such template: choose one of the gallery.", field="template")
    return _BY_KEY[key]
