// The few assertions that the test workers share.

const show = (value) => {
  try {
    return typeof value === "string" ? JSON.stringify(value) : value instanceof Error ? `${value}` : (JSON.stringify(value) ?? String(value));
  } catch {
    return String(value);
  }
};

export function fail(message) {
  throw new Error(message);
}

export function ok(value, what = "the value") {
  if (!value) fail(`${what} is ${show(value)}`);
}

export function eq(actual, expected, what = "") {
  if (!Object.is(actual, expected)) fail(`${what} is ${show(actual)}, not ${show(expected)}`);
}

export function deep(actual, expected, what = "") {
  if (!same(actual, expected)) fail(`${what} is ${show(actual)}, not ${show(expected)}`);
}

function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const keys = Reflect.ownKeys(a);
  if (keys.length !== Reflect.ownKeys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

// `kind` is an error's name, or the very value that must be thrown.
function isKind(error, kind) {
  return error === kind || (typeof kind === "string" && error?.name === kind);
}

export function throws(action, kind, what = "") {
  let result;
  try {
    result = action();
  } catch (error) {
    if (!isKind(error, kind)) fail(`${what} threw ${error}, not ${show(kind)}`);
    return error;
  }
  return fail(`${what} gave ${show(result)} and did not throw ${show(kind)}`);
}

export async function rejects(promise, kind, what = "") {
  let result;
  try {
    result = await promise;
  } catch (error) {
    if (!isKind(error, kind)) fail(`${what} was rejected with ${error}, not ${show(kind)}`);
    return error;
  }
  return fail(`${what} gave ${show(result)} and was not rejected with ${show(kind)}`);
}

export const text = (bytes) => new TextDecoder().decode(bytes);
export const bytes = (string) => new TextEncoder().encode(string);

// Lets every microtask that is ready run, and those they queue.
export async function settle(rounds = 50) {
  for (let i = 0; i < rounds; i++) await undefined;
}

export async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
