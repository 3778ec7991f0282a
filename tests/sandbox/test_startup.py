"""Start-up: what a bundle's top level may do, and what is said when it does something else."""

from __future__ import annotations

import pytest

from sandbox import Bundle, BundleInvalid, HostelError, Limits, Module, ModuleKind, Sandbox

GOOD = "export default { fetch() { return new Response('ok') } }"


def bundle(**files: str) -> Bundle:
    modules = tuple(Module(name.replace("_", "."), ModuleKind.JS, source.encode()) for name, source in files.items())
    return Bundle(modules[0].name, modules)


@pytest.mark.parametrize(
    ("source", "code", "place"),
    [
        ("export default {\n  fetch( {}\n};", "script_syntax_error", (3, None)),
        ("\nconst x = 1;\nthrow new TypeError('no');", "script_top_level_threw", (3, None)),
        ("import { a } from './gone.js';\nexport default {};", "module_not_found", (1, 19)),
        ("for (;;);", "startup_cpu_exceeded", (None, None)),
        ("const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1));", "startup_memory_exceeded", (None, None)),
        ("await new Promise(() => {});\n" + GOOD, "script_top_level_unsettled", (None, None)),
        ("const down = () => down() + 1; down();", "script_top_level_threw", (1, None)),
        ("export const nothing = 1;", "script_no_handlers", (None, None)),
        ("await fetch('http://example.com/');" + GOOD, "script_top_level_threw", (1, None)),
        ("setTimeout(() => {}, 1);" + GOOD, "script_top_level_threw", (1, None)),
        ("crypto.randomUUID();" + GOOD, "script_top_level_threw", (1, None)),
        ("export const other = 1; import a from 'worker.js';" + GOOD.replace("default", "const x ="), "script_syntax_error", (None, None)),
    ],
)
async def test_what_is_refused(box: Sandbox, source: str, code: str, place: tuple[int | None, int | None]) -> None:
    with pytest.raises(HostelError) as caught:
        await box.build(Bundle.js(source), Limits(startup_cpu_ms=300, memory_bytes=32 * 1024 * 1024))
    error = caught.value
    assert (error.code, error.status, error.fault) == (code, 400, "tenant")
    line, column = place
    if line is not None:
        assert error.detail["file"] == "worker.js"
        assert error.detail["line"] == line
    if column is not None:
        assert error.detail["column"] == column


async def test_what_is_kept(box: Sandbox) -> None:
    built = await box.build(Bundle.js(GOOD + ";console.log('starting', 1)"))
    assert built.handlers == ("fetch",)
    assert built.startup_cpu_us > 0
    assert [line.message for line in built.logs] == ["starting 1"]
    assert built.warnings == ()


async def test_modules_of_every_kind(box: Sandbox) -> None:
    source = """
      import { answer } from "./lib/deep.js";
      import text from "./note.txt";
      import data from "./raw.bin";
      import json from "./conf.json";
      import wasm from "./code.wasm";
      import bare from "bare-name";
      export default { async fetch() {
        const late = await import("./lib/late.js");
        return Response.json([answer, text, [...new Uint8Array(data)], json.a, wasm.byteLength, bare, late.default]);
      } };
    """
    modules = (
        Module("worker.js", ModuleKind.JS, source.encode()),
        Module("lib/deep.js", ModuleKind.JS, b"import { base } from '../base.js'; export const answer = base + 2;"),
        Module("base.js", ModuleKind.JS, b"export const base = 40;"),
        Module("lib/late.js", ModuleKind.JS, b"export default 'late';"),
        Module("./note.txt", ModuleKind.TEXT, "h\u00e9llo".encode()),
        Module("raw.bin", ModuleKind.DATA, bytes([0, 255, 10])),
        Module("conf.json", ModuleKind.JSON, b'{"a": [1]}'),
        Module("code.wasm", ModuleKind.WASM, b"\0asm\1\0\0\0"),
        Module("bare-name", ModuleKind.JS, b"export default 'bare';"),
    )
    worker = await box.load("kinds", Bundle("worker.js", modules))
    response = await worker.fetch("http://example.com/")
    assert await response.text() == '[42,"h\u00e9llo",[0,255,10],[1],8,"bare","late"]'


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../up.js", "a/../../b", "nul\0", "back\\slash", "x" * 600, "file:///a", "a\nb"])
async def test_hostile_module_names(box: Sandbox, name: str) -> None:
    modules = (Module("worker.js", ModuleKind.JS, GOOD.encode()), Module(name, ModuleKind.TEXT, b""))
    with pytest.raises(BundleInvalid) as caught:
        await box.build(Bundle("worker.js", modules))
    assert caught.value.detail["field"] == "modules.name"


async def test_code_size_in_a_pair(box: Sandbox) -> None:
    padded = f"{GOOD}//{'x' * 1000}"
    await box.build(Bundle.js(padded), Limits(code_bytes=len(padded)))
    with pytest.raises(BundleInvalid) as caught:
        await box.build(Bundle.js(padded), Limits(code_bytes=len(padded) - 1))
    assert caught.value.detail["limit"] == len(padded) - 1


async def test_builds_are_deterministic(box: Sandbox) -> None:
    source = "const table = new Map([[1, {a: [2]}]]); const r = Math.random();" + GOOD
    first, second = [await box.build(Bundle.js(source)) for _ in range(2)]
    assert first.image == second.image


async def test_code_that_does_not_fit_into_memory(box: Sandbox) -> None:
    filler = Module("filler.txt", ModuleKind.TEXT, b"x" * 20_000_000)
    modules = (Module("worker.js", ModuleKind.JS, b"import text from './filler.txt';" + GOOD.encode()), filler)
    await box.build(Bundle("worker.js", modules))
    for limit in (64, 48, 32, 24):
        with pytest.raises(HostelError) as caught:
            await box.build(Bundle("worker.js", modules), Limits(memory_bytes=limit * 1024 * 1024 // 2))
        assert caught.value.code == "startup_memory_exceeded"
