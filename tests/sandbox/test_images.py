"""Images: an instance restored from one is what a fresh start would be, except sooner."""

from __future__ import annotations

import ctypes
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
    foreign = replace(image, build="0" * 20).encode()
    with pytest.raises(ImageInvalid):
        engine.unpack(foreign, limit)
    # What is kept and stored is what has changed, not the pages it lies in.
    assert len(image.data) < 65_536
    assert len(built.image) < 16_384


@given(st.binary(max_size=200), st.integers(0, 120))
def test_damaged_images_are_refused(noise: bytes, cut: int) -> None:
    whole = Image("b" * 20, 131072, ((4096, 0, 4096),), bytes(range(256)) * 16).encode()
    assert Image.decode(whole, "b" * 20, 1 << 20).data == bytes(range(256)) * 16
    for damaged in (whole[:cut], whole[:cut] + noise, noise):
        if damaged != whole:
            with pytest.raises(ImageInvalid):
                Image.decode(damaged, "b" * 20, 1 << 20)


@pytest.mark.parametrize(
    "patches",
    [((131072, 0, 8),), ((131068, 0, 8),), ((0, 0, 4),), ((0, 0, 9),), ((0xFFFF_FFFF, 0, 8),)],
)
def test_patches_outside_of_the_memory_or_of_other_lengths_are_refused(patches: tuple[tuple[int, int, int], ...]) -> None:
    with pytest.raises(ImageInvalid):
        Image.decode(Image("b" * 20, 131072, patches, b"12345678").encode(), "b" * 20, 1 << 20)


MEMORY = 131072


class Memory:
    """As much of an instance as images look at."""

    def __init__(self, content: bytes) -> None:
        self.buffer = ctypes.create_string_buffer(content.ljust(MEMORY, b"\0"), MEMORY)
        self.raw = self
        self.data = ctypes.addressof(self.buffer)
        self.memory = MEMORY
        self.inbox = (0, 0)

    def grow_to(self, size: int) -> None:
        assert size == MEMORY


@given(
    st.binary(max_size=9000),
    st.lists(st.tuples(st.integers(4096, MEMORY - 1), st.binary(min_size=1, max_size=5000)), max_size=8),
)
def test_whatever_a_start_up_writes_comes_back(base: bytes, writes: list[tuple[int, bytes]]) -> None:
    ran = Memory(base)
    for at, content in writes:
        piece = content[: MEMORY - at]
        ctypes.memmove(ran.data + at, piece, len(piece))
    image = Image.capture(ran, base, "b" * 20, 4096)
    again = Image.decode(image.encode(), "b" * 20, 1 << 20)
    fresh = Memory(base)
    again.restore(fresh)
    assert fresh.buffer.raw == ran.buffer.raw
    assert again == image
