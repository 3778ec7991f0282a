// Owns node:events: EventEmitter, once, on. Must not need anything else of Node's.
import { AsyncResource } from "node:async_hooks";

const kCapture = Symbol.for("nodejs.rejection");
const errorMonitor = Symbol("events.errorMonitor");

export class AbortError extends Error {
  constructor(message = "The operation was aborted", options) {
    super(message, options);
    this.name = "AbortError";
    this.code = "ABORT_ERR";
  }
}

function checkListener(listener) {
  if (typeof listener !== "function") {
    const error = new TypeError(`The "listener" argument must be of type function. Received ${listener === null ? "null" : typeof listener}`);
    error.code = "ERR_INVALID_ARG_TYPE";
    throw error;
  }
}

export function EventEmitter(options) {
  EventEmitter.init.call(this, options);
}

EventEmitter.defaultMaxListeners = 10;
EventEmitter.prototype._events = undefined;
EventEmitter.prototype._eventsCount = 0;
EventEmitter.prototype._maxListeners = undefined;

EventEmitter.init = function () {
  if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
    this._events = { __proto__: null };
    this._eventsCount = 0;
  }
  this._maxListeners ||= undefined;
};

const methods = {
  setMaxListeners(n) {
    if (typeof n !== "number" || n < 0 || Number.isNaN(n)) throw new RangeError(`The value of "n" is out of range. It must be a non-negative number. Received ${n}`);
    this._maxListeners = n;
    return this;
  },
  getMaxListeners() {
    return this._maxListeners ?? EventEmitter.defaultMaxListeners;
  },
  emit(type, ...args) {
    const events = this._events;
    if (type === "error") {
      if (events?.[errorMonitor] !== undefined) this.emit(errorMonitor, ...args);
      if (events?.error === undefined) {
        const [error] = args;
        if (error instanceof Error) throw error;
        const unhandled = new Error(`Unhandled error. (${typeof error === "string" ? `'${error}'` : String(error)})`);
        unhandled.context = error;
        unhandled.code = "ERR_UNHANDLED_ERROR";
        throw unhandled;
      }
    }
    const handler = events?.[type];
    if (handler === undefined) return false;
    if (typeof handler === "function") Reflect.apply(handler, this, args);
    else for (const listener of [...handler]) Reflect.apply(listener, this, args);
    return true;
  },
  addListener(type, listener) {
    return add(this, type, listener, false);
  },
  prependListener(type, listener) {
    return add(this, type, listener, true);
  },
  once(type, listener) {
    checkListener(listener);
    return this.on(type, wrapOnce(this, type, listener));
  },
  prependOnceListener(type, listener) {
    checkListener(listener);
    return this.prependListener(type, wrapOnce(this, type, listener));
  },
  removeListener(type, listener) {
    checkListener(listener);
    const list = this._events?.[type];
    if (list === undefined) return this;
    if (list === listener || list.listener === listener) {
      drop(this, type);
      if (this._events.removeListener !== undefined) this.emit("removeListener", type, list.listener ?? listener);
    } else if (typeof list !== "function") {
      const at = list.findLastIndex((one) => one === listener || one.listener === listener);
      if (at < 0) return this;
      const rest = list.toSpliced(at, 1);
      this._events[type] = rest.length === 1 ? rest[0] : rest;
      if (this._events.removeListener !== undefined) this.emit("removeListener", type, listener);
    }
    return this;
  },
  removeAllListeners(type) {
    const events = this._events;
    if (events === undefined) return this;
    if (arguments.length === 0) {
      if (events.removeListener !== undefined) {
        for (const name of Reflect.ownKeys(events)) if (name !== "removeListener") this.removeAllListeners(name);
      }
      this._events = { __proto__: null };
      this._eventsCount = 0;
      return this;
    }
    if (events.removeListener === undefined) {
      if (events[type] !== undefined) drop(this, type);
      return this;
    }
    const list = events[type];
    if (typeof list === "function") this.removeListener(type, list);
    else if (list !== undefined) for (const listener of list.toReversed()) this.removeListener(type, listener);
    return this;
  },
  listeners(type) {
    return this.rawListeners(type).map((one) => one.listener ?? one);
  },
  rawListeners(type) {
    const list = this._events?.[type];
    return list === undefined ? [] : typeof list === "function" ? [list] : [...list];
  },
  listenerCount(type, listener) {
    const all = this.rawListeners(type);
    return listener === undefined ? all.length : all.filter((one) => one === listener || one.listener === listener).length;
  },
  eventNames() {
    return this._eventsCount > 0 ? Reflect.ownKeys(this._events) : [];
  },
};
methods.on = methods.addListener;
methods.off = methods.removeListener;
for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(EventEmitter.prototype, name, { value, writable: true, configurable: true, enumerable: true });
}

