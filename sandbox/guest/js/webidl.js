// Owns the conversions and class furniture that Web IDL prescribes and every interface shares. Must not know any interface.

// Throws as Web IDL does when fewer than `need` arguments were given.
function requireArguments(what, given, need) {
  if (given < need) {
    throw new TypeError(`${what} requires at least ${need} argument${need === 1 ? "" : "s"}, but only ${given} present`);
  }
}

// USVString: a string without lone surrogates.
const toUSVString = (value) => (typeof value === "string" ? stringToWellFormed(value) : stringToWellFormed(`${value}`));

const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

const NOT_LATIN1 = regexp(/[\u0100-\uffff]/);

// ByteString: a string whose code units are bytes.
function toByteString(value, what) {
  const string = typeof value === "string" ? value : `${value}`;
  if (NOT_LATIN1.test(string)) throw new TypeError(`${what} has a character above 255`);
  return string;
}

// [EnforceRange] unsigned long long.
function toUnsignedEnforced(value, what) {
  const number = MathTrunc(+value);
  if (!NumberIsFinite(number) || number < 0 || number > 9007199254740991) throw new TypeError(`${what} is outside the range of its type`);
  return number + 0;
}

// unsigned short.
function toUnsignedShort(value) {
  return (+value) & 0xffff;
}

// A callback member or null/undefined; anything else is a TypeError.
function toCallback(value, what) {
  if (value === undefined) return undefined;
  if (typeof value !== "function") throw new TypeError(`${what} is not a function`);
  return value;
}

const NO_MEMBERS = ObjectFreeze(ObjectCreate(null));

// A dictionary: undefined and null stand for the empty one.
function toDictionary(value, what) {
  if (value === undefined || value === null) return NO_MEMBERS;
  if (!isObject(value)) throw new TypeError(`${what} is not an object`);
  return value;
}

function toEnum(value, allowed, what) {
  const string = `${value}`;
  for (let i = 0; i < allowed.length; i++) if (allowed[i] === string) return string;
  throw new TypeError(`${what}: "${string}" is not a valid value`);
}

// Gives a class its Web IDL looks: enumerable members and a class string.
function defineInterface(Class, name = Class.name) {
  const proto = Class.prototype;
  const keys = ReflectOwnKeys(proto);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key === "constructor" || typeof key === "symbol") continue;
    const descriptor = ObjectGetOwnPropertyDescriptor(proto, key);
    descriptor.enumerable = true;
    ObjectDefineProperty(proto, key, descriptor);
  }
  ObjectDefineProperty(proto, Symbol.toStringTag, { value: name, configurable: true, enumerable: false, writable: false });
  const statics = ReflectOwnKeys(Class);
  for (let i = 0; i < statics.length; i++) {
    const key = statics[i];
    if (key === "prototype" || key === "name" || key === "length" || typeof key === "symbol") continue;
    const descriptor = ObjectGetOwnPropertyDescriptor(Class, key);
    descriptor.enumerable = true;
    ObjectDefineProperty(Class, key, descriptor);
  }
  return Class;
}

// For an interface without a constructor, of which only the runtime makes instances: what it hands over is no argument.
function hideArguments(...Classes) {
  for (let i = 0; i < Classes.length; i++) ObjectDefineProperty(Classes[i], "length", { value: 0, configurable: true });
}

// Constants of an interface, on the constructor and its prototype.
function defineConstants(Class, constants) {
  const names = ObjectKeys(constants);
  for (let i = 0; i < names.length; i++) {
    const descriptor = { value: constants[names[i]], enumerable: true, configurable: false, writable: false };
    ObjectDefineProperty(Class, names[i], descriptor);
    ObjectDefineProperty(Class.prototype, names[i], descriptor);
  }
}

// A member that cannot be told from the prototype's own when asked for by its well-known symbol.
function alias(Class, symbol, method) {
  ObjectDefineProperty(Class.prototype, symbol, { value: Class.prototype[method], writable: true, enumerable: false, configurable: true });
}

