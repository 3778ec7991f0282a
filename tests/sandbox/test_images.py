"""Images: an instance restored from one is what a fresh start would be, except sooner."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Bundle, Sandbox
from sandbox.engine.image import Image, ImageInvalid

STATEFUL = """
const counter = (() => { let n = 41; return () => ++n; })();
class Box { #secret = "kept"; get secret() { return this.#secret; } }
const box = new Box();
const map = new Map([["k", new Set([1, 2])]]);
const view = new Float64Array([1.5, 2.5]);
const symbol = Symbol("s");
const loaded = await Promise.resolve("awaited");
let settle; const pending = new Promise((resolve) => { settle = resolve; });
const chained = pending.then((value) => value + "!");
globalThis.shared = { started: Date.now() };
export default {
  async fetch(request) {
    if (request.url.endsWith("/random")) {
      return Response.json([Math.random(), crypto.randomUUID(), [...crypto.getRandomValues(new Uint8Array(8))].join()]);
    }
    if (request.url.endsWith("/now")) return Response.json([Date.now(), shared.started]);
    settle("settled");
    return Response.json([counter(), box.secret, map.get("k").size, view[1], symbol.description, loaded, await chained]);
  },
};
"""


async def test_state_is_kept_and_not_shared(box: Sandbox) -> None:
    worker = await box.load("stateful", Bundle.js(STATEFUL), mode="fresh")
    for _ in range(3):
        response = await worker.fetch("http://example.com/")
        assert await response.text() == '[42,"kept",2,2.5,"s","awaited","settled!"]'
        assert response.start == "cold"


async def test_a_thousand_restores_share_no_randomness(box: Sandbox) -> None:
    worker = await box.load("random", Bundle.js(STATEFUL), mode="fresh")
    answers = [await (await worker.fetch("http://example.com/random")).text() for _ in range(1000)]
    assert len(set(answers)) == 1000
    columns = zip(*(answer.strip("[]").split(",", 2) for answer in answers), strict=True)
    assert [len(set(column)) for column in columns] == [1000, 1000, 1000]


async def test_time_is_the_requests_own(box: Sandbox) -> None:
    worker = await box.load("clock", Bundle.js(STATEFUL), mode="fresh")
    first, second = [await (await worker.fetch("http://example.com/now")).text() for _ in range(2)]
    assert first.endswith(",0]")
    assert second >= first


async def test_reuse_keeps_state_between_requests(box: Sandbox) -> None:
    worker = await box.load("reused", Bundle.js("let n = 0; export default { fetch: () => new Response(String(++n)) }"))
    answers = [await (await worker.fetch("http://example.com/")).text() for _ in range(3)]
    assert answers == ["1", "2", "3"]


async def test_an_image_of_another_build_is_not_used(box: Sandbox) -> None:
    built = await box.build(Bundle.js(STATEFUL))
    limit = 64 * 1024 * 1024
    engine = box._engine
    image = engine.unpack(built.image, limit)
    foreign = replace(image, build="0" * 20).encode(engine.base)
    with pytest.raises(ImageInvalid):
        engine.unpack(foreign, limit)
    # What is stored is what has changed, not the pages it lies in.
    assert len(built.image) < len(image.data) // 10


@given(st.binary(max_size=200), st.integers(0, 120))
def test_damaged_images_are_refused(noise: bytes, cut: int) -> None:
    base = bytes(6000)
    whole = Image("b" * 20, 131072, ((4096, 0, 4096),), bytes(range(256)) * 16).encode(base)
    assert Image.decode(whole, "b" * 20, 1 << 20, base).data == bytes(range(256)) * 16
    for damaged in (whole[:cut], whole[:cut] + noise, noise):
        if damaged != whole:
            with pytest.raises(ImageInvalid):
                Image.decode(damaged, "b" * 20, 1 << 20, base)


@given(
    st.binary(max_size=9000),
    st.lists(st.tuples(st.integers(0, 30), st.binary(min_size=1, max_size=4096)), max_size=5, unique_by=lambda run: run[0]),
)
def test_whatever_an_image_holds_comes_back(base: bytes, pages: list[tuple[int, bytes]]) -> None:
    pages.sort()
    runs = tuple((page * 4096, index * 4096, 4096) for index, (page, _) in enumerate(pages))
    image = Image("b" * 20, 131072, runs, b"".join(content.ljust(4096, b"\0") for _, content in pages))
    again = Image.decode(image.encode(base), "b" * 20, 1 << 20, base)
    assert (again.runs, again.data, again.memory) == (image.runs, image.data, image.memory)