function drop(emitter, type) {
  delete emitter._events[type];
  emitter._eventsCount--;
}

function add(emitter, type, listener, first) {
  checkListener(listener);
  let events = emitter._events;
  if (events === undefined) {
    events = emitter._events = { __proto__: null };
    emitter._eventsCount = 0;
  } else if (events.newListener !== undefined) {
    emitter.emit("newListener", type, listener.listener ?? listener);
    events = emitter._events;
  }
  const existing = events[type];
  if (existing === undefined) {
    events[type] = listener;
    emitter._eventsCount++;
  } else if (typeof existing === "function") {
    events[type] = first ? [listener, existing] : [existing, listener];
  } else if (first) {
    existing.unshift(listener);
  } else {
    existing.push(listener);
  }
  return emitter;
}

function wrapOnce(emitter, type, listener) {
  let fired = false;
  const wrapped = function (...args) {
    if (fired) return undefined;
    fired = true;
    emitter.removeListener(type, wrapped);
    return Reflect.apply(listener, emitter, args);
  };
  wrapped.listener = listener;
  return wrapped;
}

export function once(emitter, type, options = undefined) {
  const signal = options?.signal;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new AbortError(undefined, { cause: signal.reason }));
      return;
    }
    if (typeof emitter.addEventListener === "function" && typeof emitter.on !== "function") {
      emitter.addEventListener(type, (event) => resolve([event]), { once: true });
      return;
    }
    const finish = () => {
      emitter.removeListener(type, resolved);
      emitter.removeListener("error", failed);
      signal?.removeEventListener("abort", aborted);
    };
    const resolved = (...args) => {
      finish();
      resolve(args);
    };
    const failed = (error) => {
      finish();
      reject(error);
    };
    const aborted = () => failed(new AbortError(undefined, { cause: signal.reason }));
    emitter.once(type, resolved);
    if (type !== "error") emitter.once("error", failed);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

export function on(emitter, type, options = undefined) {
  const events = [];
  const waiting = [];
  let error = null;
  let done = false;
  const push = (...args) => {
    if (waiting.length > 0) waiting.shift().resolve({ value: args, done: false });
    else events.push(args);
  };
  const fail = (reason) => {
    if (waiting.length > 0) waiting.shift().reject(reason);
    else error = reason;
    iterator.return();
  };
  const iterator = {
    next() {
      if (events.length > 0) return Promise.resolve({ value: events.shift(), done: false });
      if (error !== null) {
        const reason = error;
        error = null;
        return Promise.reject(reason);
      }
      if (done) return Promise.resolve({ value: undefined, done: true });
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    return() {
      done = true;
      emitter.removeListener(type, push);
      emitter.removeListener("error", fail);
      for (const one of waiting.splice(0)) one.resolve({ value: undefined, done: true });
      return Promise.resolve({ value: undefined, done: true });
    },
    throw(reason) {
      fail(reason);
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
  emitter.on(type, push);
  if (type !== "error") emitter.on("error", fail);
  options?.signal?.addEventListener("abort", () => fail(new AbortError()), { once: true });
  return iterator;
}

export const listenerCount = (emitter, type) => emitter.listenerCount(type);
export const getEventListeners = (emitter, type) => emitter.listeners(type);
export const getMaxListeners = (emitter) => emitter.getMaxListeners?.() ?? EventEmitter.defaultMaxListeners;
export function setMaxListeners(n = EventEmitter.defaultMaxListeners, ...targets) {
  if (targets.length === 0) EventEmitter.defaultMaxListeners = n;
  for (const target of targets) target.setMaxListeners?.(n);
}
export function addAbortListener(signal, listener) {
  if (signal.aborted) queueMicrotask(() => listener());
  else signal.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose ?? Symbol.for("Symbol.dispose")]: () => signal.removeEventListener("abort", listener) };
}

export class EventEmitterAsyncResource extends EventEmitter {
  #resource;
  constructor(options = undefined) {
    super(options);
    this.#resource = new AsyncResource(typeof options === "string" ? options : (options?.name ?? new.target.name));
  }
  emit(type, ...args) {
    return this.#resource.runInAsyncScope(super.emit, this, type, ...args);
  }
  emitDestroy() {
    this.#resource.emitDestroy();
  }
  get asyncResource() {
    return this.#resource;
  }
}

export { errorMonitor };
export const captureRejectionSymbol = kCapture;
export const captureRejections = false;
export const defaultMaxListeners = 10;
Object.assign(EventEmitter, {
  EventEmitter, once, on, listenerCount, getEventListeners, getMaxListeners, setMaxListeners, addAbortListener, EventEmitterAsyncResource,
  errorMonitor, captureRejectionSymbol, captureRejections: false, usingDomains: false,
});
export default EventEmitter;
