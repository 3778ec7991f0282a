"""What workers see, asked by workers: every exported function of `workers/*.js` is one test, run in the real guest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox import Bundle, Limits, Module, ModuleKind, Request, Sandbox

WORKERS = Path(__file__).parent / "workers"
SHARED = "check.js"
_EXPORTED = re.compile(r"^export async function (\w+)", re.MULTILINE)

RUN = """
import * as tests from "./{topic}";
export default {{
  async fetch(request, env, ctx) {{
    try {{
      await tests[new URL(request.url).pathname.slice(1)](request, env, ctx);
      return new Response("passed");
    }} catch (error) {{
      return new Response(`${{error}}\\n${{error?.stack}}`, {{ status: 500 }});
    }}
  }},
}};
"""

CASES = [
    pytest.param(path.name, name, id=f"{path.stem}-{name}")
    for path in sorted(WORKERS.glob("*.js"))
    if path.name != SHARED
    for name in _EXPORTED.findall(path.read_text())
]


def bundle(topic: str) -> Bundle:
    """The worker that runs the functions of `topic`."""
    modules = [Module("run.js", ModuleKind.JS, RUN.format(topic=topic).encode())]
    modules += [Module(name, ModuleKind.JS, (WORKERS / name).read_bytes()) for name in (topic, SHARED)]
    return Bundle(main="run.js", modules=modules, env=({"type": "worker_loader", "name": "LOADER"},))


def test_every_topic_has_tests() -> None:
    assert len(CASES) > 90


@pytest.mark.parametrize(("topic", "name"), CASES)
async def test_worker(box: Sandbox, topic: str, name: str) -> None:
    # Far more than any of them takes: what is measured elsewhere must not fail here on a slow machine.
    worker = await box.load(topic.removesuffix(".js"), bundle(topic), limits=Limits(cpu_ms=10_000))
    request = Request("POST", f"http://example.com/{name}", [(b"host", b"example.com")], b"body")
    response = await box.dispatch(worker.target, request)
    assert await response.text() == "passed"
