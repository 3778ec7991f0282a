"""Runs Web Platform Tests files as workers and says what came of it.

    make conformance WPT_DIR=/where/the/tests/are            writes docs/conformance.md; fails when something got worse
    python tests/sandbox/conformance/run.py DIR url/ -v      only what has this in its name, with each failure

Owns running, comparing with `expected.json` (which may only get shorter: `--accept-new` is for newly added files) and the report. The tests themselves
are not part of Hostel: any checkout of web-platform-tests, or a copy of its parts such as Node's `test/fixtures/wpt`, will do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

import wpt  # noqa: E402

from sandbox import Limits, PoolConfig, Request, Response, Sandbox, SandboxConfig  # noqa: E402
from sandbox.errors import HostelError  # noqa: E402

EXPECTED = wpt.HERE / "expected.json"
PAGE = ROOT / "docs" / "conformance.md"
# What a subtest fails for that asks for a global which no worker has, by its message: such a subtest does not apply.
FOREIGN = re.compile(
    r"\b(document|XMLHttpRequest|Worker|SharedWorker|SharedArrayBuffer|FileReader|FileReaderSync|Image|HTMLElement|Node|ServiceWorkerContainer"
    r"|VideoFrame|indexedDB|postMessage|onmessage|localStorage|ShadowRealm|MutationObserver|BroadcastChannel|window|frames) is not defined\b"
)
STATUS = ("passed", "failed", "timed out", "not run", "precondition failed")
PASSED, NOT_APPLICABLE = 0, 4
TYPES = {".json": b"application/json", ".txt": b"text/plain", ".js": b"text/javascript", ".html": b"text/html"}


@dataclass(slots=True)
class Result:
    """What one run gave."""

    case: wpt.Case
    # (name, status, message) of each subtest.
    tests: list[tuple[str, int, str]] = field(default_factory=list)
    # Why there are none, or not all.
    broken: str = ""

    @property
    def failures(self) -> dict[str, str]:
        """Messages of what did not pass, by subtest; the file's own trouble is called "(file)"."""
        failed = {name: f"{STATUS[status]}: {message}" for name, status, message in self.tests if status not in {PASSED, NOT_APPLICABLE}}
        if self.broken:
            failed["(file)"] = self.broken
        return failed


class Files:
    """Stands for the test server: answers with the files below a folder, and as the two of its scripts that the suites need."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    async def __call__(self, request: Request) -> Response:
        address = urlsplit(request.url)
        if address.path.endswith("/inspect-headers.py"):
            wanted = [name.encode() for name in parse_qs(address.query)["headers"][0].lower().split("|")]
            shown = [(b"x-request-" + name, value) for name, value in request.headers if name in wanted]
            return Response(200, "OK", [*shown, (b"content-type", b"text/plain")], b"", "cold", "files")
        if address.path.endswith("/echo-content.py"):
            body = request.body if isinstance(request.body, bytes | None) else b"".join([chunk async for chunk in request.body])
            return Response(200, "OK", [(b"content-type", b"text/plain")], body or b"", "cold", "files")
        path = (self._root / request.url.removeprefix(wpt.ORIGIN).split("?")[0].split("#")[0].lstrip("/")).resolve()
        if not request.url.startswith(wpt.ORIGIN) or not path.is_file() or self._root not in path.parents or path.suffix == ".py":
            return Response(404, "Not Found", [], b"", "cold", "files")
        kind = TYPES.get(path.suffix, b"application/octet-stream")
        return Response(200, "OK", [(b"content-type", kind)], path.read_bytes(), "cold", "files")


async def run_case(box: Sandbox, root: Path, case: wpt.Case) -> Result:
    """One file in an isolate of its own."""
    result = Result(case)
    limits = Limits(
        cpu_ms=120_000, wall_ms=600_000 if case.slow else 60_000, startup_cpu_ms=20_000, memory_bytes=512 * 1024 * 1024, subrequests=1000
    )
    try:
        worker = await box.load(case.name, wpt.bundle(root, case), limits=limits, mode="fresh")
        worker.target.outbound_worker = Files(root)
        answer = json.loads(await (await worker.fetch(wpt.ORIGIN)).text())
    except HostelError as error:
        result.broken = f"{error.code}: {error.message} {error.detail.get('exception_message', '')}".strip()
        return result
    except OSError as error:
        result.broken = f"a part of the test is missing: {Path(str(error.filename)).name}"
        return result
    suite = next(suite for suite in wpt.suites() if suite.name == case.suite)
    # The same name may stand for several subtests.
    seen: dict[str, int] = defaultdict(int)
    for name, status, message in answer["tests"]:
        seen[name] += 1
        foreign = status == 1 and (not suite.applies(name) or FOREIGN.search(message or "") is not None)
        result.tests.append((name if seen[name] == 1 else f"{name} #{seen[name]}", NOT_APPLICABLE if foreign else status, message or ""))
    if answer["status"] != 0 and not FOREIGN.search(answer["message"] or ""):
        result.broken = f"harness: {answer['message']}"
    return result


async def run_all(root: Path, wanted: Iterable[str] = (), *, guest: Path, progress: bool = False, side_by_side: int = 3) -> list[Result]:
    """Every case whose name contains one of `wanted` (all without any), in the list's order."""
    wanted = list(wanted)
    chosen = [one for suite in wpt.suites() for one in wpt.cases(root, suite) if not wanted or any(part in one.name for part in wanted)]
    room = asyncio.Semaphore(side_by_side)
    config = SandboxConfig(guest_home=guest, pool=PoolConfig(budget_bytes=64 * 1024 * 1024), egress=None)

    async def one(case: wpt.Case) -> Result:
        async with room:
            if progress:
                print(case.name, file=sys.stderr, flush=True)
            return await run_case(box, root, case)

    async with Sandbox(config) as box:
        return await asyncio.gather(*(one(case) for case in chosen))


