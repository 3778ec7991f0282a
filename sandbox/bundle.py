"""A worker's code and environment, before it is run.

Owns the shape of a bundle and the checks that need no engine: names, kinds, sizes, the main module. Must not run code, and knows
nothing of uploads or rows: the platform turns those into a bundle.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from typing import Any, Self

from sandbox.errors import BundleInvalid
from sandbox.limits import Limits

# The oldest date Workers knows, used when an upload gives none (wrangler source, 2021-11-02).
DEFAULT_COMPATIBILITY_DATE = "2021-11-02"
# What a bundle that a program makes by itself behaves as, if it does not say.
RECENT_COMPATIBILITY_DATE = "2026-06-01"
NAME_BYTES = 512
MODULE_COUNT = 10_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BINDING_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,255}")


class ModuleKind(IntEnum):
    """What importing a module gives: the number is the protocol's."""

    # An ES module, evaluated.
    JS = 0
    # default is a string.
    TEXT = 1
    # default is an ArrayBuffer.
    DATA = 2
    # default is the parsed value.
    JSON = 3
    # default is an ArrayBuffer with the module's bytes.
    WASM = 4


@dataclass(frozen=True, slots=True)
class Module:
    """One named part of a worker. Text and scripts are UTF-8."""

    name: str
    kind: ModuleKind
    content: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that decides what a version does. `env` holds binding descriptors as in docs/protocol.md, `LOAD`."""

    main: str
    modules: Sequence[Module]
    env: Sequence[Mapping[str, Any]] = ()
    compatibility_date: str = RECENT_COMPATIBILITY_DATE
    compatibility_flags: Sequence[str] = ()
    # A value of the parent's structured serializer (the Worker Loader's env), or empty.
    env_serialized: bytes = field(default=b"", repr=False)
    # Whether fetch() reaches anything at all (False: `globalOutbound: null`).
    outbound: bool = True
    # Source maps by name: read at start-up, so that stacks name the author's files.
    source_maps: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    # Whether TypeScript and source maps are read at all (False: dynamic workers, whose code is made while a request waits).
    transforms: bool = True

    @classmethod
    def js(cls, source: str, *, env: Mapping[str, Any] | None = None, name: str = "worker.js", **settings: Any) -> Self:
        """A bundle of one ES module; values of `env` become text (str) or JSON bindings."""
        described = [
            {"type": "plain_text", "name": key, "text": value} if isinstance(value, str) else {"type": "json", "name": key, "json": value}
            for key, value in (env or {}).items()
        ]
        return cls(main=name, modules=(Module(name, ModuleKind.JS, source.encode()),), env=described, **settings)

    def check(self, limits: Limits) -> None:
        """Raise `BundleInvalid` (field and limit named) unless this may be tried under `limits`."""
        names: set[str] = set()
        total = 0
        if len(self.modules) > MODULE_COUNT:
            raise BundleInvalid(f"A worker may have {MODULE_COUNT} modules.", field="modules", limit=MODULE_COUNT)
        for module in self.modules:
            check_module_name(module.name)
            if module.name in names:
                raise BundleInvalid(f"There are two modules called {module.name!r}.", field="modules", module=module.name)
            names.add(module.name)
            total += len(module.content)
            if module.kind in (ModuleKind.JS, ModuleKind.TEXT, ModuleKind.JSON):
                _check_text(module)
        if total > limits.code_bytes:
            raise BundleInvalid(
                f"The modules take {total} bytes together, {limits.code_bytes} are allowed.",
                field="modules",
                limit=limits.code_bytes,
                size=total,
            )
        self._check_settings(names, limits)

    def _check_settings(self, names: set[str], limits: Limits) -> None:
        if self.main not in names:
            raise BundleInvalid(f"The main module {self.main!r} is not among the modules.", field="main_module", module=self.main)
        kind = next(module.kind for module in self.modules if module.name == self.main)
        if kind is not ModuleKind.JS:
            raise BundleInvalid(f"The main module {self.main!r} is not an ES module.", field="main_module", module=self.main)
        if not _is_date(self.compatibility_date):
            raise BundleInvalid("The compatibility date must be YYYY-MM-DD.", field="compatibility_date")
        seen: set[str] = set()
        for binding in self.env:
            name = binding.get("name")
            if not isinstance(name, str) or not _BINDING_NAME.fullmatch(name):
                raise BundleInvalid("A binding's name must be a JavaScript identifier.", field="bindings.name", binding=str(name)[:80])
            if name in seen:
                raise BundleInvalid(f"There are two bindings called {name!r}.", field="bindings.name", binding=name)
            seen.add(name)
        size = len(json.dumps(list(self.env))) + len(self.env_serialized)
        if size > limits.env_bytes:
            raise BundleInvalid(
                f"The environment takes {size} bytes, {limits.env_bytes} are allowed.",
                field="bindings",
                limit=limits.env_bytes,
                size=size,
            )


def check_module_name(name: str) -> None:
    """Raise `BundleInvalid` for a name that is empty, too long, absolute, climbing out, or has control characters."""
    reason = ""
    if not name or len(name.encode("utf-8", "surrogatepass")) > NAME_BYTES:
        reason = f"must have 1 to {NAME_BYTES} bytes"
    elif _CONTROL.search(name) or any("\ud800" <= char <= "\udfff" for char in name):
        reason = "must not hold control characters"
    elif "\\" in name or name.startswith("/"):
        reason = "must be relative, with forward slashes"
    elif ".." in name.split("/"):
        reason = "must not climb out of the bundle"
    elif ":" in name:
        reason = "must not hold a colon"
    if reason:
        raise BundleInvalid(f"A module's name {reason}.", field="modules.name", module=name[:80])


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _check_text(module: Module) -> None:
    try:
        text = module.content.decode()
    except UnicodeDecodeError as error:
        raise BundleInvalid(f"The module {module.name!r} is not UTF-8.", field="modules", module=module.name, offset=error.start) from None
    if module.kind is ModuleKind.JSON:
        try:
            json.loads(text)
        except (ValueError, RecursionError) as error:
            line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (None, None)
            raise BundleInvalid(
                f"The module {module.name!r} is not JSON.", field="modules", module=module.name, file=module.name, line=line, column=column
            ) from None
