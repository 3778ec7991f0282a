// Compression streams: there and back, in pieces, what is broken, and what is far too long.
import { bytes, eq, ok, rejects, text, throws } from "./check.js";

const FORMATS = ["gzip", "deflate", "deflate-raw"];
const through = (data, stream) => new Response(new Response(data).body.pipeThrough(stream)).arrayBuffer();
const LONG = "All work and no play makes a dull worker. ".repeat(20_000);

export async function compression_goes_there_and_back() {
  for (const format of FORMATS) {
    const packed = await through(LONG, new CompressionStream(format));
    ok(packed.byteLength < LONG.length / 50, format);
    eq(text(await through(packed, new DecompressionStream(format))), LONG, format);
  }
}

export async function pieces_of_a_byte_are_enough() {
  const packed = new Uint8Array(await through("piece by piece", new CompressionStream("gzip")));
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const answer = new Response(stream.readable).text();
  for (const byte of packed) await writer.write(Uint8Array.of(byte));
  await writer.close();
  eq(await answer, "piece by piece");
}

export async function a_gzip_of_another_maker_is_read() {
  const packed = Uint8Array.fromBase64?.("H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==") ?? Uint8Array.from(atob("H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA=="), (c) => c.charCodeAt(0));
  eq(text(await through(packed, new DecompressionStream("gzip"))), "hello");
}

export async function broken_data_rejects() {
  const packed = new Uint8Array(await through(LONG, new CompressionStream("gzip")));
  const cases = { short: packed.slice(0, -9), surplus: new Uint8Array([...packed, 0]), changed: packed.with(packed.length - 6, packed.at(-6) ^ 1), none: bytes("hello") };
  for (const [name, data] of Object.entries(cases)) await rejects(through(data, new DecompressionStream("gzip")), "TypeError", name);
  await rejects(through(new Uint8Array(0), new DecompressionStream("deflate")), "TypeError");
  throws(() => new CompressionStream("zip"), "TypeError");
  throws(() => new DecompressionStream(), "TypeError");
  const writer = new CompressionStream("gzip").writable.getWriter();
  await rejects(writer.write("text"), "TypeError");
}

// Sixty-four megabytes in sixty-four kilobytes: they are made as they are read, and no faster.
export async function a_bomb_goes_off_slowly() {
  const zeros = new Uint8Array(1 << 20);
  let left = 64;
  const source = new ReadableStream({ pull(controller) { left-- > 0 ? controller.enqueue(zeros) : controller.close(); } });
  const bomb = await new Response(source.pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  ok(bomb.byteLength < 100_000, `${bomb.byteLength} bytes`);
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const written = writer.write(bomb);
  const reader = stream.readable.getReader();
  let total = 0;
  for (let i = 0; i < 8; i++) {
    const { value } = await reader.read();
    ok(value.length <= 128 * 1024, `a piece of ${value.length}`);
    total += value.length;
  }
  ok(total <= 1 << 20, `${total} bytes`);
  await reader.cancel("enough");
  await written.catch(() => {});
}

export async function streams_in_great_number_are_refused() {
  const open = [];
  const errors = [];
  for (let i = 0; i < 40; i++) {
    const writer = new CompressionStream("gzip").writable.getWriter();
    open.push(writer);
    await writer.write(bytes("x")).catch((error) => errors.push(error.name));
  }
  eq(errors.length, 8);
  eq(errors[0], "OperationError");
}
