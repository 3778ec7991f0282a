// Owns what all streams share: queues, strategies, settled-later promises, and the calling of a tenant's source, sink and transformer
// methods (Streams standard, sections 7 and 8). Must not know any stream.

// First in, first out, without moving the rest at each step.
class Fifo {
  constructor() {
    this.items = [];
  }
  get length() {
    return this.items.length - this.head;
  }
  push(item) {
    this.items[this.items.length] = item;
  }
  peek() {
    return this.items[this.head];
  }
  shift() {
    const item = this.items[this.head];
    this.items[this.head] = undefined;
    this.head++;
    if (this.head === this.items.length) {
      this.items.length = 0;
      this.head = 0;
    } else if (this.head >= 1024 && this.head * 2 > this.items.length) {
      this.items = arraySlice(this.items, this.head);
      this.head = 0;
    }
    return item;
  }
}

internal(Fifo, { head: 0 });

// "Queue with sizes".
class SizedQueue {
  constructor() {
    this.entries = new Fifo();
  }
  get length() {
    return this.entries.length;
  }
  enqueue(value, size) {
    if (typeof size !== "number" || NumberIsNaN(size) || size < 0 || size === Infinity) {
      throw new RangeError("The size of a chunk must be a finite, non-negative number");
    }
    this.entries.push({ value, size });
    this.total += size;
  }
  dequeue() {
    const entry = this.entries.shift();
    this.total = MathMax(0, this.total - entry.size);
    return entry.value;
  }
  peek() {
    return this.entries.peek().value;
  }
  reset() {
    this.entries = new Fifo();
    this.total = 0;
  }
}

internal(SizedQueue, { total: 0 });

// A promise that somebody else settles, made when it is first looked at: most of those of a stream never are. Its rejection is never
// "unhandled".
class Deferred {
  get pending() {
    return this.status === PENDING;
  }

  get promise() {
    if (this.made === null) {
      if (this.status === PENDING) {
        const { promise, resolve, reject } = promiseWithResolvers();
        this.resolve = resolve;
        this.reject = reject;
        this.made = promise;
      } else if (this.status === FULFILLED) {
        this.made = promiseResolvedWith(this.value);
      } else {
        this.made = promiseRejectedWith(this.value);
        markHandled(this.made);
      }
    }
    return this.made;
  }

  fulfil(value) {
    if (this.status !== PENDING) return;
    this.status = FULFILLED;
    if (this.made !== null) this.resolve(value);
    else this.value = value;
  }

  fail(reason) {
    if (this.status !== PENDING) return;
    this.status = FAILED;
    if (this.made !== null) {
      markHandled(this.made);
      this.reject(reason);
    } else {
      this.value = reason;
    }
  }

  // A rejection that does count as unhandled when nobody looks: that of a tenant's own write, close or abort.
  failLoudly(reason) {
    const { promise } = this;
    void promise;
    this.status = FAILED;
    this.reject(reason);
  }

  static fulfilled(value) {
    const deferred = new Deferred();
    deferred.fulfil(value);
    return deferred;
  }

  static failed(reason) {
    const deferred = new Deferred();
    deferred.fail(reason);
    return deferred;
  }
}

const PENDING = 0;
const FULFILLED = 1;
const FAILED = 2;

internal(Deferred, { status: PENDING, value: undefined, made: null, resolve: undefined, reject: undefined });

// Runs `then` or `otherwise` when `promise` settles. An error in them is ours: it shows as an unhandled rejection.
const uponPromise = promiseThen;

// A method of an underlying source, sink or transformer as a function of an array of arguments that returns a promise; undefined when there is
// none.
function promiseMethod(object, name, what) {
  const method = toCallback(object[name], `${what}.${name}`);
  if (method === undefined) return undefined;
  return (args) => {
    try {
      return promiseResolvedWith(ReflectApply(method, object, args));
    } catch (error) {
      return promiseRejectedWith(error);
    }
  };
}

const resolvedUndefined = () => promiseResolvedWith(undefined);

// Strategies -----------------------------------------------------------------------------------------------------------------------------

function extractHighWaterMark(strategy, fallback) {
  const given = strategy.highWaterMark;
  if (given === undefined) return fallback;
  const mark = +given;
  if (NumberIsNaN(mark) || mark < 0) throw new RangeError("The high water mark must be a non-negative number");
  return mark;
}

function extractSize(strategy) {
  const size = toCallback(strategy.size, "strategy.size");
  return size === undefined ? undefined : (chunk) => +ReflectApply(size, undefined, [chunk]);
}

const byteLengthSize = ObjectDefineProperty((chunk) => chunk.byteLength, "name", { value: "size" });
const countSize = ObjectDefineProperty(() => 1, "name", { value: "size" });

function requiredHighWaterMark(init, name) {
  requireArguments(`${name} constructor`, init === undefined ? 0 : 1, 1);
  const given = toDictionary(init, `${name}: the init`).highWaterMark;
  if (given === undefined) throw new TypeError(`${name}: highWaterMark is required`);
  return +given;
}

class ByteLengthQueuingStrategy {
  #highWaterMark;
  constructor(init) {
    this.#highWaterMark = requiredHighWaterMark(init, "ByteLengthQueuingStrategy");
  }
  get highWaterMark() {
    return this.#highWaterMark;
  }
  get size() {
    this.#highWaterMark;
    return byteLengthSize;
  }
}

class CountQueuingStrategy {
  #highWaterMark;
  constructor(init) {
    this.#highWaterMark = requiredHighWaterMark(init, "CountQueuingStrategy");
  }
  get highWaterMark() {
    return this.#highWaterMark;
  }
  get size() {
    this.#highWaterMark;
    return countSize;
  }
}

defineInterface(ByteLengthQueuingStrategy);
defineInterface(CountQueuingStrategy);
