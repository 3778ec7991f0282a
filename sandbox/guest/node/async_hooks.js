// Owns node:async_hooks: AsyncLocalStorage and AsyncResource. The context is one immutable map from storage to store; the engine keeps it with each
// promise reaction, the runtime with each timer.
import { asyncContext, setAsyncContext } from "hostel:internal";

const storesOf = () => asyncContext();

function withContext(context, callback, self, args) {
  const before = asyncContext();
  setAsyncContext(context);
  try {
    return Reflect.apply(callback, self, args);
  } finally {
    setAsyncContext(before);
  }
}

export class AsyncLocalStorage {
  #default;
  #name;

  constructor(options = undefined) {
    this.#default = options?.defaultValue;
    this.#name = options?.name ?? "";
  }

  get name() {
    return this.#name;
  }

  static bind(callback) {
    return AsyncResource.bind(callback);
  }

  static snapshot() {
    const context = asyncContext();
    return (callback, ...args) => withContext(context, callback, undefined, args);
  }

  #with(store) {
    const next = new Map(storesOf() ?? []);
    next.set(this, store);
    return next;
  }

  run(store, callback, ...args) {
    return withContext(this.#with(store), callback, undefined, args);
  }

  exit(callback, ...args) {
    const next = new Map(storesOf() ?? []);
    next.delete(this);
    return withContext(next, callback, undefined, args);
  }

  getStore() {
    const stores = storesOf();
    return stores !== undefined && stores.has(this) ? stores.get(this) : this.#default;
  }

  enterWith(store) {
    setAsyncContext(this.#with(store));
  }

  disable() {
    const next = new Map(storesOf() ?? []);
    next.delete(this);
    setAsyncContext(next);
  }
}

let nextId = 2;

export class AsyncResource {
  #context = asyncContext();
  #id = nextId++;

  constructor(type) {
    if (typeof type !== "string") throw new TypeError('The "type" argument must be of type string.');
    this.type = type;
  }

  static bind(callback, type = undefined, self = undefined) {
    return new AsyncResource(type ?? callback.name ?? "bound-anonymous-fn").bind(callback, self);
  }

  bind(callback, self = undefined) {
    if (typeof callback !== "function") throw new TypeError('The "fn" argument must be of type function.');
    const context = this.#context;
    return function (...args) {
      return withContext(context, callback, self ?? this, args);
    };
  }

  runInAsyncScope(callback, self = undefined, ...args) {
    return withContext(this.#context, callback, self, args);
  }

  emitDestroy() {
    return this;
  }
  asyncId() {
    return this.#id;
  }
  triggerAsyncId() {
    return 1;
  }
}

export const executionAsyncId = () => 1;
export const triggerAsyncId = () => 1;
export const executionAsyncResource = () => ({});
export const createHook = () => ({
  enable() {
    return this;
  },
  disable() {
    return this;
  },
});
export const asyncWrapProviders = Object.freeze({ __proto__: null });
export default { AsyncLocalStorage, AsyncResource, executionAsyncId, triggerAsyncId, executionAsyncResource, createHook, asyncWrapProviders };
