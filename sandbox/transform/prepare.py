"""A bundle as the engine is given it: every script as JavaScript, and where its places lie in the author's files.

Owns which modules are transformed and which map belongs to which module. Must not keep anything between bundles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.bundle import Bundle, Module, ModuleKind
from sandbox.languages import language
from sandbox.transform import sourcemap
from sandbox.transform.alignment import align
from sandbox.transform.linemap import LineMap
from sandbox.transform.typescript import Transform

_FRAME: Final = re.compile(r"(?P<file>[^\s()]+):(?P<line>\d{1,9}):(?P<column>\d{1,9})(?=\)?$)", re.MULTILINE)
_MENTION: Final = b"sourceMappingURL="


@dataclass(frozen=True, slots=True)
class Prepared:
    """What start-up sends to the guest."""

    modules: Sequence[Module]
    maps: Mapping[str, LineMap] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def authored(self, stack: str) -> str:
        """The stack with the places that the guest left: those of the top level of a module made of several files."""
        several = {name.removeprefix("./"): places for name, places in self.maps.items() if len(places.sources) > 1}

        def place(found: re.Match[str]) -> str:
            places = several.get(found["file"])
            where = places.place(int(found["line"]), int(found["column"])) if places is not None else None
            return found[0] if where is None else ":".join(map(str, where))

        return _FRAME.sub(place, stack) if several else stack


def wanted(bundle: Bundle) -> bool:
    """Whether there is anything to prepare; quick, because most bundles are plain JavaScript."""
    if not bundle.transforms:
        return False
    return bool(bundle.source_maps) or any(
        module.kind is ModuleKind.JS and (language(module.name) or _MENTION in module.content[-4096:]) for module in bundle.modules
    )


def prepare(bundle: Bundle, transform: Transform) -> Prepared:
    """Take types away, read maps. Raises `SyntaxFailed` and `TransformExceeded`; a map that cannot be read is a warning."""
    modules: list[Module] = []
    maps: dict[str, LineMap] = {}
    warnings: list[str] = []
    for module in bundle.modules:
        prepared = module
        if module.kind is ModuleKind.JS and language(module.name):
            output = transform.javascript(module.name, module.content)
            prepared = Module(module.name, module.kind, output)
            maps[module.name] = align(module.name.removeprefix("./"), module.content.decode("utf-8", "replace"), output.decode())
        elif module.kind is ModuleKind.JS and (content := _map_of(module, bundle.source_maps)) is not None:
            try:
                maps[module.name] = sourcemap.read(content, module.name)
            except sourcemap.MapInvalid as why:
                warnings.append(f"The source map of {module.name!r} is not used: {why}.")
        modules.append(prepared)
    return Prepared(modules, maps, tuple(warnings))


def _map_of(module: Module, maps: Mapping[str, bytes]) -> bytes | None:
    """The map a script names in its last line, or the one that has its name and `.map`."""
    url = sourcemap.named_by(module.content[-sourcemap.MAP_BYTES :])
    if (content := sourcemap.inline(url)) is not None:
        return content
    names = {name.removeprefix("./"): content for name, content in maps.items()}
    folder = module.name.removeprefix("./").rpartition("/")[0]
    for name in (f"{module.name.removeprefix('./')}.map", f"{folder}/{url}" if folder else url, url):
        if name and name in names:
            return names[name]
    return None
