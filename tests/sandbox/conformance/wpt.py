"""Web Platform Tests files as workers: which files there are, what each needs, and the bundle that runs it.

Owns reading the files' META lines and making bundles. Must not run anything (run.py does) nor say what applies (suites.toml does).
"""

from __future__ import annotations

import fnmatch
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox import Bundle, Module, ModuleKind

HERE = Path(__file__).parent
ORIGIN = "http://web-platform.test:8000"
_META = re.compile(r"^//\s*META:\s*([\w-]+)=(.*?)\s*$")
_IMPORT = re.compile(r"""importScripts\(\s*((?:["'][^"']+["']\s*,?\s*)+)\)""")
_QUOTED = re.compile(r"""["']([^"']+)["']""")
# What the test server answers with another file.
ALIASES = {"/resources/WebIDLParser.js": "resources/webidl2/lib/webidl2.js"}
KINDS = (".any.js", ".window.js", ".worker.js")

_OBJECTS = re.compile(r"add_objects\((.*?)\);", re.DOTALL)
_QUOTED_ANY = re.compile(r"""(["'`])((?:(?!\1).)+)\1""")
_FUNCTION = re.compile(r"^(?:async )?function\s*\*?\s*(\w+)", re.MULTILINE)
_ASSIGNED = re.compile(r"^\s*([A-Za-z_]\w*)\s*=[^=>]", re.MULTILINE)
_DECLARED = re.compile(r"^(?:var|let|const|function|class)\s+(\w+)", re.MULTILINE)

WORKER = """
async function run(harnessDone) {
%s
}
export default {
  async fetch() {
    const result = await new Promise((resolve) => run.call(globalThis, resolve).catch((error) => resolve({ status: 1, message: `${error}\\n${error.stack}`, tests: [] })));
    return Response.json(result);
  },
};
"""
REPORT = """
add_completion_callback((tests, status) => {
  harnessDone({ status: status.status, message: status.message, tests: tests.map((one) => [one.name, one.status, one.message]) });
});
"""


@dataclass(frozen=True, slots=True)
class Suite:
    """A folder of tests, with what of it does not apply."""

    name: str
    include: tuple[str, ...]
    # Pattern (of paths) and reason.
    exclude: tuple[tuple[str, str], ...]
    # The same for subtests, by a regular expression of their names.
    subtests: tuple[tuple[re.Pattern[str], str], ...] = ()

    def applies(self, subtest: str) -> bool:
        """Whether a subtest is one that a worker could pass."""
        return not any(pattern.search(subtest) for pattern, _ in self.subtests)

    def reason(self, path: str) -> str | None:
        """Why a file does not apply; None when it does."""
        return next((reason for pattern, reason in self.exclude if fnmatch.fnmatch(path, pattern)), None)


@dataclass(frozen=True, slots=True)
class Case:
    """One run: a file and, where it has several, one of its variants."""

    suite: str
    path: str
    variant: str
    slow: bool

    @property
    def name(self) -> str:
        """The name in lists."""
        return self.path + self.variant


def suites() -> list[Suite]:
    """The committed list."""
    data = tomllib.loads((HERE / "suites.toml").read_text())
    everywhere = tuple((one["files"], one["reason"]) for one in data["exclude"])
    found = []
    for suite in data["suite"]:
        exclude = tuple((one["files"], one["reason"]) for one in suite.get("exclude", ()))
        subtests = tuple((re.compile(one["names"]), one["reason"]) for one in suite.get("subtests", ()))
        found.append(Suite(suite["name"], tuple(suite["include"]), exclude + everywhere, subtests))
    return found


def meta(source: str) -> list[tuple[str, str]]:
    """The META lines at the head of a file."""
    pairs = []
    for line in source.splitlines():
        if not line.strip():
            continue
        if not line.startswith("//"):
            break
        if found := _META.match(line):
            pairs.append((found[1], found[2]))
    return pairs


def files(root: Path, suite: Suite) -> Iterator[str]:
    """Every test file of a suite that a worker could run, whether it applies or not, by path below `root`."""
    paths = {path.relative_to(root).as_posix() for pattern in suite.include for path in root.glob(pattern)}
    yield from sorted(path for path in paths if path.endswith(KINDS))


def cases(root: Path, suite: Suite) -> Iterator[Case]:
    """The runs of a suite."""
    for path in files(root, suite):
        if suite.reason(path) is not None:
            continue
        pairs = meta((root / path).read_text())
        slow = ("timeout", "long") in pairs
        for variant in [value for key, value in pairs if key == "variant"] or [""]:
            if suite.reason(path + variant) is None:
                yield Case(suite.name, path, variant, slow)


def bundle(root: Path, case: Case) -> Bundle:
    """The worker that runs one case."""
    source = (root / case.path).read_text()
    scripts = [value for key, value in meta(source) if key == "script"]
    for group in _IMPORT.findall(source):
        scripts += [name for name in _QUOTED.findall(group) if not name.endswith("/testharness.js")]
    folder = Path(case.path).parent
    address = f"{ORIGIN}/{case.path}{case.variant}"
    parts = [(HERE / "preamble.js").read_text().replace("WPT_ADDRESS", json.dumps(address))]
    parts += [(root / "resources/testharness.js").read_text(), REPORT]
    parts += [(root / (ALIASES.get(name, name[1:]) if name.startswith("/") else _joined(folder, name))).read_text() for name in scripts]
    parts.append(source)
    if "/resources/idlharness.js" in scripts:
        parts = [_without_eval(part, source) for part in parts]
    parts[0] += _as_globals("\n".join(parts[3:]))
    return Bundle(main="test.js", modules=[Module("test.js", ModuleKind.JS, (WORKER % "\n;\n".join(parts)).encode())])


def _without_eval(script: str, test: str) -> str:
    """idlharness.js without eval(), which no worker has, and with a worker's global for that of a dedicated worker."""
    expressions = {json.dumps(text): text for block in _OBJECTS.findall(test) for _, text in _QUOTED_ANY.findall(block)}
    table = ", ".join(f"{key}: () => ({text})" for key, text in expressions.items())
    script = script.replace("obj = eval(desc);", f"obj = {{ {table} }}[desc]();")
    return script.replace(
        "return false;\n    }\n    throw new IdlHarnessError",
        'return globals.has("DedicatedWorker");\n    }\n    throw new IdlHarnessError',
    )


def _as_globals(source: str) -> str:
    """Statements that make global what a classic script would: its functions, and the names it assigns to without declaring them."""
    functions = dict.fromkeys(_FUNCTION.findall(source))
    declared = set(_DECLARED.findall(source))
    assigned = [name for name in dict.fromkeys(_ASSIGNED.findall(source)) if name not in declared]
    lines = [f'if (typeof {name} === "function") globalThis.{name} = {name};' for name in functions]
    lines += [f'if (!("{name}" in globalThis)) globalThis.{name} = undefined;' for name in assigned]
    return "\n".join(lines)


def _joined(folder: Path, name: str) -> Path:
    for part in name.split("/"):
        folder = folder.parent if part == ".." else folder / part if part != "." else folder
    return folder
