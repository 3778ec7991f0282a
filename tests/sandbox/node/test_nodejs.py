"""Node's modules: what they answer beside Node itself, who gets them, and what they cost who does not."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import count
from pathlib import Path

import pytest

from sandbox import Bundle, Module, ModuleKind, Sandbox, nodejs
from sandbox.errors import StartupFailed

HERE = Path(__file__).parent
NUMBERS = count()
EXPRESSIONS = (HERE / "expressions.js").read_text()
NAMES = [
    "assert",
    "async_hooks",
    "buffer",
    "crypto",
    "diagnostics_channel",
    "events",
    "path",
    "querystring",
    "stream",
    "string_decoder",
    "url",
    "util",
    "timers/promises",
]
IMPORTS = "\n".join(f'import {name.replace("/", "_")} from "node:{name}";' for name in NAMES)
RUN = """
export async function answers(all) {
  const out = [];
  for (const one of all) {
    let answer;
    try { answer = await one(); } catch (error) { answer = `threw ${error.stack}`; }
    out.push([String(one).slice(0, 200), answer === undefined ? "undefined" : answer]);
  }
  return out;
}
"""
# The modules are names in the expressions: they are in one scope with them.
WHOLE = IMPORTS + EXPRESSIONS.replace("export default", "const all =") + RUN
WORKER = WHOLE + "export default { async fetch() { return Response.json(await answers(all)); } };"


def bundle(source: str, *flags: str, date: str = "2025-06-01", **env: str) -> Bundle:
    return Bundle.js(source, compatibility_date=date, compatibility_flags=flags, env=env)


async def answer(box: Sandbox, source: str, *flags: str, date: str = "2025-06-01", **env: str) -> str:
    worker = await box.load(f"w{next(NUMBERS)}", bundle(source, *flags, date=date, **env))
    return await (await worker.fetch("http://example.com/")).text()


async def test_the_answers_are_nodes(box: Sandbox, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on this machine")
    script = tmp_path / "all.mjs"
    script.write_text(WHOLE + "process.stdout.write(JSON.stringify(await answers(all)));")
    done = subprocess.run([node, script], capture_output=True, text=True, check=True, timeout=60)
    theirs = json.loads(done.stdout)
    ours = json.loads(await answer(box, WORKER, "nodejs_compat"))
    wrong = [(one, other[1]) for one, other in zip(ours, theirs, strict=True) if one[1] != other[1]]
    assert not wrong, "\n".join(map(str, wrong))


SAY = "export default { fetch: () => new Response(String(%s)) };"


async def test_bare_names_and_globals_come_with_the_flag(box: Sandbox) -> None:
    source = 'import { Buffer as B } from "buffer"; import p from "process";' + SAY % "[B === Buffer, p === process, global === globalThis]"
    assert await answer(box, source, "nodejs_compat") == "true,true,true"
    assert await answer(box, source, "nodejs_compat_v2") == "true,true,true"


@pytest.mark.parametrize("name", ["node:buffer", "buffer", "node:async_hooks"])
async def test_nothing_comes_without_it(box: Sandbox, name: str) -> None:
    with pytest.raises(StartupFailed) as caught:
        await box.build(bundle(f'import "{name}";' + SAY % "1"))
    assert caught.value.code == "module_not_found"
    assert await answer(box, SAY % "[typeof Buffer, typeof process, typeof global]") == "undefined,undefined,undefined"


async def test_one_flag_is_for_storage_alone(box: Sandbox) -> None:
    source = 'import { AsyncLocalStorage } from "node:async_hooks";' + SAY % "[new AsyncLocalStorage().run(7, () => 8), typeof Buffer]"
    assert await answer(box, source, "nodejs_als") == "8,undefined"
    with pytest.raises(StartupFailed):
        await box.build(bundle('import "node:buffer";' + SAY % "1", "nodejs_als"))


async def test_a_module_that_is_not_there(box: Sandbox) -> None:
    with pytest.raises(StartupFailed) as caught:
        await box.build(bundle('import "node:fs";' + SAY % "1", "nodejs_compat"))
    assert 'No such module "node:fs"' in caught.value.message


async def test_the_runtimes_own_door_is_closed(box: Sandbox) -> None:
    source = 'import "hostel:internal";' + SAY % "1"
    for code in (bundle(source), bundle(source, "nodejs_compat")):
        with pytest.raises(StartupFailed):
            await box.build(code)
    # A module cannot pretend to be one of Node's: its name would need a colon.
    with pytest.raises(Exception, match="colon"):
        await box.build(Bundle("node:x", (Module("node:x", ModuleKind.JS, source.encode()),), compatibility_flags=("nodejs_compat",)))


async def test_the_environment(box: Sandbox) -> None:
    source = SAY % "process.env.KEY"
    assert await answer(box, source, "nodejs_compat", KEY="v") == "v"
    assert await answer(box, source, "nodejs_compat", date="2025-03-31", KEY="v") == "undefined"
    assert await answer(box, source, "nodejs_compat", "nodejs_compat_populate_process_env", date="2025-03-31", KEY="v") == "v"
    assert await answer(box, source, "nodejs_compat", "nodejs_compat_do_not_populate_process_env", KEY="v") == "undefined"


async def test_code_from_strings_stays_off(box: Sandbox) -> None:
    source = "export default { fetch() { try { return new Response(new Function('return 1')()); } catch (e) { return new Response(e.name); } } };"
    assert await answer(box, source, "nodejs_compat") == "EvalError"


async def test_stores_do_not_leak_between_requests(box: Sandbox) -> None:
    source = """
      import { AsyncLocalStorage } from "node:async_hooks";
      const store = new AsyncLocalStorage();
      export default {
        async fetch(request) {
          const before = store.getStore();
          store.enterWith(new URL(request.url).pathname);
          await scheduler.wait(1);
          return new Response(`${before} ${store.getStore()}`);
        },
      };
    """
    worker = await box.load("w", bundle(source, "nodejs_compat"))
    for path in ("/a", "/b", "/c"):
        assert await (await worker.fetch(f"http://example.com{path}")).text() == f"undefined {path}"


async def test_builtin_modules_can_be_asked_for(box: Sandbox) -> None:
    source = 'const path = process.getBuiltinModule("node:path");' + SAY % "[path.join('a', 'b'), process.getBuiltinModule('nope')]"
    assert await answer(box, source, "nodejs_compat") == "a/b,"


def test_who_names_nothing_gets_nothing_more() -> None:
    plain = Bundle.js('export default {}; const a = "nothing/here";', compatibility_flags=("nodejs_compat",))
    names = {module.name for module in nodejs.modules(plain, plain.modules)}
    assert "node:stream" not in names
    assert {"node:_start", "node:buffer", "node:process"} <= names
    assert not nodejs.wanted(Bundle.js("export default {}"))
    with_stream = Bundle.js('import { Readable } from "stream/promises";', compatibility_flags=("nodejs_compat",))
    assert "node:stream" in {module.name for module in nodejs.modules(with_stream, with_stream.modules)}
