// Owns node:stream: the streams with both sides, and what is done with whole streams. The sides are _stream_readable.js and _stream_writable.js.
import { AbortError, EventEmitter } from "node:events";
import { Buffer } from "node:buffer";
import {
  addAbortSignal, coded, finished, furnish, getDefaultHighWaterMark, setDefaultHighWaterMark, Stream,
} from "node:_stream_base";
import { Readable, startReadable } from "node:_stream_readable";
import { startWritable, Writable, writableGetters, writableMethods } from "node:_stream_writable";

export { addAbortSignal, finished, getDefaultHighWaterMark, Readable, setDefaultHighWaterMark, Stream, Writable };

export function Duplex(options) {
  if (!(this instanceof Duplex)) return new Duplex(options);
  EventEmitter.call(this, options);
  startReadable(this, options);
  startWritable(this, options);
  this.allowHalfOpen = options?.allowHalfOpen !== false;
  return this;
}
Object.setPrototypeOf(Duplex.prototype, Readable.prototype);
Object.setPrototypeOf(Duplex, Readable);
furnish(Duplex, writableMethods, writableGetters, "_writable");

export function Transform(options) {
  if (!(this instanceof Transform)) return new Transform(options);
  Duplex.call(this, options);
  this._pending = null;
  if (typeof options?.transform === "function") this._transform = options.transform;
  if (typeof options?.flush === "function") this._flush = options.flush;
  return this;
}
Object.setPrototypeOf(Transform.prototype, Duplex.prototype);
Object.setPrototypeOf(Transform, Duplex);
Object.assign(Transform.prototype, {
  _transform() {
    throw coded(new Error("The _transform() method is not implemented"), "ERR_METHOD_NOT_IMPLEMENTED");
  },
  _write(chunk, encoding, callback) {
    const state = this._readable;
    this._transform(chunk, encoding, (error, value) => {
      if (error) {
        callback(error);
        return;
      }
      if (value !== undefined && value !== null) this.push(value);
      if (state.length < state.highWaterMark || this._writable.ending) callback();
      else this._pending = callback;
    });
  },
  _read() {
    const callback = this._pending;
    this._readable.reading = false;
    if (callback !== null) {
      this._pending = null;
      callback();
    }
  },
  _final(callback) {
    const over = (error, value) => {
      if (error) {
        callback(error);
        return;
      }
      if (value !== undefined && value !== null) this.push(value);
      this.push(null);
      callback();
    };
    if (typeof this._flush === "function") this._flush(over);
    else over();
  },
});

export function PassThrough(options) {
  if (!(this instanceof PassThrough)) return new PassThrough(options);
  Transform.call(this, options);
  return this;
}
Object.setPrototypeOf(PassThrough.prototype, Transform.prototype);
Object.setPrototypeOf(PassThrough, Transform);
PassThrough.prototype._transform = (chunk, _, callback) => callback(null, chunk);

// Over whole streams ------------------------------------------------------------------------------------------------------------------------

const isStream = (value) => value instanceof EventEmitter && (value._readable !== undefined || value._writable !== undefined);

export function pipeline(...parts) {
  const callback = typeof parts.at(-1) === "function" ? parts.pop() : () => {};
  const list = Array.isArray(parts[0]) ? parts[0] : parts;
  runPipeline(list).then(
    (value) => callback(undefined, value),
    (error) => callback(error),
  );
  const last = list.at(-1);
  return isStream(last) ? last : new PassThrough();
}

async function runPipeline(list, options = undefined) {
  const streams = [];
  let source = list[0];
  if (typeof source === "function") source = source({ signal: options?.signal });
  const fail = (error) => {
    for (const stream of streams) stream.destroy(error);
  };
  options?.signal?.addEventListener("abort", () => fail(new AbortError(undefined, { cause: options.signal.reason })), { once: true });
  const ends = [];
  const watch = (stream, sides) => {
    streams.push(stream);
    ends.push(new Promise((resolve, reject) => finished(stream, sides, (error) => (error ? reject(error) : resolve()))).catch((error) => {
      fail(error);
      throw error;
    }));
  };
  if (isStream(source)) watch(source, { writable: false });
  for (let i = 1; i < list.length; i++) {
    const part = list[i];
    if (typeof part === "function") {
      source = part(source, { signal: options?.signal });
      continue;
    }
    if (source instanceof ReadableStream || !isStream(source)) {
      source = Readable.from(await source);
      watch(source, { writable: false });
    }
    watch(part, i === list.length - 1 ? { readable: false } : {});
    source.pipe(part, { end: options?.end });
    source = part;
  }
  const [value] = await Promise.all([isStream(source) ? undefined : source, ...ends]);
  return value;
}

