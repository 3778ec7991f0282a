// Owns the references to built-ins that the runtime depends on, taken before any tenant code exists, and containers whose methods a
// tenant cannot replace. Must not define anything a tenant sees.
//
// A tenant may overwrite any global and any prototype of its instance. That may break the tenant's own worker; it must not hand the
// tenant our internal objects. So what carries internals (tables of requests, promise reactions, byte views) goes through these.

const ReflectApply = Reflect.apply;
const ReflectOwnKeys = Reflect.ownKeys;

// uncurry(f)(self, ...args) calls f with that `this`, whatever becomes of Function.prototype.call.
const uncurry = Function.prototype.bind.bind(Function.prototype.call);

const ObjectAssign = Object.assign;
const ObjectCreate = Object.create;
const ObjectDefineProperty = Object.defineProperty;
const ObjectEntries = Object.entries;
const ObjectFreeze = Object.freeze;
const ObjectGetOwnPropertyDescriptor = Object.getOwnPropertyDescriptor;
const ObjectGetPrototypeOf = Object.getPrototypeOf;
const ObjectKeys = Object.keys;
const ObjectPrototype = Object.prototype;
const ObjectSetPrototypeOf = Object.setPrototypeOf;
const hasOwn = Object.hasOwn;

const ArrayIsArray = Array.isArray;
const arrayJoin = uncurry(Array.prototype.join);
const arraySlice = uncurry(Array.prototype.slice);
const arraySplice = uncurry(Array.prototype.splice);
const arraySort = uncurry(Array.prototype.sort);

const JSONParse = JSON.parse;
const JSONStringify = JSON.stringify;

const NumberIsFinite = Number.isFinite;
const NumberIsInteger = Number.isInteger;
const NumberIsNaN = Number.isNaN;
const MathFloor = Math.floor;
const MathMax = Math.max;
const MathMin = Math.min;
const MathTrunc = Math.trunc;
const MathPow = Math.pow;

const StringFromCharCode = String.fromCharCode;
const StringFromCodePoint = String.fromCodePoint;
const stringToWellFormed = uncurry(String.prototype.toWellFormed);
const functionToString = uncurry(Function.prototype.toString);

const promiseThen = uncurry(Promise.prototype.then);
const promiseResolvedWith = Promise.resolve.bind(Promise);
const promiseRejectedWith = Promise.reject.bind(Promise);
const promiseWithResolvers = Promise.withResolvers.bind(Promise);
const promiseAll = Promise.all.bind(Promise);

const getterOf = (proto, name) => uncurry(ObjectGetOwnPropertyDescriptor(proto, name).get);

const TypedArrayPrototype = ObjectGetPrototypeOf(Uint8Array.prototype);
const typedArrayTag = getterOf(TypedArrayPrototype, Symbol.toStringTag);
const typedArrayBuffer = getterOf(TypedArrayPrototype, "buffer");
const typedArrayByteOffset = getterOf(TypedArrayPrototype, "byteOffset");
const typedArrayByteLength = getterOf(TypedArrayPrototype, "byteLength");
const typedArrayLength = getterOf(TypedArrayPrototype, "length");
const dataViewBuffer = getterOf(DataView.prototype, "buffer");
const dataViewByteOffset = getterOf(DataView.prototype, "byteOffset");
const dataViewByteLength = getterOf(DataView.prototype, "byteLength");
const bufferByteLength = getterOf(ArrayBuffer.prototype, "byteLength");
const bufferDetached = getterOf(ArrayBuffer.prototype, "detached");
const bufferResizable = getterOf(ArrayBuffer.prototype, "resizable");
const bufferSlice = uncurry(ArrayBuffer.prototype.slice);
const bufferTransfer = uncurry(ArrayBuffer.prototype.transfer);
const bufferIsView = ArrayBuffer.isView;
const bytesSet = uncurry(TypedArrayPrototype.set);
const U8 = Uint8Array;
const RegExpCtor = RegExp;
const AB = ArrayBuffer;

const IteratorPrototype = ObjectGetPrototypeOf(ObjectGetPrototypeOf([][Symbol.iterator]()));
const AsyncIteratorPrototype = ObjectGetPrototypeOf(ObjectGetPrototypeOf(async function* () {}.prototype));

// Our own view class for bytes: a Uint8Array whose methods are found before the tenant's prototype would be asked is not possible,
// so code that must be safe calls the uncurried functions above and indexes; `subarray` is rebuilt from its parts.
function bytesSubarray(bytes, start, end) {
  return new U8(typedArrayBuffer(bytes), typedArrayByteOffset(bytes) + start, end - start);
}

function bytesCopy(bytes) {
  const copy = new U8(typedArrayByteLength(bytes));
  bytesSet(copy, bytes);
  return copy;
}

// A copy of `Base` whose instances find their methods on a frozen prototype of their own.
function makeSafe(Base, Safe) {
  for (const key of ReflectOwnKeys(Base.prototype)) {
    if (!hasOwn(Safe.prototype, key)) {
      ObjectDefineProperty(Safe.prototype, key, ObjectGetOwnPropertyDescriptor(Base.prototype, key));
    }
  }
  ObjectSetPrototypeOf(Safe.prototype, null);
  ObjectFreeze(Safe.prototype);
  return Safe;
}

const SafeMap = makeSafe(Map, class SafeMap extends Map {});
const SafeSet = makeSafe(Set, class SafeSet extends Set {});
const SafeWeakMap = makeSafe(WeakMap, class SafeWeakMap extends WeakMap {});

// Makes an internal regular expression immune to a patched RegExp.prototype.
const SafeRegExpPrototype = ObjectCreate(null);
for (const key of ReflectOwnKeys(RegExp.prototype)) {
  if (key !== "constructor") {
    ObjectDefineProperty(SafeRegExpPrototype, key, ObjectGetOwnPropertyDescriptor(RegExp.prototype, key));
  }
}
ObjectFreeze(SafeRegExpPrototype);
const regexp = (pattern) => ObjectSetPrototypeOf(pattern, SafeRegExpPrototype);

const noop = () => {};

// Makes a class one of the runtime's own. Its instances do not inherit from Object.prototype, where a tenant's setter could catch them; and the
// values its fields have most of the time stand on its prototype, because making a field costs some 80 ns in this engine.
function internal(Class, defaults = undefined) {
  const proto = Class.prototype;
  if (ObjectGetPrototypeOf(proto) === ObjectPrototype) ObjectSetPrototypeOf(proto, null);
  if (defaults !== undefined) ObjectAssign(proto, defaults);
}

// Promises the runtime makes for its own book-keeping must not count as unhandled.
const markHandled = (promise) => {
  promiseThen(promise, undefined, noop);
};

// A CallSite's function would lead from a stack trace into the runtime: it answers undefined, as V8 does for strict functions.
{
  const before = ObjectGetOwnPropertyDescriptor(Error, "prepareStackTrace");
  if (before !== undefined) {
    let site;
    Error.prepareStackTrace = (error, sites) => {
      site = sites[0];
      return "";
    };
    void new Error("probe").stack;
    Error.prepareStackTrace = undefined;
    if (site !== undefined) {
      const proto = ObjectGetPrototypeOf(site);
      ObjectDefineProperty(proto, "getFunction", { value: function getFunction() {}, writable: true, enumerable: false, configurable: true });
    }
  }
}
