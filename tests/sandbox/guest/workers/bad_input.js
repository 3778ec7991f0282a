// Hostile and malformed input to what a worker is given: the standard's error or a clear one, and nothing of ours shows.
import { deep, eq, ok, rejects, text, throws } from "./check.js";

export async function headers_with_line_breaks_are_refused() {
  const headers = new Headers();
  for (const value of ["a\r\nset-cookie: b", "a\nb", "a\rb", "a\0b", "\u0100"]) {
    throws(() => headers.set("x", value), "TypeError", JSON.stringify(value));
    throws(() => new Response("", { headers: { x: value } }), "TypeError");
    throws(() => new Request("https://example.com", { headers: [["x", value]] }), "TypeError");
  }
  for (const name of ["", "a b", "a:b", "a\r\nb", "é", "a\0"]) throws(() => headers.append(name, "x"), "TypeError", JSON.stringify(name));
  throws(() => new Response("", { statusText: "OK\r\nset-cookie: a" }), "TypeError");
  throws(() => Response.redirect("https://example.com/\r\n", 302).headers.set("location", "a\r\nb"), "TypeError");
  eq(Response.redirect("https://example.com/a\r\nb").headers.get("location"), "https://example.com/ab");
}

export async function lone_surrogates_become_replacements() {
  const lone = "a\ud800b\udc00";
  eq(text(new TextEncoder().encode(lone)), "a\ufffdb\ufffd");
  eq(await new Response(lone).text(), "a\ufffdb\ufffd");
  eq(new URL(`https://example.com/${lone}`).pathname, "/a%EF%BF%BDb%EF%BF%BD");
  eq(await new Blob([lone]).text(), "a\ufffdb\ufffd");
  const form = new FormData();
  form.set(lone, lone);
  deep([...form], [["a\ufffdb\ufffd", "a\ufffdb\ufffd"]]);
  eq(new URLSearchParams([[lone, "1"]]).toString(), "a%EF%BF%BDb%EF%BF%BD=1");
}

export async function a_megabyte_of_url_is_parsed_or_refused_in_time() {
  const long = "a".repeat(1 << 20);
  eq(new URL(`https://example.com/${long}?${long}#${long}`).href.length, 3 * (1 << 20) + "https://example.com/?#".length);
  eq(new URL(`https://example.com/${"../".repeat(300_000)}x`).pathname, "/x");
  eq(URL.parse(`https://${"a.".repeat(500_000)}`) !== null, true);
  eq(new URLSearchParams("a=b&".repeat(100_000)).getAll("a").length, 100_000);
  ok(new URLPattern({ pathname: "/:x" }).test(`https://example.com/${"a".repeat(1 << 15)}`));
  eq(URL.canParse(`https://xn--${"-".repeat(5_000)}`), false);
}

export async function json_ten_thousand_deep_is_an_error_and_no_crash() {
  const deepText = "[".repeat(10_000) + "]".repeat(10_000);
  await rejects(new Response(deepText).json(), "RangeError");
  throws(() => JSON.parse(deepText), "RangeError");
  let nested = [];
  for (let i = 0; i < 10_000; i++) nested = [nested];
  throws(() => structuredClone(nested), "RangeError");
  eq(JSON.stringify(nested), `[${deepText}]`);
}

export async function names_of_prototypes_are_names_like_others() {
  const headers = new Headers([["__proto__", "a"], ["constructor", "b"]]);
  deep([headers.get("__proto__"), headers.get("constructor"), headers.get("toString")], ["a", "b", null]);
  const params = new URLSearchParams("__proto__=1&hasOwnProperty=2");
  deep([...params.keys()], ["__proto__", "hasOwnProperty"]);
  const clone = structuredClone(JSON.parse('{"__proto__": {"polluted": true}}'));
  eq(Object.getPrototypeOf(clone), Object.prototype);
  ok(Object.hasOwn(clone, "__proto__"));
  eq({}.polluted, undefined);
  const match = new URLPattern({ pathname: "/:__proto__" }).exec("https://example.com/x");
  ok(Object.hasOwn(match.pathname.groups, "__proto__"));
  await rejects(crypto.subtle.digest("__proto__", new Uint8Array(1)), "NotSupportedError");
  throws(() => new TextDecoder("__proto__"), "RangeError");
  throws(() => new CompressionStream("constructor"), "TypeError");
}

// What a tenant puts on Object.prototype is seen by the tenant's own objects, and by nothing that the runtime makes for itself.
export async function polluted_prototypes_change_nothing_of_ours() {
  const caught = [];
  const define = (name, descriptor) => Object.defineProperty(Object.prototype, name, descriptor);
  const names = ["status", "headers", "method", "body", "transfer", "signal", "fatal", "hash", "length", "done", "value", "list", "guard", "0", "stage", "queue"];
  for (const name of names) define(name, { __proto__: null, configurable: true, set(value) { caught.push([name, value]); }, get() { return undefined; } });
  let result;
  try {
    const response = new Response("x", undefined);
    result = [response.status, await response.clone().text(), new Request("https://example.com/").method, new TextDecoder().fatal];
    new Headers([["a", "b"]]).append("c", "d");
    new ReadableStream().cancel();
    structuredClone(new Map([[1, [2]]]));
  } finally {
    for (const name of names) delete Object.prototype[name];
  }
  deep(result, [200, "x", "GET", false]);
  deep(caught, []);
}

export async function foreign_receivers_are_refused() {
  for (const [Class, member] of [[Headers, "get"], [URL, "toJSON"], [Blob, "slice"], [MessagePort, "postMessage"], [URLPattern, "test"], [AbortController, "abort"]]) {
    throws(() => Class.prototype[member].call({}, "x"), "TypeError", `${Class.name}.${member}`);
    throws(() => Class.prototype[member].call(Object.create(Class.prototype), "x"), "TypeError", `${Class.name}.${member}`);
  }
  await rejects(Response.prototype.text.call({}), "TypeError");
  await rejects(crypto.subtle.digest.call({}, "SHA-256", new Uint8Array(1)), "TypeError");
  await rejects(Cache.prototype.match.call({}, "https://example.com"), "TypeError");
}
