// Owns the writing side of node:stream.
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { nextTick } from "node:process";
import { coded, common, finished, furnish, getDefaultHighWaterMark, settle, setUp, Stream } from "node:_stream_base";

class WritableState {
  constructor(options, objectMode) {
    this.objectMode = objectMode;
    this.highWaterMark = options?.highWaterMark ?? options?.writableHighWaterMark ?? getDefaultHighWaterMark(objectMode);
    this.decodeStrings = options?.decodeStrings !== false;
    this.defaultEncoding = options?.defaultEncoding ?? "utf8";
    this.queue = [];
    this.length = 0;
    this.writing = false;
    this.ending = false;
    this.finished = false;
    this.finishing = false;
    this.needDrain = false;
    this.corked = 0;
  }
}

export function Writable(options) {
  if (!(this instanceof Writable)) return new Writable(options);
  EventEmitter.call(this, options);
  startWritable(this, options);
  return this;
}
export function startWritable(stream, options) {
  setUp(stream, options);
  stream._writable = new WritableState(options, Boolean(options?.objectMode || options?.writableObjectMode));
  for (const name of ["write", "writev", "final"]) if (typeof options?.[name] === "function") stream[`_${name}`] = options[name];
}
Object.setPrototypeOf(Writable.prototype, Stream.prototype);
Object.setPrototypeOf(Writable, Stream);
Object.defineProperty(Writable, Symbol.hasInstance, {
  value(object) {
    return Function.prototype[Symbol.hasInstance].call(this, object) || (this === Writable && object?._writable instanceof WritableState);
  },
});

export const writableMethods = {
  ...common,
  _write(chunk, encoding, callback) {
    if (this._writev === undefined) throw coded(new Error("The _write() method is not implemented"), "ERR_METHOD_NOT_IMPLEMENTED");
    this._writev([{ chunk, encoding }], callback);
  },
  write(chunk, encoding = undefined, callback = undefined) {
    const state = this._writable;
    if (typeof encoding === "function") [encoding, callback] = [undefined, encoding];
    if (chunk === null) throw coded(new TypeError("May not write null values to stream"), "ERR_STREAM_NULL_VALUES");
    let value = chunk;
    let name = encoding ?? state.defaultEncoding;
    if (!state.objectMode) {
      if (typeof value === "string") {
        if (state.decodeStrings) [value, name] = [Buffer.from(value, name), "buffer"];
      } else if (value instanceof Uint8Array) {
        [value, name] = [Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength), "buffer"];
      } else {
        throw coded(new TypeError('The "chunk" argument must be of type string or an instance of Buffer, TypedArray, or DataView.'), "ERR_INVALID_ARG_TYPE");
      }
    }
    const error = state.ending ? coded(new Error("write after end"), "ERR_STREAM_WRITE_AFTER_END") : this.destroyed ? coded(new Error("Cannot call write after a stream was destroyed"), "ERR_STREAM_DESTROYED") : null;
    if (error !== null) {
      nextTick(() => callback?.(error));
      if (state.ending) this.destroy(error);
      return false;
    }
    state.length += state.objectMode ? 1 : value.length;
    state.queue.push({ chunk: value, encoding: name, callback });
    const room = state.length < state.highWaterMark;
    if (!room) state.needDrain = true;
    drainQueue(this);
    return room && this._life.error === null;
  },
  end(chunk = undefined, encoding = undefined, callback = undefined) {
    const state = this._writable;
    if (typeof chunk === "function") [chunk, callback] = [undefined, chunk];
    else if (typeof encoding === "function") [encoding, callback] = [undefined, encoding];
    if (chunk !== undefined && chunk !== null) this.write(chunk, encoding);
    state.corked = 0;
    if (typeof callback === "function") {
      if (state.finished) nextTick(() => callback(null));
      else finished(this, { readable: false }, (error) => callback(error ?? null));
    }
    state.ending = true;
    drainQueue(this);
    return this;
  },
  cork() {
    this._writable.corked++;
  },
  uncork() {
    const state = this._writable;
    if (state.corked > 0 && --state.corked === 0) drainQueue(this);
  },
  setDefaultEncoding(encoding) {
    this._writable.defaultEncoding = encoding;
    return this;
  },
};

function drainQueue(stream) {
  const state = stream._writable;
  while (!state.writing && state.corked === 0 && state.queue.length > 0 && !stream._life.destroyed) {
    const many = stream._writev !== undefined && state.queue.length > 1;
    const items = many ? state.queue.splice(0) : [state.queue.shift()];
    state.writing = true;
    let sync = true;
    const done = (error = undefined) => {
      if (!state.writing) return;
      state.writing = false;
      state.length -= items.reduce((sum, item) => sum + (state.objectMode ? 1 : item.chunk.length), 0);
      const after = () => {
        for (const item of items) item.callback?.(error ?? null);
        if (error) return;
        if (state.needDrain && state.length === 0 && !state.ending && !stream._life.destroyed) {
          state.needDrain = false;
          stream.emit("drain");
        }
      };
      if (error) stream.destroy(error);
      if (sync) nextTick(after);
      else after();
      if (!error && !sync) drainQueue(stream);
    };
    try {
      if (many) stream._writev(items, done);
      else stream._write(items[0].chunk, items[0].encoding, done);
    } catch (error) {
      stream.destroy(error);
    }
    sync = false;
  }
  if (state.ending && !state.finishing && !state.writing && state.queue.length === 0 && !stream._life.destroyed) {
    state.finishing = true;
    const over = (error = undefined) => {
      if (error) {
        stream.destroy(error);
        return;
      }
      nextTick(() => {
        if (stream._life.error) return;
        state.finished = true;
        stream.emit("finish");
        settle(stream);
      });
    };
    if (typeof stream._final !== "function") over();
    else {
      try {
        stream._final(over);
      } catch (error) {
        over(error);
      }
    }
  }
}

export const writableGetters = {
  writable: (stream, state) => !stream.destroyed && !state.ending && stream._life.error === null,
  writableEnded: (_, state) => state.ending,
  writableFinished: (_, state) => state.finished,
  writableLength: (_, state) => state.length,
  writableHighWaterMark: (_, state) => state.highWaterMark,
  writableObjectMode: (_, state) => state.objectMode,
  writableNeedDrain: (stream, state) => !stream.destroyed && !state.ending && state.needDrain,
  writableCorked: (_, state) => state.corked,
  writableAborted: (stream, state) => stream.destroyed && !state.finished,
};
furnish(Writable, writableMethods, writableGetters, "_writable");
