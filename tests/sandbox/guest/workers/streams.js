// ReadableStream, WritableStream and TransformStream of any chunks.
import { deep, eq, fail, ok, readAll, rejects, settle, throws } from "./check.js";

export async function chunks_come_in_order_and_then_the_end() {
  const stream = new ReadableStream({
    start(controller) {
      eq(controller.desiredSize, 1);
      controller.enqueue("a");
      eq(controller.desiredSize, 0);
      controller.enqueue("b");
      eq(controller.desiredSize, -1);
      controller.close();
      throws(() => controller.enqueue("c"), "TypeError");
      throws(() => controller.close(), "TypeError");
    },
  });
  const reader = stream.getReader();
  eq(stream.locked, true);
  throws(() => stream.getReader(), "TypeError");
  deep(await reader.read(), { value: "a", done: false });
  deep(await reader.read(), { value: "b", done: false });
  deep(await reader.read(), { value: undefined, done: true });
  eq(await reader.closed, undefined);
  reader.releaseLock();
  eq(stream.locked, false);
  await rejects(reader.read(), "TypeError");
  await rejects(reader.closed, "TypeError");
}

export async function pull_is_called_when_something_is_wanted() {
  let pulls = 0;
  const stream = new ReadableStream(
    {
      pull(controller) {
        controller.enqueue(++pulls);
      },
    },
    { highWaterMark: 2 },
  );
  await settle();
  eq(pulls, 2);
  const reader = stream.getReader();
  deep(await reader.read(), { value: 1, done: false });
  await settle();
  eq(pulls, 3);
  const lazy = new ReadableStream({ pull: () => fail("pulled") }, { highWaterMark: 0 });
  await settle();
  ok(lazy);
}

export async function a_slow_pull_is_not_called_twice_at_once() {
  let running = 0;
  let most = 0;
  let count = 0;
  const stream = new ReadableStream({
    async pull(controller) {
      most = Math.max(most, ++running);
      await settle(3);
      running--;
      if (++count === 5) controller.close();
      else controller.enqueue(count);
    },
  });
  const reader = stream.getReader();
  const results = await Promise.all([reader.read(), reader.read(), reader.read(), reader.read(), reader.read()]);
  eq(most, 1);
  deep(results.map((result) => result.value), [1, 2, 3, 4, undefined]);
}

export async function errors_reach_every_reader() {
  const error = new RangeError("broken");
  let controller;
  const stream = new ReadableStream({ start: (c) => (controller = c) });
  const reader = stream.getReader();
  const read = reader.read();
  controller.error(error);
  await rejects(read, error);
  await rejects(reader.read(), error);
  await rejects(reader.closed, error);
  controller.error(new Error("ignored"));
  eq(controller.desiredSize, null);
  await rejects(new ReadableStream({ pull: () => Promise.reject(error) }).getReader().read(), error);
  await rejects(new ReadableStream({ start: async () => { throw error; } }).getReader().read(), error);
  throws(() => new ReadableStream({ start: () => { throw error; } }), error);
}

export async function cancel_tells_the_source() {
  const seen = [];
  const stream = new ReadableStream({ start: (c) => c.enqueue("lost"), cancel: (reason) => seen.push(reason) });
  eq(await stream.cancel("why"), undefined);
  deep(seen, ["why"]);
  deep(await readAll(stream), []);
  const locked = new ReadableStream();
  locked.getReader();
  await rejects(locked.cancel(), "TypeError");
  const error = new Error("cancel failed");
  await rejects(new ReadableStream({ cancel: () => { throw error; } }).cancel(), error);
}

export async function strategies_count_and_measure() {
  const byLength = new ReadableStream({ start: (c) => { c.enqueue(new Uint8Array(3)); eq(c.desiredSize, 7); } }, new ByteLengthQueuingStrategy({ highWaterMark: 10 }));
  ok(byLength);
  const byCount = new ReadableStream({ start: (c) => { c.enqueue("x"); eq(c.desiredSize, 4); } }, new CountQueuingStrategy({ highWaterMark: 5 }));
  ok(byCount);
  for (const highWaterMark of [-1, NaN, "x"]) throws(() => new ReadableStream({}, { highWaterMark }), "RangeError");
  throws(() => new ReadableStream({}, { size: 1 }), "TypeError");
  throws(() => new CountQueuingStrategy(), "TypeError");
  throws(() => new CountQueuingStrategy({}), "TypeError");
  const bad = new ReadableStream({ start: (c) => throws(() => c.enqueue(1), "RangeError") }, { size: () => -1 });
  await rejects(bad.getReader().read(), "RangeError");
}

export async function released_readers_leave_their_reads_behind() {
  let controller;
  const stream = new ReadableStream({ start: (c) => (controller = c) });
  const reader = stream.getReader();
  const read = reader.read();
  reader.releaseLock();
  await rejects(read, "TypeError");
  controller.enqueue("kept");
  deep(await stream.getReader().read(), { value: "kept", done: false });
}

