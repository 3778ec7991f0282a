// Readable byte streams, BYOB readers, and Workers' byte pipes.
import { bytes, deep, eq, ok, readAll, rejects, settle, text, throws } from "./check.js";

const byteStream = (...parts) =>
  new ReadableStream({
    type: "bytes",
    start(controller) {
      for (const part of parts) controller.enqueue(new Uint8Array(part));
      controller.close();
    },
  });

export async function default_readers_get_uint8_arrays() {
  const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
  const stream = new ReadableStream({
    type: "bytes",
    start(controller) {
      controller.enqueue(new Uint16Array(buffer, 2, 1));
      eq(buffer.byteLength, 0);
      throws(() => controller.enqueue("x"), "TypeError");
      throws(() => controller.enqueue(new Uint8Array(0)), "TypeError");
      controller.close();
    },
  });
  const { value } = await stream.getReader().read();
  ok(value instanceof Uint8Array);
  deep([...value], [3, 4]);
  throws(() => new ReadableStream({ type: "bytes" }, { size: () => 1 }), "RangeError");
  throws(() => new ReadableStream({ type: "other" }), "TypeError");
  throws(() => new ReadableStream({ type: "bytes", autoAllocateChunkSize: 0 }), "TypeError");
}

export async function byob_reads_fill_the_readers_own_buffer() {
  const reader = byteStream([1, 2, 3], [4, 5, 6]).getReader({ mode: "byob" });
  const view = new Uint8Array(4);
  const first = await reader.read(view);
  eq(view.byteLength, 0);
  deep([...first.value], [1, 2, 3, 4]);
  const second = await reader.read(new Uint8Array(first.value.buffer, 1, 3));
  deep([...second.value], [5, 6]);
  eq(second.value.byteOffset, 1);
  const end = await reader.read(new Uint8Array(8));
  eq(end.done, true);
  eq(end.value.byteLength, 0);
  await rejects(reader.read(new Uint8Array(0)), "TypeError");
  await rejects(reader.read(), "TypeError");
  throws(() => new ReadableStream().getReader({ mode: "byob" }), "TypeError");
}

export async function byob_reads_wait_for_a_minimum_and_whole_elements() {
  let controller;
  const stream = new ReadableStream({ type: "bytes", start: (c) => (controller = c) });
  const reader = stream.getReader({ mode: "byob" });
  const read = reader.read(new Uint8Array(8), { min: 3 });
  let done = false;
  read.then(() => (done = true));
  controller.enqueue(new Uint8Array([1, 2]));
  await settle();
  eq(done, false);
  controller.enqueue(new Uint8Array([3, 4]));
  deep([...(await read).value], [1, 2, 3, 4]);
  const wide = reader.read(new Uint16Array(4));
  controller.enqueue(new Uint8Array([1, 0, 2]));
  deep([...(await wide).value], [1]);
  deep([...(await reader.read(new Uint8Array(4))).value], [2]);
  await rejects(reader.read(new Uint8Array(2), { min: 3 }), "RangeError");
  await rejects(reader.read(new Uint8Array(2), { min: 0 }), "TypeError");
}

export async function sources_answer_byob_requests() {
  let count = 0;
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      const request = controller.byobRequest;
      if (++count > 2) {
        controller.close();
        request.respond(0);
        return;
      }
      request.view[0] = count;
      request.respond(1);
      throws(() => request.respond(1), "TypeError");
    },
  });
  const reader = stream.getReader({ mode: "byob" });
  deep([...(await reader.read(new Uint8Array(2))).value], [1]);
  deep([...(await reader.read(new Uint8Array(2))).value], [2]);
  eq((await reader.read(new Uint8Array(2))).done, true);
  const swapped = new ReadableStream({
    type: "bytes",
    pull(controller) {
      const { view } = controller.byobRequest;
      const buffer = view.buffer.transfer();
      new Uint8Array(buffer)[0] = 9;
      controller.byobRequest.respondWithNewView(new Uint8Array(buffer, 0, 1));
    },
  });
  deep([...(await swapped.getReader({ mode: "byob" }).read(new Uint8Array(3))).value], [9]);
}

export async function auto_allocation_serves_default_readers() {
  const stream = new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 16,
    pull(controller) {
      eq(controller.byobRequest.view.byteLength, 16);
      controller.byobRequest.view.set([7, 8]);
      controller.byobRequest.respond(2);
    },
  });
  deep([...(await stream.getReader().read()).value], [7, 8]);
}

export async function tee_copies_bytes() {
  const [a, b] = byteStream([1, 2], [3]).tee();
  const one = await readAll(a);
  const two = await readAll(b);
  deep(one.map((chunk) => [...chunk]), [[1, 2], [3]]);
  deep(two.map((chunk) => [...chunk]), [[1, 2], [3]]);
  ok(one[0].buffer !== two[0].buffer);
  const [c, d] = byteStream([1, 2, 3, 4]).tee();
  deep([...(await c.getReader({ mode: "byob" }).read(new Uint8Array(2))).value], [1, 2]);
  deep((await readAll(d)).flatMap((chunk) => [...chunk]), [1, 2, 3, 4]);
}

export async function errors_and_cancels() {
  const error = new Error("x");
  let controller;
  const stream = new ReadableStream({ type: "bytes", start: (c) => (controller = c) });
  const reader = stream.getReader({ mode: "byob" });
  const read = reader.read(new Uint8Array(1));
  controller.error(error);
  await rejects(read, error);
  let reason;
  const other = new ReadableStream({ type: "bytes", cancel: (why) => (reason = why) });
  const otherReader = other.getReader({ mode: "byob" });
  const pending = otherReader.read(new Uint8Array(1));
  await otherReader.cancel("why");
  eq(reason, "why");
  deep(await pending, { value: undefined, done: true });
}

export async function identity_streams_carry_bytes_as_readers_take_them() {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  let written = false;
  writer.write(bytes("hello")).then(() => (written = true));
  await settle();
  eq(written, false);
  const reader = readable.getReader({ mode: "byob" });
  eq(text((await reader.read(new Uint8Array(3))).value), "hel");
  await settle();
  eq(written, false);
  eq(text((await reader.read(new Uint8Array(9))).value), "lo");
  await settle();
  eq(written, true);
  const end = reader.read(new Uint8Array(1));
  await writer.close();
  eq((await end).done, true);
  const other = new IdentityTransformStream();
  await rejects(other.writable.getWriter().write("text"), "TypeError");
}

export async function fixed_length_streams_count() {
  const exact = new FixedLengthStream(5);
  const writer = exact.writable.getWriter();
  const reading = readAll(exact.readable);
  await writer.write(bytes("hello"));
  await writer.close();
  eq((await reading).map(text).join(""), "hello");
  const short = new FixedLengthStream(5);
  const shortWriter = short.writable.getWriter();
  const shortReading = readAll(short.readable);
  await shortWriter.write(bytes("hi"));
  await Promise.all([rejects(shortWriter.close(), "TypeError"), rejects(shortReading, "TypeError")]);
  const long = new FixedLengthStream(1);
  await rejects(long.writable.getWriter().write(bytes("hi")), "TypeError");
  throws(() => new FixedLengthStream(-1), "TypeError");
}
