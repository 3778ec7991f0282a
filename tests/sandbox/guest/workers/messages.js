// Request and Response: constructors and attributes.
import { bytes, deep, eq, ok, rejects, throws } from "./check.js";

export async function requests_have_defaults() {
  const request = new Request("http://example.com/a b?c#d");
  deep([request.method, request.url, request.redirect, request.body, request.bodyUsed], ["GET", "http://example.com/a%20b?c#d", "follow", null, false]);
  ok(request.signal instanceof AbortSignal);
  eq(request.signal.aborted, false);
  deep([...request.headers], []);
  eq(new Request(new URL("http://u/")).url, "http://u/");
  eq(new Request({ toString: () => "http://s/" }).url, "http://s/");
}

export async function requests_refuse() {
  for (const url of ["", "/relative", "http://", "http://user:pw@host/"]) throws(() => new Request(url), "TypeError", url);
  throws(() => new Request(), "TypeError");
  for (const method of ["", "a b", "CONNECT", "trace", "TRACK", "é"]) throws(() => new Request("http://a", { method }), "TypeError", method);
  for (const method of ["GET", "HEAD", "get"]) throws(() => new Request("http://a", { method, body: "x" }), "TypeError", method);
  throws(() => new Request("http://a", { body: "x" }), "TypeError");
  throws(() => new Request("http://a", { redirect: "other" }), "TypeError");
  throws(() => new Request("http://a", { signal: {} }), "TypeError");
  throws(() => new Request("http://a", 5), "TypeError");
}

export async function methods_are_normalised() {
  for (const method of ["get", "Post", "hEAD", "put", "delete", "options"]) eq(new Request("http://a", { method }).method, method.toUpperCase());
  eq(new Request("http://a", { method: "patch" }).method, "patch");
  eq(new Request("http://a", { method: "PURGE", body: "x" }).method, "PURGE");
}

export async function a_request_made_from_another_takes_its_body() {
  const first = new Request("http://a/1", { method: "POST", body: "payload", headers: { "x-a": "1" } });
  const second = new Request(first, { headers: { "x-b": "2" } });
  eq(first.bodyUsed, true);
  await rejects(first.text(), "TypeError");
  deep([second.method, second.url, second.headers.get("x-a"), second.headers.get("x-b")], ["POST", "http://a/1", null, "2"]);
  eq(await second.text(), "payload");
  throws(() => new Request(first), "TypeError");
  const third = new Request("http://a", { method: "POST", body: "old" });
  const fourth = new Request(third, { body: "new" });
  eq(await fourth.text(), "new");
  eq(third.bodyUsed, false);
  eq(new Request("http://b", new Request("http://a", { method: "PUT", headers: { q: "1" } })).method, "PUT");
}

export async function a_requests_signal_follows() {
  const controller = new AbortController();
  const request = new Request("http://a", { signal: controller.signal });
  const copy = request.clone();
  const other = new Request(request);
  const seen = [];
  copy.signal.addEventListener("abort", () => seen.push(copy.signal.reason));
  controller.abort("why");
  deep([request.signal.aborted, other.signal.reason, seen], [true, "why", ["why"]]);
  ok(new Request("http://a", { signal: AbortSignal.abort() }).signal.aborted);
  eq(new Request(request, { signal: null }).signal.aborted, false);
}

export async function the_incoming_request_is_as_it_came(request) {
  eq(request.method, "POST");
  ok(request.url.startsWith("http://example.com/"), request.url);
  eq(request.redirect, "manual");
  eq(request.signal.aborted, false);
  eq(request.headers.get("HOST"), "example.com");
  eq(Object.prototype.toString.call(request), "[object Request]");
}

export async function responses_have_defaults() {
  const response = new Response();
  deep(
    [response.status, response.statusText, response.ok, response.type, response.url, response.redirected, response.body, response.webSocket],
    [200, "", true, "default", "", false, null, null],
  );
  eq(new Response("x", { status: 404 }).ok, false);
  eq(new Response("x", { status: 299, statusText: "Fine ü" }).statusText, "Fine ü");
  const copied = new Response("y", new Response("x", { status: 418, statusText: "T", headers: { a: "b" } }));
  deep([copied.status, copied.statusText, copied.headers.get("a")], [418, "T", "b"]);
}

export async function responses_refuse() {
  for (const status of [0, 100, 199, 600, 1000, NaN, "x"]) throws(() => new Response("", { status }), "RangeError", String(status));
  for (const status of [204, 205, 304]) {
    throws(() => new Response("", { status }), "TypeError", String(status));
    eq(new Response(null, { status }).status, status);
  }
  throws(() => new Response("", { statusText: "\n" }), "TypeError");
  throws(() => new Response("", { statusText: "€" }), "TypeError");
  throws(() => new Response("", { headers: { "a b": "c" } }), "TypeError");
  throws(() => new Response("", 5), "TypeError");
  throws(() => Response(), "TypeError");
}

export async function json_redirect_and_error() {
  const json = Response.json({ a: 1 }, { status: 201, headers: { b: "c" } });
  deep([json.status, json.headers.get("content-type"), json.headers.get("b"), await json.json()], [201, "application/json", "c", { a: 1 }]);
  eq(Response.json(1, { headers: { "content-type": "a/b" } }).headers.get("content-type"), "a/b");
  throws(() => Response.json(undefined), "TypeError");
  throws(() => Response.json(1n), "TypeError");
  const redirect = Response.redirect("http://a/ü", 307);
  deep([redirect.status, redirect.headers.get("location")], [307, "http://a/%C3%BC"]);
  eq(Response.redirect("http://a").status, 302);
  throws(() => Response.redirect("http://a", 200), "RangeError");
  throws(() => Response.redirect("/relative"), "TypeError");
  throws(() => redirect.headers.set("a", "b"), "TypeError");
  const error = Response.error();
  deep([error.type, error.status, error.ok], ["error", 0, false]);
}

export async function members_need_their_own_kind() {
  throws(() => Object.getOwnPropertyDescriptor(Response.prototype, "status").get.call({}), "TypeError");
  throws(() => Object.getOwnPropertyDescriptor(Request.prototype, "url").get.call(new Response()), "TypeError");
  await rejects(Response.prototype.text.call({}), "TypeError");
  class Mine extends Response {
    get extra() {
      return this.status + 1;
    }
  }
  eq(new Mine("x", { status: 210 }).extra, 211);
  eq(await new Mine(bytes("mine")).text(), "mine");
}
