// structuredClone.
import { deep, eq, ok, throws } from "./check.js";

export async function primitives_and_wrappers() {
  for (const value of [undefined, null, true, 0, -0, NaN, 1n, "s", "\ud800"]) eq(structuredClone(value), value);
  const wrapped = structuredClone([new Number(1), new String("s"), new Boolean(false), Object(2n)]);
  deep(wrapped.map((item) => [typeof item, item.valueOf()]), [["object", 1], ["object", "s"], ["object", false], ["object", 2n]]);
}

export async function objects_arrays_and_cycles() {
  const shared = { s: 1 };
  const source = { a: [1, , 3], shared, again: shared, nested: { deep: new Date(5) } };
  source.self = source;
  source.a.extra = "x";
  const copy = structuredClone(source);
  ok(copy !== source && copy.self === copy && copy.shared === copy.again && copy.shared !== shared);
  deep([copy.a.length, 1 in copy.a, copy.a.extra, copy.nested.deep.getTime()], [3, false, "x", 5]);
  eq(Array.isArray(copy.a), true);
  class Point {
    constructor() {
      this.x = 1;
    }
    get y() {
      return 2;
    }
  }
  const point = structuredClone(new Point());
  deep(point, { x: 1 });
  const getter = structuredClone({ get value() { return 7; } });
  eq(Object.getOwnPropertyDescriptor(getter, "value").value, 7);
  deep(structuredClone(Object.create({ inherited: 1 }, { hidden: { value: 1 }, shown: { value: 2, enumerable: true } })), { shown: 2 });
  eq(structuredClone(JSON.parse('{"__proto__": 1}')).__proto__, 1);
}

export async function collections() {
  const key = {};
  const map = new Map([[key, new Set([key, 1])], ["m", null]]);
  const copy = structuredClone(map);
  const [copiedKey, copiedSet] = [...copy][0];
  ok(copiedKey !== key && copiedSet.has(copiedKey) && copiedSet.has(1));
  eq(copy.get("m"), null);
}

export async function dates_and_regular_expressions() {
  eq(structuredClone(new Date(NaN)).getTime(), NaN);
  const source = /a\/b/giu;
  source.lastIndex = 3;
  const copy = structuredClone(source);
  deep([copy.source, copy.flags, copy.lastIndex], [source.source, "giu", 0]);
}

export async function errors() {
  const source = new RangeError("r", { cause: new TypeError("t") });
  const copy = structuredClone(source);
  ok(copy instanceof RangeError && copy.cause instanceof TypeError);
  deep([copy.message, copy.name, copy.stack === source.stack], ["r", "RangeError", true]);
  class Custom extends Error {}
  const custom = new Custom("c");
  custom.name = "Custom";
  eq(structuredClone(custom).name, "Error");
  const exception = structuredClone(new DOMException("m", "AbortError"));
  ok(exception instanceof DOMException);
  deep([exception.name, exception.message, exception.code], ["AbortError", "m", 20]);
}

export async function buffers_and_views() {
  const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
  const source = { a: new Uint8Array(buffer, 1, 2), b: new DataView(buffer, 2), buffer, c: new Float64Array([1.5]) };
  const copy = structuredClone(source);
  ok(copy.a.buffer === copy.buffer && copy.b.buffer === copy.buffer && copy.buffer !== buffer);
  deep([[...copy.a], copy.a.byteOffset, copy.b.getUint8(0), copy.c[0]], [[2, 3], 1, 3, 1.5]);
  eq(buffer.byteLength, 4);
}

export async function transfer_moves() {
  const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
  const source = { view: new Uint8Array(buffer, 1), buffer, other: new Uint8Array([9]) };
  const copy = structuredClone(source, { transfer: [buffer] });
  eq(buffer.byteLength, 0);
  ok(copy.view.buffer === copy.buffer);
  deep([[...copy.view], copy.buffer.byteLength, copy.other[0], source.other[0]], [[2, 3, 4], 4, 9, 9]);
  const kept = new ArrayBuffer(4);
  throws(() => structuredClone({ kept, f: () => {} }, { transfer: [kept] }), "DataCloneError");
  eq(kept.byteLength, 4);
  throws(() => structuredClone(kept, { transfer: [kept, kept] }), "DataCloneError");
  throws(() => structuredClone(buffer, { transfer: [buffer] }), "DataCloneError");
  throws(() => structuredClone(1, { transfer: [{}] }), "DataCloneError");
}

export async function what_cannot_be_cloned() {
  const bad = [() => {}, Symbol("s"), { f() {} }, [Symbol.iterator], new WeakMap(), Promise.resolve(), new ReadableStream(), new Response()];
  for (const value of bad) throws(() => structuredClone(value), "DataCloneError", typeof value);
  throws(() => structuredClone(), "TypeError");
  const error = new Error("getter");
  throws(() => structuredClone({ get bad() { throw error; } }), error);
}

export async function blobs_are_cloned() {
  const [blob, file] = structuredClone([new Blob(["b"], { type: "t/t" }), new File(["f"], "n", { lastModified: 3 })]);
  deep([await blob.text(), blob.type, await file.text(), file.name, file.lastModified], ["b", "t/t", "f", "n", 3]);
}
