// The global object, randomness, and what a worker cannot have.
import { WorkerEntrypoint, env as importedEnv, waitUntil } from "cloudflare:workers";
import { deep, eq, ok, rejects, settle, throws } from "./check.js";

const early = {};
for (const [name, action] of Object.entries({
  fetch: () => fetch("http://example.com/"),
  setTimeout: () => setTimeout(() => {}, 1),
  setInterval: () => setInterval(() => {}, 1),
  random: () => crypto.getRandomValues(new Uint8Array(1)),
  uuid: () => crypto.randomUUID(),
  timeout: () => AbortSignal.timeout(1),
  wait: () => scheduler.wait(1),
})) {
  try {
    const result = action();
    if (result instanceof Promise) result.catch((error) => (early[name] = error.message));
  } catch (error) {
    early[name] = error.message;
  }
}
const earlyTime = Date.now();
const earlyMath = Math.random();

export async function start_up_may_not_touch_the_world() {
  for (const name of ["fetch", "setTimeout", "setInterval", "random", "uuid", "timeout", "wait"]) {
    ok(early[name]?.startsWith("Disallowed operation called within global scope."), `${name}: ${early[name]}`);
  }
  eq(earlyTime, 0);
  ok(earlyMath >= 0 && earlyMath < 1);
}

export async function code_from_strings_is_refused() {
  const makers = [
    () => eval("1"), () => (0, eval)("1"), () => new Function("return 1"), () => Function("return 1"), () => (() => {}).constructor("return 1"),
    () => (async () => {}).constructor("return 1"), () => (function* () {}).constructor("yield 1"), () => (async function* () {}).constructor("yield 1"),
    () => Reflect.construct(Function, ["return 1"]), () => class extends Function {}.constructor("1"), () => new (class extends Function {})("1"),
  ];
  for (const make of makers) throws(make, "EvalError", String(make));
  eq(eval(5), 5);
  ok((() => {}) instanceof Function);
  eq(Object.getPrototypeOf(async () => {}).constructor.name, "AsyncFunction");
  ok(Function.prototype === Object.getPrototypeOf(() => {}));
}

export async function stack_traces_lead_nowhere() {
  let sites;
  Error.prepareStackTrace = (error, given) => ((sites = given), "");
  void new Error("x").stack;
  Error.prepareStackTrace = undefined;
  for (const site of sites ?? []) {
    eq(site.getFunction?.(), undefined);
    eq(site.getThis?.(), undefined);
  }
}

export async function globals_have_the_standards_attributes() {
  eq(self, globalThis);
  eq(navigator.userAgent, "Cloudflare-Workers");
  for (const name of ["Request", "URL", "ReadableStream", "AbortSignal", "TextEncoder", "Blob"]) {
    const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(globalThis, name);
    deep([name, writable, enumerable, configurable], [name, true, false, true]);
  }
  for (const name of ["fetch", "setTimeout", "structuredClone", "queueMicrotask"]) {
    deep([name, Object.getOwnPropertyDescriptor(globalThis, name).enumerable], [name, true]);
    throws(() => new globalThis[name](), "TypeError");
  }
  for (const name of ["host", "process", "require", "std", "os", "Deno", "document", "XMLHttpRequest", "print", "gc"]) eq(typeof globalThis[name], "undefined", name);
  for (const Class of [ExecutionContext, Fetcher, Crypto, Performance, ReadableStreamDefaultController]) {
    if (Class !== Crypto && Class !== Performance) throws(() => new Class(), "TypeError", Class.name);
  }
  eq(Object.prototype.toString.call(crypto), "[object Crypto]");
}

export async function randomness() {
  const a = crypto.getRandomValues(new Uint8Array(64));
  const b = crypto.getRandomValues(new Uint8Array(64));
  ok(a.some((byte, i) => byte !== b[i]));
  const words = new Uint32Array(4);
  eq(crypto.getRandomValues(words), words);
  ok(crypto.getRandomValues(new BigInt64Array(2)).some((word) => word !== 0n));
  const uuids = new Set(Array.from({ length: 100 }, () => crypto.randomUUID()));
  eq(uuids.size, 100);
  for (const uuid of uuids) ok(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid), uuid);
  eq(crypto.getRandomValues(new Uint8Array(65536)).length, 65536);
  throws(() => crypto.getRandomValues(new Uint8Array(65537)), "QuotaExceededError");
  throws(() => crypto.getRandomValues(new Float32Array(1)), "TypeMismatchError");
  throws(() => crypto.getRandomValues([1]), "TypeMismatchError");
  throws(() => crypto.getRandomValues.call({}, new Uint8Array(1)), "TypeError");
  ok(crypto.subtle instanceof SubtleCrypto);
  const values = Array.from({ length: 200 }, () => Math.random());
  ok(values.every((value) => value >= 0 && value < 1) && new Set(values).size > 190);
}

