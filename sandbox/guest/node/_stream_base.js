// Owns what every stream of node:stream has: its life from destroy() to "close". Must not know sides.
import { AbortError, EventEmitter } from "node:events";
import { nextTick } from "node:process";

export const coded = (error, code) => Object.assign(error, { code });
let highWaterBytes = 65536;
let highWaterObjects = 16;
export const getDefaultHighWaterMark = (objectMode) => (objectMode ? highWaterObjects : highWaterBytes);
export const setDefaultHighWaterMark = (objectMode, value) => {
  if (objectMode) highWaterObjects = value;
  else highWaterBytes = value;
};

export class Stream extends EventEmitter {}

// What both sides share: an end that comes once.
export function destroyStream(stream, error, callback) {
  const life = stream._life;
  if (life.destroyed) {
    callback?.(error ?? null);
    return stream;
  }
  life.destroyed = true;
  life.error ??= error ?? null;
  const closed = (late) => {
    const reason = late ?? error ?? null;
    life.error ??= reason;
    callback?.(reason);
    nextTick(() => {
      if (reason !== null && !life.errorEmitted) {
        life.errorEmitted = true;
        stream.emit("error", reason);
      }
      life.closed = true;
      if (life.emitClose) stream.emit("close");
    });
  };
  try {
    stream._destroy(error ?? null, closed);
  } catch (thrown) {
    closed(thrown);
  }
  return stream;
}

export const common = {
  destroy(error, callback) {
    return destroyStream(this, error, callback);
  },
  _destroy(error, callback) {
    callback(error);
  },
  [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    if (!this.destroyed) this.destroy(this.readableEnded === false ? new AbortError() : undefined);
    return new Promise((resolve) => this.once("close", resolve));
  },
};
export const lives = {
  destroyed: (life) => life.destroyed,
  closed: (life) => life.closed,
  errored: (life) => life.error,
};

export function setUp(stream, options) {
  stream._life ??= { destroyed: false, closed: false, error: null, errorEmitted: false, emitClose: options?.emitClose !== false, autoDestroy: options?.autoDestroy !== false };
  if (typeof options?.destroy === "function") stream._destroy = options.destroy;
  if (options?.signal) addAbortSignal(options.signal, stream);
}

export function addAbortSignal(signal, stream) {
  const abort = () => stream.destroy(new AbortError(undefined, { cause: signal.reason }));
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return stream;
}

// Both sides over: the stream closes by itself.
export function settle(stream) {
  const { _life: life, _readable: readable, _writable: writable } = stream;
  if (!life.autoDestroy || life.destroyed) return;
  if ((readable === undefined || readable.endEmitted) && (writable === undefined || writable.finished)) stream.destroy();
}

export function furnish(Class, methods, getters, key) {
  for (const name of Reflect.ownKeys(methods)) Object.defineProperty(Class.prototype, name, { value: methods[name], writable: true, configurable: true, enumerable: typeof name === "string" });
  for (const [name, read] of Object.entries(lives)) {
    Object.defineProperty(Class.prototype, name, {
      configurable: true,
      get() {
        return this._life === undefined ? false : read(this._life);
      },
    });
  }
  for (const [name, read] of Object.entries(getters)) {
    Object.defineProperty(Class.prototype, name, {
      configurable: true,
      get() {
        return this[key] === undefined ? undefined : read(this, this[key]);
      },
      set(value) {
        Object.defineProperty(this, name, { value, writable: true, configurable: true });
      },
    });
  }
}

export function finished(stream, options, callback) {
  if (typeof options === "function") [options, callback] = [{}, options];
  let over = false;
  const done = (error) => {
    if (over) return;
    over = true;
    clean();
    callback.call(stream, error);
  };
  const wantsRead = options?.readable !== false && stream._readable !== undefined;
  const wantsWrite = options?.writable !== false && stream._writable !== undefined;
  const look = () => {
    if ((!wantsRead || stream._readable.endEmitted) && (!wantsWrite || stream._writable.finished)) done();
  };
  const failed = (error) => done(error);
  const closed = () => {
    if (stream._life?.error) done(stream._life.error);
    else if ((wantsRead && !stream._readable.endEmitted) || (wantsWrite && !stream._writable.finished)) done(coded(new Error("Premature close"), "ERR_STREAM_PREMATURE_CLOSE"));
    else done();
  };
  const clean = () => {
    stream.removeListener("end", look);
    stream.removeListener("finish", look);
    stream.removeListener("error", failed);
    stream.removeListener("close", closed);
  };
  EventEmitter.prototype.on.call(stream, "end", look);
  EventEmitter.prototype.on.call(stream, "finish", look);
  EventEmitter.prototype.on.call(stream, "error", failed);
  EventEmitter.prototype.on.call(stream, "close", closed);
  if (stream._life?.closed) nextTick(closed);
  else nextTick(look);
  return clean;
}
