"""The heap: what the base image holds stays, what a worker throws away goes, and neither is mistaken for the other."""

from __future__ import annotations

from itertools import count

import pytest

from sandbox import Bundle, InvocationRecord, Limits, Sandbox
from sandbox.guest.patch import PatchFailed, patched

URL = "http://example.com/"
MIB = 1024 * 1024
_NAMES = count()


async def answer(box: Sandbox, body: str, *, before: str = "", memory: int = 64 * MIB, requests: int = 1) -> tuple[str, InvocationRecord]:
    """The last answer of a handler with this body, and its record."""
    code = f"{before}\nexport default {{ async fetch(request, env) {{ {body} }} }}"
    worker = await box.load(f"heap{next(_NAMES)}", Bundle.js(code), limits=Limits(memory_bytes=memory, cpu_ms=20_000))
    records: list[InvocationRecord] = []
    worker.target.on_finish = records.append
    text = ""
    for _ in range(requests):
        text = await (await worker.fetch(URL)).text()
    return text, records[-1]


async def test_cycles_are_collected(box: Sandbox) -> None:
    """Sixty megabytes of pairs that hold each other, in a heap of twenty-four."""
    body = """
        for (let i = 0; i < 200_000; i++) { const a = { n: i }, b = { a, f: () => a }; a.b = b; }
        return new Response("done");
    """
    text, record = await answer(box, body, memory=24 * MIB)
    assert (text, record.outcome) == ("done", "ok")
    assert record.memory_bytes < 20 * MIB


async def test_what_hangs_on_a_built_in_survives_the_collector(box: Sandbox) -> None:
    before = """
        globalThis.kept = { list: [1, 2, 3], self: null }; kept.self = kept;
        Array.prototype.mine = { text: "a" + "b" };
        Response.extra = new Map([["k", { v: 1 }]]);
        Object.defineProperty(URL.prototype, "own", { get() { return kept.list.length; }, configurable: true });
    """
    body = """
        for (let i = 0; i < 60_000; i++) { const a = {}; a.a = a; }
        return Response.json([kept.self.list, [].mine.text, Response.extra.get("k").v, new URL(request.url).own]);
    """
    text, _ = await answer(box, before=before, body=body, requests=3)
    assert text == '[[1,2,3],"ab",1,3]'


async def test_built_ins_can_be_changed_and_others_do_not_notice(box: Sandbox) -> None:
    change = """
        for (let i = 0; i < 40; i++) { Response["x" + i] = i; Headers.prototype["y" + i] = i; Math["z" + i] = i; }
        delete Response.x7; delete Math.abs; delete Headers.prototype.y3;
        Object.prototype.polluted = "yes";
        Object.setPrototypeOf(Request.prototype, { inherited: 1 });
        for (let i = 0; i < 60_000; i++) { const a = {}; a.a = a; }
    """
    look = "return Response.json([Response.x39, Response.x7, new Headers().y39, typeof Math.abs, ({}).polluted, request.inherited])"
    changed, _ = await answer(box, look, before=change, requests=2)
    assert changed == '[39,null,39,"undefined","yes",1]'
    untouched, _ = await answer(box, look)
    assert untouched == '[null,null,null,"function",null,null]'


async def test_strings_of_the_base_image_are_never_changed_in_place(box: Sandbox) -> None:
    body = """
        let text = Response.name; text += " and more"; text += "!".repeat(100);
        let other = (function named() {}).name; other += "x";
        return Response.json([Response.name, text.length, other, Object.prototype.toString.name, "fetch" in env]);
    """
    text, _ = await answer(box, body, requests=2)
    assert text == '["Response",117,"namedx","toString",false]'


async def test_shapes_of_the_base_image_are_shared_and_not_changed_in_place(box: Sandbox) -> None:
    body = """
        const made = Array.from({ length: 50 }, (_, i) => Object.assign(Object.create(Object.prototype), { a: i, ["p" + i]: i }));
        const plain = Object.keys(JSON.parse('{"a":1}')).join();
        return Response.json([plain, made.map((one) => Object.keys(one).join()).filter((keys, i) => keys !== "a,p" + i).length]);
    """
    text, _ = await answer(box, body, requests=2)
    assert text == '["a",0]'


async def test_large_blocks_grow_shrink_and_go(box: Sandbox) -> None:
    body = """
        let sum = 0;
        for (let round = 0; round < 40; round++) {
          const list = []; for (let i = 0; i < 20_000; i++) list.push(i);
          list.length = 10; const bytes = new Uint8Array(1 << 20).fill(round); sum += bytes[5] + list.length;
          const text = "ab".repeat(100_000); sum += text.length;
        }
        return new Response(String(sum));
    """
    text, record = await answer(box, body, memory=32 * MIB)
    assert text == str(sum(range(40)) + 40 * 10 + 40 * 200_000)
    assert record.memory_bytes < 28 * MIB


async def test_an_idle_worker_costs_few_pages(box: Sandbox) -> None:
    """A worker's own objects stand together, and counting references changes nothing of the base image."""
    built = await box.build(Bundle.js("export default { fetch: () => new Response('x') }"))
    image = box._engine.unpack(built.image, 64 * MIB)
    pages = {address // 4096 for address, _, _ in image.patches} | {(address + length - 1) // 4096 for address, _, length in image.patches}
    assert len(pages) < 25, sorted(pages)


def test_another_engine_is_not_patched_by_guess() -> None:
    with pytest.raises(PatchFailed, match="JS_REF_COUNT as it was"):
        patched("int main() {}", "")
    with pytest.raises(PatchFailed, match="places of"):
        patched("#define JS_REF_COUNT(p) (js_rc(p)->ref_count)\n", "")
