// Owns node:util. The text of a value is the runtime's own (the one the console writes), with Node's own form for buffers and custom inspectors.
import { inspectValue } from "hostel:internal";
import { AbortError } from "node:events";
import types from "node:util/types";

const customInspect = Symbol.for("nodejs.util.inspect.custom");
const customPromisify = Symbol.for("nodejs.util.promisify.custom");

export function inspect(value, options = undefined, ...rest) {
  const settings = typeof options === "object" && options !== null ? options : { showHidden: options, depth: rest[0] };
  const depth = settings.depth === null || settings.depth === Infinity ? 100 : (settings.depth ?? 2);
  if (value !== null && (typeof value === "object" || typeof value === "function") && settings.customInspect !== false) {
    const own = value[customInspect];
    if (typeof own === "function" && own !== inspect) {
      const shown = Reflect.apply(own, value, [depth, { ...settings, depth, stylize: (text) => text }, inspect]);
      return typeof shown === "string" ? shown : inspect(shown, settings);
    }
  }
  return inspectValue(value, depth + 1);
}
inspect.custom = customInspect;
inspect.defaultOptions = { depth: 2 };
inspect.colors = {};
inspect.styles = {};

function number(value, convert) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol" || (typeof value === "object" && value !== null)) return "NaN";
  return `${convert(value)}`;
}

export const formatWithOptions = (options, ...args) => formatted(args, options);
export const format = (...args) => formatted(args, {});

function formatted(args, options) {
  let out = "";
  let next = 0;
  if (typeof args[0] === "string") {
    next = 1;
    out = args.length === 1 ? args[0] : args[0].replace(/%[sdifjoOc%]/g, (found) => {
      if (found === "%%") return "%";
      if (next >= args.length) return found;
      const value = args[next++];
      switch (found[1]) {
        case "s":
          if (typeof value === "string") return value;
          if (typeof value === "bigint") return `${value}n`;
          if (Object.is(value, -0)) return "-0";
          if (typeof value === "object" && value !== null && !(value instanceof Error) && !Object.hasOwn(value, "toString")) return inspect(value, { ...options, depth: 0 });
          return String(value);
        case "d":
          return number(value, Number);
        case "i":
          return number(value, Number.parseInt);
        case "f":
          return typeof value === "symbol" ? "NaN" : `${Number.parseFloat(value)}`;
        case "j":
          try {
            return `${JSON.stringify(value)}`;
          } catch (error) {
            if (/circular/i.test(error.message)) return "[Circular]";
            throw error;
          }
        case "o":
          return inspect(value, { ...options, depth: 4 });
        case "O":
          return inspect(value, options);
        default:
          return "";
      }
    });
  }
  for (let i = next; i < args.length; i++) out += `${i > 0 ? " " : ""}${typeof args[i] === "string" ? args[i] : inspect(args[i], options)}`;
  return out;
}

export function promisify(original) {
  if (typeof original !== "function") throw Object.assign(new TypeError('The "original" argument must be of type function'), { code: "ERR_INVALID_ARG_TYPE" });
  if (original[customPromisify] !== undefined) return original[customPromisify];
  const promised = function (...args) {
    return new Promise((resolve, reject) => {
      Reflect.apply(original, this, [...args, (error, value) => (error ? reject(error) : resolve(value))]);
    });
  };
  Object.setPrototypeOf(promised, Object.getPrototypeOf(original));
  Object.defineProperty(promised, customPromisify, { value: promised, configurable: true });
  return Object.defineProperties(promised, Object.getOwnPropertyDescriptors(original));
}
promisify.custom = customPromisify;

export function callbackify(original) {
  const called = function (...args) {
    const callback = args.pop();
    if (typeof callback !== "function") throw Object.assign(new TypeError("The last argument must be of type function"), { code: "ERR_INVALID_ARG_TYPE" });
    Reflect.apply(original, this, args).then(
      (value) => queueMicrotask(() => callback(null, value)),
      (error) => queueMicrotask(() => callback(error || Object.assign(new Error("Promise was rejected with falsy value"), { reason: error, code: "ERR_FALSY_VALUE_REJECTION" }))),
    );
  };
  Object.defineProperty(called, "name", { value: `${original.name}Callbackified`, configurable: true });
  return called;
}