def expected() -> dict[str, list[str]]:
    """Subtests that are known to fail, by run."""
    return json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}


def worse(results: Iterable[Result]) -> dict[str, dict[str, str]]:
    """What failed and is not on the list."""
    known = expected()
    found = {}
    for result in results:
        fresh = {name: message for name, message in result.failures.items() if name not in known.get(result.case.name, ())}
        if fresh:
            found[result.case.name] = fresh
    return found


def page(root: Path, results: list[Result]) -> str:
    """docs/conformance.md."""
    lines = [
        "# Conformance",
        "",
        "Web Platform Tests, run as workers by `make conformance WPT_DIR=…`, which writes this page. The tests are not part of Hostel: any checkout of",
        "web-platform-tests will do, or a copy of its parts (Node and undici carry those that matter). What applies, and what is known to fail, is in",
        "`tests/sandbox/conformance`: the list of failures may only get shorter, and a run that finds a new one fails.",
        "",
        "A worker has no base URL, and the tests count on one: the runner resolves the relative URLs of `fetch`, `new Request`, `Response.redirect`",
        "against the file's address. Test files run as the body of a function in a module, so in strict mode.",
        "",
        "| suite | files | excluded | subtests | passed | |",
        "|---|---|---|---|---|---|",
    ]
    total = [0, 0, 0, 0]
    excluded: dict[str, list[str]] = defaultdict(list)
    for suite in wpt.suites():
        own = [result for result in results if result.case.suite == suite.name]
        out = [(path, suite.reason(path)) for path in wpt.files(root, suite) if suite.reason(path) is not None]
        for path, reason in out:
            excluded[str(reason)].append(path)
        tests = [status for result in own for _, status, _ in result.tests if status != NOT_APPLICABLE]
        broken = sum(1 for result in own if result.broken and not result.tests)
        count, passed = len(tests) + broken, tests.count(PASSED)
        paths = len({result.case.path for result in own})
        total = [a + b for a, b in zip(total, (paths, len(out), count, passed), strict=True)]
        lines.append(f"| {suite.name} | {paths} | {len(out)} | {count:,} | {passed:,} | {_share(passed, count)} |")
    lines.append(f"| **all** | {total[0]} | {total[1]} | {total[2]:,} | {total[3]:,} | **{_share(total[3], total[2])}** |")
    lines += ["", "## What is excluded", "", "| why | files |", "|---|---|"]
    lines += [f"| {reason} | {_few(paths)} |" for reason, paths in sorted(excluded.items(), key=lambda pair: -len(pair[1]))]
    lines += ["", "## What fails", "", "| file | subtests |", "|---|---|"]
    failing = sorted(((result.case.name, result.failures) for result in results if result.failures), key=lambda pair: pair[0])
    lines += [f"| `{name}` | {_names(failed)} |" for name, failed in failing]
    return "\n".join(lines) + "\n"


def _share(passed: int, count: int) -> str:
    return f"{100 * passed / count:.1f} %" if count else ""


def _few(paths: list[str]) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:4])
    return shown if len(paths) <= 4 else f"{shown} and {len(paths) - 4} more"


def _names(failed: dict[str, str]) -> str:
    first = (
        "".join(one if " " <= one <= "~" else f"\\u{ord(one):04x}" for one in next(iter(failed)))[:80].replace("|", "\\|").replace("`", "'")
    )
    return first if len(failed) == 1 else f"{len(failed)}: {first}, …"


def main() -> int:
    """The command; 1 when something that passed before fails."""
    parser = argparse.ArgumentParser(description="Run Web Platform Tests files as workers.")
    parser.add_argument("directory", type=Path, help="a checkout of web-platform-tests, or of parts of it")
    parser.add_argument("wanted", nargs="*", help="only runs whose name contains one of these; then nothing is written")
    parser.add_argument("-v", "--verbose", action="store_true", help="print each failure")
    parser.add_argument(
        "--accept-new", action="store_true", help="write every failure into expected.json, for files that were not run before"
    )
    parser.add_argument("--guest", type=Path, default=Path(os.environ.get("HOSTEL_GUEST_HOME", ROOT / "var" / "guest")))
    options = parser.parse_args()
    root: Path = options.directory
    if not (root / "resources/testharness.js").is_file():
        parser.error(f"{root} has no resources/testharness.js")
    results = asyncio.run(run_all(root, options.wanted, guest=options.guest, progress=options.verbose))
    if options.verbose:
        for result in results:
            for name, message in result.failures.items():
                print(f"{result.case.name}\n    {name}\n        {message[:600]}".encode("utf-8", "backslashreplace").decode())
    fresh = worse(results)
    if not options.wanted:
        PAGE.write_text(page(root, results))
        failing = {result.case.name: sorted(result.failures) for result in results if result.failures}
        known = expected()
        shorter = {name: [one for one in known[name] if one in failing.get(name, ())] for name in known}
        kept = failing if options.accept_new else shorter
        EXPECTED.write_text(json.dumps({name: kept[name] for name in sorted(kept) if kept[name]}, indent=0) + "\n")
    passed = sum(1 for result in results for _, status, _ in result.tests if status == PASSED)
    count = sum(1 for result in results for _, status, _ in result.tests if status != NOT_APPLICABLE)
    print(f"{len(results)} runs, {passed} of {count} subtests passed, {sum(map(len, fresh.values()))} fail that did not before")
    if not options.verbose:
        for name, failed in fresh.items():
            print(f"  {name}: {_names(failed)}")
    return 1 if fresh and not options.accept_new else 0


if __name__ == "__main__":
    sys.exit(main())