export async function replaced_built_ins_do_not_open_the_runtime() {
  const kept = [];
  const originals = [
    [Array.prototype, "push"], [Map.prototype, "get"], [Map.prototype, "set"], [Set.prototype, "add"], [Promise.prototype, "then"],
    [RegExp.prototype, "exec"], [Function.prototype, "call"], [Function.prototype, "apply"], [WeakMap.prototype, "get"],
  ].map(([owner, name]) => [owner, name, owner[name]]);
  const { apply } = Reflect;
  try {
    for (const [owner, name, original] of originals) {
      owner[name] = function () {
        kept[kept.length] = [name, this, arguments];
        return apply(original, this, arguments);
      };
    }
    const response = new Response("x", { headers: { "x-a": "b" } });
    const target = new EventTarget();
    target.addEventListener("x", () => {});
    target.dispatchEvent(new Event("x"));
    await new Promise((resolve) => setTimeout(resolve, 1));
    await response.text();
    structuredClone({ a: [1] });
    new URL("http://a/b?c=d").searchParams.get("c");
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    writer.write("1");
    await readable.getReader().read();
  } finally {
    for (const [owner, name, original] of originals) owner[name] = original;
  }
  for (const [name, self, args] of kept) {
    for (const value of [self, ...args]) {
      if (typeof value !== "object" || value === null) continue;
      const { constructor } = value;
      const known = typeof constructor !== "function" || globalThis[constructor.name] === constructor || constructor.name === "AsyncFunction";
      ok(known, `${name} saw a ${constructor?.name}`);
    }
  }
}

export async function setters_on_object_prototype_catch_nothing(request) {
  const caught = [];
  const names = "id state stage body headers list url status text bytes stream reader controller queue items pending timers callback made algorithms signal type";
  for (const name of names.split(" ")) {
    Object.defineProperty(Object.prototype, name, {
      get() {},
      set(value) {
        caught.push([name, this]);
      },
      configurable: true,
    });
  }
  try {
    const copy = new Request(request, { headers: [["a", "b"]] });
    await new Response(new Response("x").body, { status: 201 }).text();
    copy.signal.addEventListener("abort", () => {});
    await scheduler.wait(1);
    new URL("http://a/b?c=d").searchParams.append("e", "f");
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    writer.write("1");
    await readable.getReader().read();
    structuredClone(new Map([[1, [2]]]));
    console.log(copy);
  } finally {
    for (const name of names.split(" ")) delete Object.prototype[name];
  }
  deep(caught.map(([name]) => name), []);
}

export async function error_events_and_rejections_can_be_caught() {
  const seen = [];
  const onError = (event) => {
    seen.push(event.error.message);
    event.preventDefault();
  };
  addEventListener("error", onError);
  reportError(new Error("reported"));
  setTimeout(() => {
    throw new Error("timer");
  });
  queueMicrotask(() => {
    throw new Error("microtask");
  });
  await new Promise((resolve) => setTimeout(resolve, 2));
  removeEventListener("error", onError);
  deep(seen, ["reported", "microtask", "timer"]);
  const rejected = [];
  const onRejection = (event) => {
    rejected.push(event.reason);
    event.preventDefault();
  };
  addEventListener("unhandledrejection", onRejection);
  Promise.reject("nobody");
  Promise.reject("somebody").catch(() => {});
  const late = Promise.reject("late");
  await settle();
  late.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 1));
  removeEventListener("unhandledrejection", onRejection);
  deep(rejected, ["nobody"]);
}

export async function the_context_object(request, env, ctx) {
  eq(importedEnv, env);
  deep(ctx.props, {});
  eq(ctx.passThroughOnException(), undefined);
  eq(ctx.waitUntil(Promise.resolve()), undefined);
  waitUntil(5);
  const { waitUntil: loose } = ctx;
  throws(() => loose(Promise.resolve()), "TypeError");
  eq(typeof WorkerEntrypoint, "function");
  await rejects(fetch("ftp://example.com/"), "TypeError");
  await rejects(fetch("nonsense"), "TypeError");
  await rejects(fetch(), "TypeError");
  await rejects(fetch("http://example.com/", { signal: AbortSignal.abort("early") }), "early");
}