export async function iterates_and_cancels_on_break() {
  const seen = [];
  const make = () => new ReadableStream({ start: (c) => { c.enqueue(1); c.enqueue(2); c.enqueue(3); }, cancel: (reason) => seen.push(["cancel", reason]) });
  const first = make();
  for await (const chunk of first) {
    seen.push(chunk);
    if (chunk === 2) break;
  }
  deep(seen, [1, 2, ["cancel", undefined]]);
  eq(first.locked, false);
  const second = make();
  for await (const chunk of second.values({ preventCancel: true })) {
    eq(chunk, 1);
    break;
  }
  deep(await second.getReader().read(), { value: 2, done: false });
  const iterator = make()[Symbol.asyncIterator]();
  const results = await Promise.all([iterator.next(), iterator.next(), iterator.return("x"), iterator.next()]);
  deep(results, [{ value: 1, done: false }, { value: 2, done: false }, { value: "x", done: true }, { value: undefined, done: true }]);
}

export async function is_made_from_any_iterable() {
  deep(await readAll(ReadableStream.from(["a", Promise.resolve("b")])), ["a", "b"]);
  deep(await readAll(ReadableStream.from(new Set([1, 2]))), [1, 2]);
  let returned;
  const stream = ReadableStream.from((async function* () {
    try {
      yield 1;
      yield 2;
    } finally {
      returned = true;
    }
  })());
  for await (const chunk of stream) {
    eq(chunk, 1);
    break;
  }
  eq(returned, true);
  throws(() => ReadableStream.from(5), "TypeError");
  throws(() => ReadableStream.from(null), "TypeError");
}

export async function tee_gives_everything_twice() {
  const [a, b] = ReadableStream.from([1, 2, 3]).tee();
  deep(await readAll(a), [1, 2, 3]);
  deep(await readAll(b), [1, 2, 3]);
  const error = new Error("x");
  const [c, d] = new ReadableStream({ start: (controller) => controller.error(error) }).tee();
  await rejects(c.getReader().read(), error);
  await rejects(d.getReader().read(), error);
  let reason;
  const [e, f] = new ReadableStream({ cancel: (why) => (reason = why) }).tee();
  const first = e.cancel("one");
  await settle();
  eq(reason, undefined);
  await Promise.all([first, f.cancel("two")]);
  deep(reason, ["one", "two"]);
}

export async function writes_go_to_the_sink_one_after_another() {
  const seen = [];
  let running = 0;
  const stream = new WritableStream({
    start: () => seen.push("start"),
    async write(chunk, controller) {
      eq(++running, 1);
      eq(controller.signal.aborted, false);
      await settle(2);
      running--;
      seen.push(chunk);
    },
    close: () => seen.push("close"),
  });
  const writer = stream.getWriter();
  eq(stream.locked, true);
  eq(writer.desiredSize, 1);
  writer.write("a");
  eq(writer.desiredSize, 0);
  const second = writer.write("b");
  await writer.close();
  await second;
  deep(seen, ["start", "a", "b", "close"]);
  await rejects(writer.write("c"), "TypeError");
  await rejects(writer.close(), "TypeError");
  eq(await writer.closed, undefined);
  eq(writer.desiredSize, 0);
}

export async function ready_follows_back_pressure() {
  let release;
  const stream = new WritableStream({ write: () => new Promise((resolve) => (release = resolve)) }, { highWaterMark: 1 });
  const writer = stream.getWriter();
  await writer.ready;
  const write = writer.write("x");
  let ready = false;
  writer.ready.then(() => (ready = true));
  await settle();
  eq(ready, false);
  release();
  await write;
  await writer.ready;
  eq(ready, true);
}

export async function a_failing_sink_errors_the_stream() {
  const error = new Error("sink");
  const stream = new WritableStream({ write: () => { throw error; } });
  const writer = stream.getWriter();
  await rejects(writer.write("x"), error);
  await rejects(writer.closed, error);
  await rejects(writer.ready, error);
  await rejects(writer.write("y"), error);
  eq(writer.desiredSize, null);
  writer.releaseLock();
  await rejects(writer.closed, "TypeError");
  let controller;
  const other = new WritableStream({ start: (c) => (controller = c) });
  controller.error(error);
  await rejects(other.getWriter().write("x"), error);
}

export async function abort_reaches_the_sink_after_the_write_under_way() {
  const seen = [];
  let release;
  const stream = new WritableStream({
    write: (chunk, controller) => {
      controller.signal.addEventListener("abort", () => seen.push(`signal ${controller.signal.reason}`));
      return new Promise((resolve) => (release = resolve));
    },
    abort: (reason) => seen.push(`abort ${reason}`),
    close: () => seen.push("close"),
  });
  const writer = stream.getWriter();
  const write = writer.write("x");
  await settle();
  const queued = writer.write("y");
  const abort = writer.abort("why");
  deep(seen, ["signal why"]);
  release();
  await write;
  await rejects(queued, "why");
  eq(await abort, undefined);
  deep(seen, ["signal why", "abort why"]);
  await rejects(writer.closed, "why");
  throws(() => new WritableStream({ type: "bytes" }), "RangeError");
}

