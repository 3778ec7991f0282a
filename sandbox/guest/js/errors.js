// Owns what becomes of things that were thrown: their description, and the EXCEPTION effect. Must not decide what an exception means: the host does.

const FLAG_HANDLER = 0;
const FLAG_WAIT_UNTIL = 1;
const FLAG_UNHANDLED = 2;
const FLAG_STARTUP = 3;

const RUNTIME_FRAME = "(hostel:runtime";

// A stack without the runtime's own frames, nor the native ones through which the runtime called the tenant's function.
function tenantStack(stack) {
  const lines = stack.split("\n");
  let out = "";
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (line === "" || line.indexOf(RUNTIME_FRAME) >= 0) continue;
    if (line.endsWith("(native)") && i + 1 < lines.length && lines[i + 1].indexOf(RUNTIME_FRAME) >= 0) continue;
    out += out === "" ? line : `\n${line}`;
  }
  return out;
}

// Reads a property of a thrown value as a string; "" when that is impossible or throws.
function stringProperty(value, key) {
  try {
    const property = value[key];
    return property === undefined ? "" : `${property}`;
  } catch {
    return "";
  }
}

const looksLikeError = (value) => isObject(value) && (host.isError(value) || host.classOf(value) === "DOMException");

function safeString(value) {
  try {
    return typeof value === "symbol" ? value.toString() : `${value}`;
  } catch {
    return typeof value;
  }
}

// What to say of a thrown value in one line.
function describeError(value) {
  return looksLikeError(value) ? stringProperty(value, "message") : safeString(value);
}

function emitException(id, flags, value) {
  if (looksLikeError(value)) {
    const name = stringProperty(value, "name");
    const stack = tenantStack(stringProperty(value, "stack"));
    host.emit(EFFECT_EXCEPTION, flags, id, "sss", name === "" ? "Error" : name, stringProperty(value, "message"), stack);
  } else {
    host.emit(EFFECT_EXCEPTION, flags, id, "sss", "Error", safeString(value), "");
  }
}

// An exception nobody could catch: thrown by a listener, a timer or a microtask.
function reportException(value) {
  if (globalTarget !== null && targetListeners.get(globalTarget) !== null) {
    const event = new ErrorEvent("error", { cancelable: true, message: describeError(value), error: value });
    eventState(event).trusted = true;
    if (!dispatchTo(globalTarget, event)) return;
  }
  emitException(current === null ? 0 : current.id, FLAG_UNHANDLED, value);
}

const reportOperation = {
  reportError(value) {
    requireArguments("reportError", arguments.length, 1);
    reportException(value);
  },
};

// Unhandled rejections -------------------------------------------------------------------------------------------------------------------

// Promises rejected with no handler since the turn began. One that gets a handler before the turn ends is forgotten.
let rejections = null;

host.onRejection = (promise, reason, handled) => {
  if (handled) {
    if (rejections !== null) rejections.delete(promise);
    return;
  }
  if (rejections === null) rejections = new SafeMap();
  rejections.set(promise, reason);
};

function flushRejections() {
  if (rejections === null) return;
  const pending = rejections;
  rejections = null;
  pending.forEach((reason, promise) => {
    if (globalTarget !== null && targetListeners.get(globalTarget) !== null) {
      const event = new PromiseRejectionEvent("unhandledrejection", { cancelable: true, promise, reason });
      eventState(event).trusted = true;
      if (!dispatchTo(globalTarget, event)) return;
    }
    emitException(current === null ? 0 : current.id, FLAG_UNHANDLED, reason);
  });
}
