// The Worker Loader's own checks: what a factory may return, and what is said when it returns something else.
import { deep, eq, ok, rejects, throws } from "./check.js";

const HELLO = "export default { fetch() { return new Response('hello') } }";
const code = (more = {}) => ({ compatibilityDate: "2025-06-01", mainModule: "a.js", modules: { "a.js": HELLO }, ...more });
const run = (LOADER, value) => LOADER.load(value).getEntrypoint().fetch("http://d/");

export async function stubs_are_made_without_loading(request, env) {
  let calls = 0;
  const stub = env.LOADER.get("never", () => {
    calls++;
    return code();
  });
  ok(stub.getEntrypoint() && stub.getEntrypoint("x") && stub.getEntrypoint(null, { limits: { cpuMs: 5 } }));
  eq(calls, 0);
  throws(() => env.LOADER.get("k"), "TypeError");
  throws(() => env.LOADER.get("k", {}), "TypeError");
  throws(() => env.LOADER.load(), "TypeError");
  throws(() => stub.getEntrypoint("x", { limits: { cpuMs: -1 } }), "TypeError");
  throws(() => stub.getEntrypoint("x", { props: () => {} }), "TypeError");
}

export async function what_a_factory_returns_is_checked(request, env) {
  const bad = [
    [{ mainModule: "a.js", modules: { "a.js": HELLO } }, "compatibilityDate"],
    [code({ mainModule: undefined }), "mainModule"],
    [code({ mainModule: "b.js" }), "b.js"],
    [code({ modules: undefined }), "modules"],
    [code({ modules: { "a.txt": "x" } }), "Module name must end with '.js' or '.py'"],
    [code({ modules: { "a.py": "x" } }), "Python workers are not supported yet"],
    [code({ modules: { "a.js": { py: "x" } } }), "Python workers are not supported yet"],
    [code({ modules: { "a.js": {} } }), "exactly one of"],
    [code({ modules: { "a.js": { js: HELLO, text: "x" } } }), "exactly one of"],
    [code({ modules: { "a.js": { js: 1 } } }), "must be a string"],
    [code({ modules: { "a.js": HELLO, b: { data: "x" } } }), "ArrayBuffer"],
    [code({ modules: { "a.js": HELLO, b: { json: undefined } } }), "exactly one of"],
    [code({ modules: { "a.js": 5 } }), "string or an object"],
    [code({ env: { f() {} } }), "could not be cloned"],
    [code({ env: 5 }), "env must be an object"],
    [code({ tails: {} }), "tails must be an array"],
    [code({ compatibilityFlags: [1] }), "compatibilityFlags"],
    [code({ limits: { cpuMs: "x" } }), "limits.cpuMs"],
    [code({ globalOutbound: {} }), "globalOutbound"],
    [code({ globalOutbound: env.LOADER.load(code()).getEntrypoint() }), "not supported yet"],
  ];
  for (const [value, words] of bad) {
    let message = "(nothing was thrown)";
    try {
      await run(env.LOADER, value);
    } catch (error) {
      message = error.message;
    }
    ok(message.includes(words), `the message ${JSON.stringify(message)}`);
    if (!message.includes(words)) throw new Error(`${JSON.stringify(message)} does not say ${words}`);
  }
  await rejects(env.LOADER.get(null, () => 5).getEntrypoint().fetch("http://d/"), "TypeError");
}

export async function sizes_are_limited(request, env) {
  // One string four times: a worker has no memory for all of it.
  const text = "x".repeat(16777216);
  const large = code({ modules: { "a.js": HELLO, b: { text }, c: { text }, d: { text }, e: { text } } });
  const size = 67108864 + HELLO.length;
  const error = await rejects(run(env.LOADER, large), "Error");
  eq(error.message, `Dynamic Worker code size (${size} bytes) exceeds the maximum allowed size of 67108864 bytes.`);
  const wide = await rejects(run(env.LOADER, code({ env: { big: "x".repeat(1048577) } })), "Error");
  ok(/^Dynamic Worker env size \(\d+ bytes\) exceeds the maximum allowed size of 1048576 bytes\.$/.test(wide.message), wide.message);
}

export async function the_factorys_own_error_comes_back(request, env) {
  const mine = new RangeError("mine");
  await rejects(env.LOADER.get("throws", () => { throw mine; }).getEntrypoint().fetch("http://d/"), mine);
  await rejects(env.LOADER.get("rejects", () => Promise.reject(mine)).getEntrypoint().fetch("http://d/"), mine);
}

export async function requests_and_responses_pass_whole(request, env) {
  const echo = `export default { async fetch(request) {
    return new Response(request.body, { status: 201, headers: { "x-method": request.method, "x-url": request.url, "x-h": request.headers.get("h") } });
  } }`;
  const stub = env.LOADER.load(code({ modules: { "a.js": echo } }));
  const response = await stub.getEntrypoint().fetch(new URL("http://d/path?q#f"), { method: "PUT", headers: { h: "v" }, body: "payload" });
  deep(
    [response.status, response.headers.get("x-method"), response.headers.get("x-url"), response.headers.get("x-h"), await response.text()],
    [201, "PUT", "http://d/path?q", "v", "payload"],
  );
  const streamed = await stub.getEntrypoint().fetch("http://d/", { method: "POST", body: ReadableStream.from(["a", "b"]).pipeThrough(new TextEncoderStream()) });
  eq(await streamed.text(), "ab");
}
