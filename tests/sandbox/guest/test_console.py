"""console: what a line says, which level it has, and which request it belongs to."""

from __future__ import annotations

import asyncio

import pytest

from sandbox import Bundle, InvocationRecord, Sandbox

URL = "http://example.com/"


async def lines(box: Sandbox, body: str, before: str = "") -> list[tuple[str, str]]:
    """The (level, message) pairs a handler with this body writes."""
    worker = await box.load(
        "console", Bundle.js(f"{before}\nexport default {{ async fetch(request) {{ {body}; return new Response('x') }} }}")
    )
    records: list[InvocationRecord] = []
    worker.target.on_finish = records.append
    await (await worker.fetch(URL)).text()
    await asyncio.sleep(0)
    return [(line.level, line.message) for line in records[0].logs]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'a', 1, null, undefined, true, 2n, -0, Symbol('s')", "a 1 null undefined true 2n -0 Symbol(s)"),
        ("'%s is %d or %i, %f %% %j %x', 'x', '42.5', 42.9, '1.5', {a: 1}, 'rest'", 'x is 42 or 42, 1.5 % {"a":1} %x rest'),
        ("'100%', 5", "100% 5"),
        ("'%s', {a: {b: 1}}", "{ a: [Object] }"),
        ("'%cstyled%c', 'color: red', ''", "styled"),
        ("{a: 'x\\n\\'', 'b-c': [1, , 3], [Symbol('k')]: 1}", "{ a: \"x\\n'\", 'b-c': [ 1, <1 empty item>, 3 ], [Symbol(k)]: 1 }"),
        ("{a: {b: {c: {d: 1}}}}", "{ a: { b: { c: [Object] } } }"),
        ("new Map([['k', {v: 1}]]), new Set([1, 'a'])", "Map(1) { 'k' => { v: 1 } } Set(2) { 1, 'a' }"),
        ("new Uint8Array(3), new ArrayBuffer(8)", "Uint8Array(3) [ 0, 0, 0 ] ArrayBuffer { byteLength: 8 }"),
        ("(() => {}), class A {}, async function f() {}", "[Function (anonymous)] [class A] [AsyncFunction: f]"),
        ("new Date(0), /x/g, [undefined]", "1970-01-01T00:00:00.000Z /x/g [ undefined ]"),
        ("Promise.resolve(5), new WeakMap()", "Promise { 5 } WeakMap { <items unknown> }"),
        ("new (class Point { x = 1; get y() { throw 1 } })", "Point { x: 1 }"),
        ("{ get a() { throw 1 }, set b(v) {} }", "{ a: [Getter], b: [Setter] }"),
        ("Object.create(null)", "[Object: null prototype] {}"),
        ("new URL('http://h/p')", "URL { href: 'http://h/p', origin: 'http://h' }"),
        ("new Headers({a: 'b'})", "Headers { a: 'b' }"),
        ("''", ""),
        ("", ""),
    ],
)
async def test_what_a_line_says(box: Sandbox, arguments: str, message: str) -> None:
    assert await lines(box, f"console.log({arguments})") == [("log", message)]


async def test_cycles_and_large_values_end(box: Sandbox) -> None:
    (_, cyclic), (_, long_array), (_, wide) = await lines(
        box,
        "const a = {n: 1}; a.self = a; console.log(a); console.log(new Array(1000).fill(7));"
        "console.log(Object.fromEntries(Array.from({length: 5000}, (_, i) => ['k' + i, {}])))",
    )
    assert cyclic == "{ n: 1, self: [Circular] }"
    assert "... 900 more items" in long_array
    assert len(wide) < 4000


async def test_errors_show_their_stack_and_cause(box: Sandbox) -> None:
    [(level, message)] = await lines(box, "console.error(new TypeError('bad', { cause: new Error('why') }))")
    assert level == "error"
    assert message.startswith("TypeError: bad\n    at fetch (worker.js:2:")
    assert "[cause]: Error: why" in message
    assert "hostel:runtime" not in message


async def test_levels_and_helpers(box: Sandbox) -> None:
    said = await lines(
        box,
        "console.debug(1); console.info(2); console.warn(3); console.error(4); console.assert(true); console.assert(0, 'no', 5);"
        "console.count(); console.count(); console.countReset(); console.count(); console.time('t'); console.timeEnd('t'); console.timeEnd('t');"
        "console.group('G'); console.log('in\\nside'); console.groupEnd(); console.log('out'); console.dir({a: 1});"
        "console.table([{a: 1, b: 'x'}, {a: 2}])",
    )
    assert said[:5] == [("debug", "1"), ("info", "2"), ("warn", "3"), ("error", "4"), ("error", "Assertion failed: no 5")]
    assert said[5:8] == [("info", "default: 1"), ("info", "default: 2"), ("info", "default: 1")]
    assert said[8:10] == [("info", "t: 0ms"), ("warn", "Timer 't' does not exist")]
    assert said[10:14] == [("log", "G"), ("log", "  in\n  side"), ("log", "out"), ("log", "{ a: 1 }")]
    assert said[14][1].splitlines()[1:4] == ["│ (index) │ a │ b   │", "├─────────┼───┼─────┤", "│ 0       │ 1 │ 'x' │"]


async def test_a_long_line_is_cut(box: Sandbox) -> None:
    [(_, ascii_line), (_, wide_line), (_, short)] = await lines(
        box, "console.log('x'.repeat(100000)); console.log('é'.repeat(20000)); console.log('y'.repeat(32768))"
    )
    for line in (ascii_line, wide_line):
        assert line.endswith("… [line cut at 32 KiB]")
        assert 32_700 < len(line.encode()) <= 32_768
    assert len(short) == 32_768


async def test_lines_belong_to_their_own_request(box: Sandbox) -> None:
    source = """
      export default { async fetch(request) {
        const name = new URL(request.url).pathname;
        console.log("start", name);
        await scheduler.wait(name === "/a" ? 20 : 5);
        console.log("end", name);
        return new Response("x");
      } };
    """
    worker = await box.load("two", Bundle.js(source))
    records: list[InvocationRecord] = []
    worker.target.on_finish = records.append
    responses = await asyncio.gather(worker.fetch(URL + "a"), worker.fetch(URL + "b"))
    for response in responses:
        await response.text()
    await asyncio.sleep(0)
    said = sorted(tuple(line.message for line in record.logs) for record in records)
    assert said == [("start /a", "end /a"), ("start /b", "end /b")]
