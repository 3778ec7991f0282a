// Owns the reading side of node:stream. "Next tick" is a microtask here.
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { nextTick } from "node:process";
import { coded, common, finished, furnish, getDefaultHighWaterMark, settle, setUp, Stream } from "node:_stream_base";
import { StringDecoder } from "node:string_decoder";

class ReadableState {
  constructor(options, objectMode) {
    this.objectMode = objectMode;
    this.highWaterMark = options?.highWaterMark ?? options?.readableHighWaterMark ?? getDefaultHighWaterMark(objectMode);
    this.buffer = [];
    this.length = 0;
    this.flowing = null;
    this.ended = false;
    this.endEmitted = false;
    this.reading = false;
    this.decoder = null;
    this.encoding = null;
    this.pipes = [];
    this.scheduled = false;
    this.disturbed = false;
    if (options?.encoding) {
      this.decoder = new StringDecoder(options.encoding);
      this.encoding = options.encoding;
    }
  }
}

export function Readable(options) {
  if (!(this instanceof Readable)) return new Readable(options);
  EventEmitter.call(this, options);
  startReadable(this, options);
  return this;
}
export function startReadable(stream, options) {
  setUp(stream, options);
  stream._readable = new ReadableState(options, Boolean(options?.objectMode || options?.readableObjectMode));
  if (typeof options?.read === "function") stream._read = options.read;
  if (typeof options?.construct === "function") stream._construct = options.construct;
}
Object.setPrototypeOf(Readable.prototype, Stream.prototype);
Object.setPrototypeOf(Readable, Stream);

const readableMethods = {
  ...common,
  _read() {
    throw coded(new Error("The _read() method is not implemented"), "ERR_METHOD_NOT_IMPLEMENTED");
  },
  push(chunk, encoding) {
    return insert(this, chunk, encoding, false);
  },
  unshift(chunk, encoding) {
    return insert(this, chunk, encoding, true);
  },
  read(size = undefined) {
    const state = this._readable;
    state.disturbed = true;
    if (size === 0) {
      fill(this);
      return null;
    }
    if (state.length < state.highWaterMark) fill(this);
    const chunk = takeOut(state, size);
    if (state.length === 0 && state.ended) finishReading(this);
    else if (state.length < state.highWaterMark) fill(this);
    if (chunk !== null) this.emit("data", chunk);
    return chunk;
  },
  setEncoding(encoding) {
    const state = this._readable;
    state.decoder = new StringDecoder(encoding);
    state.encoding = encoding;
    const held = state.buffer.splice(0);
    state.length = 0;
    for (const chunk of held) {
      const text = state.decoder.write(chunk);
      if (text !== "") {
        state.buffer.push(text);
        state.length += text.length;
      }
    }
    return this;
  },
  on(type, listener) {
    EventEmitter.prototype.on.call(this, type, listener);
    const state = this._readable;
    if (type === "data" && state.flowing !== false) this.resume();
    else if (type === "readable") {
      state.flowing = false;
      state.wantsReadable = true;
      announce(this);
      nextTick(() => this.read(0));
    }
    return this;
  },
  pause() {
    if (this._readable.flowing !== false) {
      this._readable.flowing = false;
      this.emit("pause");
    }
    return this;
  },
  resume() {
    const state = this._readable;
    if (state.flowing !== true && !state.wantsReadable) {
      state.flowing = true;
      nextTick(() => {
        if (state.flowing) this.emit("resume");
        flow(this);
      });
    }
    return this;
  },
  isPaused() {
    return this._readable.flowing === false;
  },
  pipe(destination, options = undefined) {
    const ondata = (chunk) => {
      if (destination.write(chunk) === false) {
        this.pause();
        destination.once("drain", () => this.resume());
      }
    };
    const onend = () => destination.end();
    const unpipe = () => {
      this.removeListener("data", ondata);
      this.removeListener("end", onend);
    };
    this._readable.pipes.push({ destination, unpipe });
    if (options?.end !== false) this.once("end", onend);
    destination.once("close", unpipe);
    destination.emit("pipe", this);
    this.on("data", ondata);
    return destination;
  },
  unpipe(destination = undefined) {
    const state = this._readable;
    for (const pipe of state.pipes) {
      if (destination !== undefined && pipe.destination !== destination) continue;
      pipe.unpipe();
      pipe.destination.emit("unpipe", this);
    }
    state.pipes = destination === undefined ? [] : state.pipes.filter((pipe) => pipe.destination !== destination);
    if (state.pipes.length === 0) this.pause();
    return this;
  },
  wrap(old) {
    old.on("data", (chunk) => {
      if (!this.push(chunk)) old.pause?.();
    });
    old.on("end", () => this.push(null));
    old.on("error", (error) => this.destroy(error));
    this._read = () => old.resume?.();
    return this;
  },
  async *[Symbol.asyncIterator]() {
    let wake = null;
    const stir = () => {
      wake?.();
      wake = null;
    };
    this.on("readable", stir);
    let over;
    finished(this, { writable: false }, (error) => {
      over = error ?? null;
      stir();
    });
    try {
      for (;;) {
        const chunk = this.destroyed ? null : this.read();
        if (chunk !== null) yield chunk;
        else if (over) throw over;
        else if (over === null) return;
        else await new Promise((resolve) => (wake = resolve));
      }
    } finally {
      if (over === undefined) this.destroy();
    }
  },
  iterator() {
    return this[Symbol.asyncIterator]();
  },
};