export function inherits(constructor, parent) {
  Object.defineProperty(constructor, "super_", { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

export function deprecate(callback, message, code = undefined) {
  let warned = false;
  return function (...args) {
    if (!warned) {
      warned = true;
      console.warn(`${code === undefined ? "" : `[${code}] `}DeprecationWarning: ${message}`);
    }
    return new.target ? Reflect.construct(callback, args, new.target) : Reflect.apply(callback, this, args);
  };
}

const tag = (value) => Object.prototype.toString.call(value);

function sameKeys(one, other, strict, seen) {
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  const symbols = Object.getOwnPropertySymbols(one).filter((key) => Object.prototype.propertyIsEnumerable.call(one, key));
  for (const key of [...keys, ...symbols]) {
    if (!Object.hasOwn(other, key) || !deepEqual(one[key], other[key], strict, seen)) return false;
  }
  return true;
}

function sameMembers(one, other, strict, seen) {
  if (one.size !== other.size) return false;
  const left = [...other];
  outer: for (const entry of one) {
    for (const [i, candidate] of left.entries()) {
      if (deepEqual(entry, candidate, strict, seen)) {
        left.splice(i, 1);
        continue outer;
      }
    }
    return false;
  }
  return true;
}

// Deep equality as node:assert has it.
export function deepEqual(one, other, strict = true, seen = []) {
  if (strict ? Object.is(one, other) : one === other || (Number.isNaN(one) && Number.isNaN(other))) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return !strict && typeof one !== "object" && typeof other !== "object" && one == other;
  if (strict && Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (tag(one) !== tag(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  for (const [a, b] of seen) if (a === one && b === other) return true;
  const next = [...seen, [one, other]];
  if (Array.isArray(one)) return one.length === other.length && sameKeys(one, other, strict, next);
  if (one instanceof Date) return one.getTime() === other.getTime() && sameKeys(one, other, strict, next);
  if (one instanceof RegExp) return String(one) === String(other) && one.lastIndex === other.lastIndex;
  if (one instanceof Error) return one.name === other.name && one.message === other.message && deepEqual(one.cause, other.cause, strict, next) && sameKeys(one, other, strict, next);
  if (ArrayBuffer.isView(one)) {
    if (one.byteLength !== other.byteLength) return false;
    const [a, b] = [one, other].map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    return a.every((byte, i) => byte === b[i]);
  }
  if (one instanceof ArrayBuffer) return deepEqual(new Uint8Array(one), new Uint8Array(other), strict, next);
  if (one instanceof Set || one instanceof Map) return sameMembers(one, other, strict, next);
  if (one instanceof Number || one instanceof String || one instanceof Boolean || one instanceof BigInt || one instanceof Symbol) return Object.is(one.valueOf(), other.valueOf());
  return sameKeys(one, other, strict, next);
}
export const isDeepStrictEqual = (one, other) => deepEqual(one, other, true);

export const debuglog = () => Object.assign(() => {}, { enabled: false });
export const debug = debuglog;
export const stripVTControlCharacters = (text) => text.replace(/[\u001b\u009b][[\]()#;?]*(?:(?:(?:[a-zA-Z\d]*(?:;[a-zA-Z\d]*)*)?\u0007)|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]))/g, "");
export const toUSVString = (text) => String(text).toWellFormed();
export const styleText = (_, text) => text;
export const getSystemErrorName = (number) => `Unknown system error ${number}`;
export const aborted = (signal) => new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true })));
export const parseEnv = (text) => Object.fromEntries(text.split("\n").map((line) => line.match(/^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*?)\s*$/)).filter(Boolean).map(([, name, value]) => [name, value.replace(/^(['"`])(.*)\1$/s, "$2")]));
export const { TextEncoder, TextDecoder } = globalThis;
export const isArray = Array.isArray;
export { AbortError, types };

export default {
  TextDecoder, TextEncoder, aborted, callbackify, debug, debuglog, deprecate, format, formatWithOptions, getSystemErrorName, inherits, inspect, isArray,
  isDeepStrictEqual, parseEnv, promisify, stripVTControlCharacters, styleText, toUSVString, types,
};