// Adds entries(), keys(), values(), forEach() and the iterator to a class of pairs. `pairsOf(instance)` gives the flat array
// [name, value, ...] as it is now: iterators are live, as Web IDL says, so it is asked at every step.
function definePairIterable(Class, name, pairsOf) {
  class PairIterator {
    #target;
    #index = 0;
    #kind;
    constructor(target, kind) {
      this.#target = target;
      this.#kind = kind;
    }
    next() {
      const pairs = pairsOf(this.#target);
      const index = this.#index;
      if (index >= pairs.length) return { value: undefined, done: true };
      this.#index = index + 2;
      if (this.#kind === 0) return { value: [pairs[index], pairs[index + 1]], done: false };
      return { value: this.#kind === 1 ? pairs[index] : pairs[index + 1], done: false };
    }
  }
  const proto = PairIterator.prototype;
  delete proto.constructor;
  ObjectSetPrototypeOf(proto, IteratorPrototype);
  ObjectDefineProperty(proto, "next", { ...ObjectGetOwnPropertyDescriptor(proto, "next"), enumerable: true });
  ObjectDefineProperty(proto, Symbol.toStringTag, { value: `${name} Iterator`, configurable: true });
  const methods = {
    entries() {
      pairsOf(this);
      return new PairIterator(this, 0);
    },
    keys() {
      pairsOf(this);
      return new PairIterator(this, 1);
    },
    values() {
      pairsOf(this);
      return new PairIterator(this, 2);
    },
    forEach(callback, thisArg = undefined) {
      pairsOf(this);
      requireArguments(`${name}.forEach`, arguments.length, 1);
      if (typeof callback !== "function") throw new TypeError(`${name}.forEach: the callback is not a function`);
      for (let i = 0, pairs = pairsOf(this); i < pairs.length; i += 2, pairs = pairsOf(this)) {
        ReflectApply(callback, thisArg, [pairs[i + 1], pairs[i], this]);
      }
    },
  };
  for (const key of ObjectKeys(methods)) {
    ObjectDefineProperty(methods[key], "length", { value: key === "forEach" ? 1 : 0, configurable: true });
    ObjectDefineProperty(Class.prototype, key, { value: methods[key], writable: true, enumerable: true, configurable: true });
  }
  alias(Class, Symbol.iterator, "entries");
}

// Steps through any iterable without Array.prototype[Symbol.iterator] where it is an untouched array.
function iterateToArray(iterable, method, convert = undefined) {
  const result = [];
  const iterator = ReflectApply(method, iterable, []);
  if (!isObject(iterator)) throw new TypeError("the iterator is not an object");
  const next = iterator.next;
  for (;;) {
    const step = ReflectApply(next, iterator, []);
    if (!isObject(step)) throw new TypeError("the iterator's result is not an object");
    if (step.done) return result;
    const { value } = step;
    result[result.length] = convert === undefined ? value : convert(value);
  }
}

// BufferSource ---------------------------------------------------------------------------------------------------------------------------

const isBufferSource = (value) => typeof value === "object" && value !== null && (bufferIsView(value) || host.classOf(value) === "ArrayBuffer");

// A Uint8Array over the bytes of an ArrayBuffer or a view, without copying; TypeError for anything else.
function bytesView(value, what = "The argument") {
  if (bufferIsView(value)) {
    if (typedArrayTag(value) === undefined) return new U8(dataViewBuffer(value), dataViewByteOffset(value), dataViewByteLength(value));
    return new U8(typedArrayBuffer(value), typedArrayByteOffset(value), typedArrayByteLength(value));
  }
  if (typeof value === "object" && value !== null && host.classOf(value) === "ArrayBuffer") return new U8(value);
  throw new TypeError(`${what} is not an ArrayBuffer or a view of one`);
}

// A single chunk is given back as it is.
function concatBytes(chunks, total) {
  return chunks.length === 1 ? chunks[0] : copyBytes(chunks, total);
}

// Bytes of their own, whatever becomes of the chunks.
function copyBytes(chunks, total) {
  const all = new U8(total);
  let at = 0;
  for (let i = 0; i < chunks.length; i++) {
    bytesSet(all, chunks[i], at);
    at += typedArrayByteLength(chunks[i]);
  }
  return all;
}

const domException = (name, message) => new DOMExceptionCtor(message, name);
const DOMExceptionCtor = globalThis.DOMException;

// Web IDL, section 2.8.2: the one exception that carries numbers.
class QuotaExceededError extends DOMExceptionCtor {
  #quota = null;
  #requested = null;

  constructor(message = "", options = undefined) {
    super(`${message}`, "QuotaExceededError");
    const { quota, requested } = toDictionary(options, "QuotaExceededError: the options");
    if (quota !== undefined) this.#quota = toQuotaNumber(quota, "quota");
    if (requested !== undefined) this.#requested = toQuotaNumber(requested, "requested");
    if (this.#quota !== null && this.#requested !== null && this.#requested < this.#quota) throw new RangeError("QuotaExceededError: less than the quota");
  }

  get quota() {
    return this.#quota;
  }
  get requested() {
    return this.#requested;
  }
}
defineInterface(QuotaExceededError);

function toQuotaNumber(value, what) {
  const number = +value;
  if (!NumberIsFinite(number)) throw new TypeError(`QuotaExceededError: "${what}" is not a finite number`);
  if (number < 0) throw new RangeError(`QuotaExceededError: "${what}" is negative`);
  return number;
}