Readable.from = (source, options = undefined) => {
  if (typeof source === "string" || source instanceof Uint8Array) {
    return new Readable({ objectMode: true, ...options, read() {
      this.push(source);
      this.push(null);
    } });
  }
  const iterator = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]?.();
  if (iterator === undefined) throw coded(new TypeError('The "iterable" argument must be an instance of Iterable.'), "ERR_INVALID_ARG_TYPE");
  let busy = false;
  const stream = new Readable({ objectMode: true, highWaterMark: 1, ...options });
  stream._read = async () => {
    if (busy) return;
    busy = true;
    try {
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) stream.push(null);
        else if (stream.push(await value)) continue;
        break;
      }
    } catch (error) {
      stream.destroy(error);
    }
    busy = false;
  };
  stream._destroy = (error, callback) => {
    Promise.resolve(error === null ? iterator.return?.() : iterator.throw?.(error)).then(() => callback(error), () => callback(error));
  };
  return stream;
};
Readable.fromWeb = (stream, options = undefined) => Readable.from(stream, { objectMode: false, ...options });
Readable.toWeb = (stream) => {
  const iterator = stream[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(Buffer.isBuffer(value) ? new Uint8Array(value) : value);
    },
    cancel(reason) {
      stream.destroy(reason);
    },
  });
};
Writable.fromWeb = (stream, options = undefined) => {
  const writer = stream.getWriter();
  return new Writable({
    ...options,
    write: (chunk, _, callback) => writer.write(chunk).then(() => callback(), callback),
    final: (callback) => writer.close().then(() => callback(), callback),
  });
};
Writable.toWeb = (stream) =>
  new WritableStream({
    write: (chunk) => new Promise((resolve, reject) => stream.write(chunk, (error) => (error ? reject(error) : resolve()))),
    close: () => new Promise((resolve) => stream.end(resolve)),
    abort: (reason) => void stream.destroy(reason),
  });
for (const [name, make] of Object.entries({
  map: (stream, each) => (async function* () {
    for await (const chunk of stream) yield await each(chunk);
  })(),
  filter: (stream, each) => (async function* () {
    for await (const chunk of stream) if (await each(chunk)) yield chunk;
  })(),
  take: (stream, count) => (async function* () {
    let left = count;
    if (left > 0) for await (const chunk of stream) {
      yield chunk;
      if (--left === 0) return;
    }
  })(),
})) {
  Readable.prototype[name] = function (argument) {
    return Readable.from(make(this, argument));
  };
}
Readable.prototype.toArray = async function () {
  const all = [];
  for await (const chunk of this) all.push(chunk);
  return all;
};
Readable.prototype.forEach = async function (each) {
  for await (const chunk of this) await each(chunk);
};

export const isReadable = (stream) => stream?.readable ?? null;
export const isErrored = (stream) => Boolean(stream?._life?.error);
export const isDisturbed = (stream) => Boolean(stream?._readable?.disturbed);
export const destroy = (stream, error) => stream.destroy(error);
export const promises = {
  pipeline: (...parts) => {
    const last = parts.at(-1);
    const options = last !== null && typeof last === "object" && !isStream(last) && !(last instanceof WritableStream) ? parts.pop() : undefined;
    return runPipeline(parts, options);
  },
  finished: (stream, options = {}) => new Promise((resolve, reject) => finished(stream, options, (error) => (error ? reject(error) : resolve()))),
};
Object.assign(Stream, {
  Stream, Readable, Writable, Duplex, Transform, PassThrough, pipeline, finished, addAbortSignal, promises, isReadable, isErrored, isDisturbed, destroy,
  getDefaultHighWaterMark, setDefaultHighWaterMark,
});
export default Stream;