function insert(stream, chunk, encoding, first) {
  const state = stream._readable;
  if (chunk === null) {
    if (!state.ended) {
      state.reading = false;
      const rest = state.decoder?.end();
      if (rest) {
        state.buffer.push(rest);
        state.length += state.objectMode ? 1 : rest.length;
      }
      state.ended = true;
      announce(stream);
    }
    return false;
  }
  let value = chunk;
  if (!state.objectMode) {
    if (typeof value === "string") value = state.decoder !== null && (encoding ?? "utf8") === state.encoding ? value : Buffer.from(value, encoding);
    else if (value instanceof Uint8Array) value = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    else if (value !== undefined) {
      stream.destroy(coded(new TypeError('The "chunk" argument must be of type string or an instance of Buffer, TypedArray, or DataView.'), "ERR_INVALID_ARG_TYPE"));
      return false;
    }
  }
  if (state.ended && !first) {
    stream.destroy(coded(new Error("stream.push() after EOF"), "ERR_STREAM_PUSH_AFTER_EOF"));
    return false;
  }
  state.reading = false;
  if (state.decoder !== null && typeof value !== "string") value = state.decoder.write(value);
  if (value === undefined || (!state.objectMode && value.length === 0)) {
    if (value !== undefined) fillSoon(stream);
    return state.length < state.highWaterMark;
  }
  if (first) state.buffer.unshift(value);
  else state.buffer.push(value);
  state.length += state.objectMode ? 1 : value.length;
  announce(stream);
  return state.length < state.highWaterMark;
}

function takeOut(state, size) {
  if (state.buffer.length === 0) return null;
  if (state.objectMode) {
    state.length--;
    return state.buffer.shift();
  }
  if (size === undefined || size >= state.length) {
    if (size !== undefined && size > state.length && !state.ended) return null;
    if (size === undefined && state.flowing) {
      const chunk = state.buffer.shift();
      state.length -= chunk.length;
      return chunk;
    }
    const all = state.buffer.splice(0);
    state.length = 0;
    return all.length === 1 ? all[0] : typeof all[0] === "string" ? all.join("") : Buffer.concat(all);
  }
  const all = typeof state.buffer[0] === "string" ? state.buffer.join("") : Buffer.concat(state.buffer);
  state.buffer = [all.slice(size)];
  state.length -= size;
  return all.slice(0, size);
}

function fill(stream) {
  const state = stream._readable;
  if (state.reading || state.ended || stream._life.destroyed || stream._life.error || (state.length >= state.highWaterMark && state.length > 0)) return;
  state.reading = true;
  try {
    stream._read(state.highWaterMark);
  } catch (error) {
    stream.destroy(error);
  }
}
const fillSoon = (stream) => nextTick(() => fill(stream));

// Tells who listens that there is something, once in a turn of the queue.
function announce(stream) {
  const state = stream._readable;
  if (state.scheduled) return;
  state.scheduled = true;
  nextTick(() => {
    state.scheduled = false;
    if (stream._life.destroyed) return;
    if (state.wantsReadable && (state.length > 0 || state.ended)) {
      stream.emit("readable");
      if (state.ended && state.length === 0) finishReading(stream);
    }
    if (state.flowing) flow(stream);
    else if (state.length < state.highWaterMark && state.flowing !== null) fill(stream);
  });
}

function flow(stream) {
  const state = stream._readable;
  while (state.flowing && stream.read() !== null);
}

function finishReading(stream) {
  const state = stream._readable;
  if (state.endEmitted || state.ending) return;
  state.ending = true;
  nextTick(() => {
    if (state.endEmitted || stream._life.error || state.length > 0) return;
    state.endEmitted = true;
    stream.emit("end");
    if (stream._writable !== undefined && stream.allowHalfOpen === false) stream.end();
    settle(stream);
  });
}

const readableGetters = {
  readable: (stream, state) => !stream.destroyed && !state.endEmitted && stream._life.error === null,
  readableEnded: (_, state) => state.endEmitted,
  readableFlowing: (_, state) => state.flowing,
  readableLength: (_, state) => state.length,
  readableHighWaterMark: (_, state) => state.highWaterMark,
  readableObjectMode: (_, state) => state.objectMode,
  readableEncoding: (_, state) => state.encoding,
  readableAborted: (stream, state) => (stream.destroyed || stream._life.error !== null) && !state.endEmitted,
  readableDidRead: (_, state) => state.disturbed,
};
furnish(Readable, { ...readableMethods, addListener: readableMethods.on }, readableGetters, "_readable");
Stream.prototype.pipe = readableMethods.pipe;
