// Owns what a tenant sees on the global object, and takes away what nobody may have: code from strings. Must be last: it publishes what the other
// files made.

class Navigator {
  #brand = undefined;
  get userAgent() {
    this.#brand;
    return "Cloudflare-Workers";
  }
  get language() {
    this.#brand;
    return "en";
  }
}
defineInterface(Navigator);

function define(name, value, enumerable = false) {
  ObjectDefineProperty(globalThis, name, { value, writable: true, enumerable, configurable: true });
}

// Interfaces are not enumerable; operations and attributes are.
for (const Class of [
  AbortController, AbortSignal, Blob, ByteLengthQueuingStrategy, Cache, CacheStorage, CompressionStream, CountQueuingStrategy, Crypto,
  CryptoKey, CustomEvent, DecompressionStream, ErrorEvent, Event, EventSource, EventTarget, ExecutionContext, Fetcher, File,
  FixedLengthStream, FormData, Headers, IdentityTransformStream, MessageChannel, MessageEvent, MessagePort, Navigator, Performance,
  PromiseRejectionEvent, QuotaExceededError, ReadableByteStreamController, ReadableStream, ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest, ReadableStreamDefaultController, ReadableStreamDefaultReader, Request, Response, SubtleCrypto, TextDecoder,
  TextDecoderStream, TextEncoder, TextEncoderStream, TransformStream, TransformStreamDefaultController, URL, URLPattern, URLSearchParams,
  WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter,
]) {
  define(Class.name, Class);
}

hideArguments(
  CryptoKey, ExecutionContext, ReadableByteStreamController, ReadableStreamBYOBRequest, ReadableStreamDefaultController,
  TransformStreamDefaultController, WritableStreamDefaultController,
);

for (const operations of [cloneOperation, fetchOperation, reportOperation, taskOperations, timerOperations]) {
  for (const [name, operation] of ObjectEntries(operations)) define(name, operation, true);
}

define("console", consoleObject);
define("caches", caches, true);
define("crypto", crypto, true);
define("navigator", new Navigator(), true);
define("performance", performance, true);
define("scheduler", scheduler, true);
define("self", globalThis, true);
for (const name of ["atob", "btoa"]) define(name, globalThis[name], true);

// The global is an event target, for "error" and "unhandledrejection".
globalTarget = new EventTarget();
for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) define(name, EventTarget.prototype[name], true);


ObjectDefineProperty(Math, "random", {
  value: { random: () => host.mathRandom() }.random,
  writable: true,
  enumerable: false,
  configurable: true,
});

// Code from strings ----------------------------------------------------------------------------------------------------------------------

const refuseCode = () => {
  throw new EvalErrorCtor("Code generation from strings disallowed for this context");
};
const EvalErrorCtor = EvalError;

define("eval", { eval: (code) => (typeof code === "string" ? refuseCode() : code) }.eval);

// The constructors stay what `instanceof` and Function.prototype expect; calling them is refused.
for (const sample of [function () {}, async function () {}, function* () {}, async function* () {}]) {
  const proto = ObjectGetPrototypeOf(sample);
  const original = proto.constructor;
  const refused = { [original.name]: function () { return refuseCode(); } }[original.name];
  ObjectDefineProperty(refused, "length", { value: 1, configurable: true });
  ObjectDefineProperty(refused, "prototype", { value: proto, writable: false, enumerable: false, configurable: false });
  if (original !== Function) ObjectSetPrototypeOf(refused, globalThis.Function);
  else define("Function", refused);
  ObjectDefineProperty(proto, "constructor", { value: refused, writable: original === Function, enumerable: false, configurable: true });
}