export async function pipes_and_closes() {
  const seen = [];
  const sink = new WritableStream({ write: (chunk) => void seen.push(chunk), close: () => void seen.push("close") });
  eq(await ReadableStream.from([1, 2, 3]).pipeTo(sink), undefined);
  deep(seen, [1, 2, 3, "close"]);
  const open = new WritableStream({ close: () => fail("closed") });
  await ReadableStream.from([1]).pipeTo(open, { preventClose: true });
  eq(open.locked, false);
  await rejects(new ReadableStream().pipeTo({}), "TypeError");
  const locked = new ReadableStream();
  locked.getReader();
  await rejects(locked.pipeTo(new WritableStream()), "TypeError");
}

export async function pipes_carry_errors_both_ways() {
  const error = new Error("e");
  let aborted;
  await rejects(new ReadableStream({ start: (c) => c.error(error) }).pipeTo(new WritableStream({ abort: (why) => (aborted = why) })), error);
  eq(aborted, error);
  let cancelled;
  await rejects(new ReadableStream({ pull: (c) => c.enqueue(1), cancel: (why) => (cancelled = why) }).pipeTo(new WritableStream({ write: () => { throw error; } })), error);
  eq(cancelled, error);
  const closed = new WritableStream();
  await closed.close();
  let reason;
  await rejects(new ReadableStream({ cancel: (why) => (reason = why) }).pipeTo(closed), "TypeError");
  eq(reason.name, "TypeError");
}

export async function a_pipe_can_be_aborted() {
  const controller = new AbortController();
  const seen = [];
  const source = new ReadableStream({ cancel: (reason) => void seen.push(`cancel ${reason}`) });
  const sink = new WritableStream({ abort: (reason) => void seen.push(`abort ${reason}`) });
  const pipe = source.pipeTo(sink, { signal: controller.signal });
  await settle();
  controller.abort("stop");
  await rejects(pipe, "stop");
  deep(seen, ["abort stop", "cancel stop"]);
  await rejects(new ReadableStream().pipeTo(new WritableStream(), { signal: AbortSignal.abort("early") }), "early");
  await rejects(new ReadableStream().pipeTo(new WritableStream(), { signal: {} }), "TypeError");
}

export async function pipes_respect_back_pressure() {
  let pulled = 0;
  let release;
  const source = new ReadableStream({ pull: (c) => c.enqueue(++pulled) }, { highWaterMark: 0 });
  const sink = new WritableStream({ write: () => new Promise((resolve) => (release = resolve)) }, { highWaterMark: 1 });
  source.pipeTo(sink);
  await settle();
  eq(pulled, 1);
  release();
  await settle();
  eq(pulled, 2);
}

export async function transforms_change_chunks() {
  const upper = new TransformStream({
    start: (controller) => controller.enqueue("<"),
    transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()),
    flush: (controller) => controller.enqueue(">"),
  });
  deep(await readAll(ReadableStream.from(["a", "b"]).pipeThrough(upper)), ["<", "A", "B", ">"]);
  deep(await readAll(ReadableStream.from([1, 2]).pipeThrough(new TransformStream())), [1, 2]);
}

export async function transforms_pass_on_errors_and_ends() {
  const error = new Error("t");
  const failing = new TransformStream({ transform: () => { throw error; } });
  const writer = failing.writable.getWriter();
  const reader = failing.readable.getReader();
  await Promise.all([rejects(writer.write("x"), error), rejects(reader.read(), error), rejects(writer.closed, error)]);
  const ending = new TransformStream({ transform: (chunk, controller) => controller.terminate() });
  const endingWriter = ending.writable.getWriter();
  endingWriter.write("x").catch(() => {});
  deep(await ending.readable.getReader().read(), { value: undefined, done: true });
  await rejects(endingWriter.closed, "TypeError");
  throws(() => new TransformStream({ readableType: "bytes" }), "RangeError");
  const aborted = new TransformStream();
  const abortedReader = aborted.readable.getReader();
  await aborted.writable.abort("a");
  await rejects(abortedReader.read(), "a");
}

export async function transforms_hold_back_the_writer() {
  const transform = new TransformStream();
  const writer = transform.writable.getWriter();
  eq(writer.desiredSize, 1);
  let written = false;
  writer.write("a").then(() => (written = true));
  await settle();
  eq(written, false);
  deep(await transform.readable.getReader().read(), { value: "a", done: false });
  await settle();
  eq(written, true);
}

export async function long_chains_do_not_recurse() {
  const count = 20000;
  let controller;
  const stream = new ReadableStream({ start: (c) => (controller = c) });
  for (let i = 0; i < count; i++) controller.enqueue(i);
  controller.close();
  eq((await readAll(stream.pipeThrough(new TransformStream()))).length, count);
}
