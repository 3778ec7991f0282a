// Owns node:assert and node:assert/strict.
import { deepEqual as same, inspect } from "node:util";

export class AssertionError extends Error {
  constructor({ message, actual, expected, operator = "fail" } = {}) {
    super(message ?? `${inspect(actual)} ${operator} ${inspect(expected)}`);
    this.name = "AssertionError";
    this.code = "ERR_ASSERTION";
    this.generatedMessage = message === undefined;
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
  }
}

function require(holds, message, actual, expected, operator, generated) {
  if (holds) return;
  if (message instanceof Error) throw message;
  throw Object.assign(new AssertionError({ message: message ?? generated, actual, expected, operator }), { generatedMessage: message === undefined });
}

export function ok(value, message) {
  require(value, message, value, true, "==", arguments.length === 0 ? "No value argument passed to `assert.ok()`" : "The expression evaluated to a falsy value");
}
export const fail = (message = "Failed") => {
  if (message instanceof Error) throw message;
  throw new AssertionError({ message, operator: "fail" });
};
const shown = (words, one, other) => `${words}\n\n${inspect(one)} !== ${inspect(other)}\n`;
export const equal = (one, other, message) => require(one == other || (Number.isNaN(one) && Number.isNaN(other)), message, one, other, "==", `${inspect(one)} == ${inspect(other)}`);
export const notEqual = (one, other, message) => require(one != other && !(Number.isNaN(one) && Number.isNaN(other)), message, one, other, "!=", `${inspect(one)} != ${inspect(other)}`);
export const strictEqual = (one, other, message) => require(Object.is(one, other), message, one, other, "strictEqual", shown("Expected values to be strictly equal:", one, other));
export const notStrictEqual = (one, other, message) => require(!Object.is(one, other), message, one, other, "notStrictEqual", `Expected "actual" to be strictly unequal to: ${inspect(other)}`);
export const deepEqual = (one, other, message) => require(same(one, other, false), message, one, other, "deepEqual", shown("Expected values to be loosely deep-equal:", one, other));
export const notDeepEqual = (one, other, message) => require(!same(one, other, false), message, one, other, "notDeepEqual", `Expected "actual" not to be loosely deep-equal to: ${inspect(other)}`);
export const deepStrictEqual = (one, other, message) => require(same(one, other, true), message, one, other, "deepStrictEqual", shown("Expected values to be strictly deep-equal:", one, other));
export const notDeepStrictEqual = (one, other, message) => require(!same(one, other, true), message, one, other, "notDeepStrictEqual", `Expected "actual" not to be strictly deep-equal to: ${inspect(other)}`);
export const match = (text, pattern, message) => require(typeof text === "string" && pattern.test(text), message, text, pattern, "match", `The input did not match the regular expression ${pattern}. Input:\n\n${inspect(text)}\n`);
export const doesNotMatch = (text, pattern, message) => require(typeof text !== "string" || !pattern.test(text), message, text, pattern, "doesNotMatch", `The input was expected to not match the regular expression ${pattern}. Input:\n\n${inspect(text)}\n`);
export function ifError(value) {
  if (value === null || value === undefined) return;
  throw new AssertionError({ message: `ifError got unwanted exception: ${value?.message ?? inspect(value)}`, actual: value, expected: null, operator: "ifError" });
}

function expected(error, wanted, message) {
  if (wanted === undefined || typeof wanted === "string") return;
  if (typeof wanted === "function") {
    if (wanted.prototype !== undefined && error instanceof wanted) return;
    if (Error.isPrototypeOf(wanted)) throw error;
    if (Reflect.apply(wanted, {}, [error]) === true) return;
    throw new AssertionError({ message: message ?? "The validation function is expected to return \"true\".", actual: error, expected: wanted, operator: "throws" });
  }
  if (wanted instanceof RegExp) {
    require(wanted.test(String(error)), message, error, wanted, "throws", `The input did not match the regular expression ${wanted}. Input:\n\n${inspect(String(error))}\n`);
    return;
  }
  for (const key of [...Object.keys(wanted), ...(wanted instanceof Error ? ["name", "message"] : [])]) {
    const holds = wanted[key] instanceof RegExp && typeof error[key] === "string" ? wanted[key].test(error[key]) : same(error[key], wanted[key], true);
    require(holds, message, error, wanted, "throws", `Expected values to be strictly deep-equal: ${key}`);
  }
}

export function throws(callback, wanted, message) {
  try {
    callback();
  } catch (error) {
    expected(error, wanted, message);
    return;
  }
  require(false, typeof wanted === "string" ? wanted : message, undefined, wanted, "throws", `Missing expected exception${wanted?.name ? ` (${wanted.name})` : ""}.`);
}
export function doesNotThrow(callback, wanted, message) {
  try {
    callback();
  } catch (error) {
    throw new AssertionError({ message: `Got unwanted exception${typeof wanted === "string" ? `: ${wanted}` : message ? `: ${message}` : "."}\nActual message: "${error?.message}"`, actual: error, operator: "doesNotThrow" });
  }
}
export async function rejects(promise, wanted, message) {
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    expected(error, wanted, message);
    return;
  }
  require(false, typeof wanted === "string" ? wanted : message, undefined, wanted, "rejects", `Missing expected rejection${wanted?.name ? ` (${wanted.name})` : ""}.`);
}
export async function doesNotReject(promise) {
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    throw new AssertionError({ message: `Got unwanted rejection.\nActual message: "${error?.message}"`, actual: error, operator: "doesNotReject" });
  }
}
export const partialDeepStrictEqual = (one, other, message) => {
  for (const key of Object.keys(other)) require(same(one?.[key], other[key], true), message, one, other, "partialDeepStrictEqual", `Expected values to be partially and strictly deep-equal: ${key}`);
};

const all = {
  AssertionError, ok, fail, equal, notEqual, strictEqual, notStrictEqual, deepEqual, notDeepEqual, deepStrictEqual, notDeepStrictEqual, match, doesNotMatch,
  ifError, throws, doesNotThrow, rejects, doesNotReject, partialDeepStrictEqual,
};
export const strict = Object.assign((...args) => ok(...args), all, {
  equal: strictEqual,
  notEqual: notStrictEqual,
  deepEqual: deepStrictEqual,
  notDeepEqual: notDeepStrictEqual,
});
strict.strict = strict;
const assert = Object.assign((...args) => ok(...args), all, { strict });
export { assert };
export default assert;
