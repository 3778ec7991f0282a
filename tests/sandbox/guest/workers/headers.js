// Headers: what goes in, what comes out, what is refused.
import { deep, eq, ok, throws } from "./check.js";

export async function names_are_lower_cased_and_values_trimmed() {
  const headers = new Headers({ "X-Mixed-Case": "  \t value with  inner space \r\n" });
  eq(headers.get("x-mixed-case"), "value with  inner space");
  eq(headers.get("X-MIXED-CASE"), "value with  inner space");
  deep([...headers.keys()], ["x-mixed-case"]);
}

export async function fills_from_every_kind_of_init() {
  deep([...new Headers()], []);
  deep([...new Headers(undefined)], []);
  deep([...new Headers([["b", "2"], ["a", "1"]])], [["a", "1"], ["b", "2"]]);
  deep([...new Headers({ b: 2, a: null })], [["a", "null"], ["b", "2"]]);
  deep([...new Headers(new Headers({ a: "1" }))], [["a", "1"]]);
  deep([...new Headers(new Map([["m", "1"]]))], [["m", "1"]]);
  const generator = (function* () {
    yield ["g", "1"];
    yield new Set(["h", "2"]);
  })();
  deep([...new Headers(generator)], [["g", "1"], ["h", "2"]]);
}

export async function refuses_what_is_no_init() {
  for (const init of [null, 1, "a", true]) throws(() => new Headers(init), "TypeError", String(init));
  for (const init of [[["a"]], [["a", "b", "c"]], ["ab"], [1], { a: Symbol() }]) throws(() => new Headers(init), "TypeError");
  throws(() => Headers(), "TypeError");
}

export async function refuses_bad_names_and_values() {
  const headers = new Headers();
  for (const name of ["", " ", "a b", "a:", "é", "a\n", "(", "\0"]) {
    for (const method of ["get", "has", "delete"]) throws(() => headers[method](name), "TypeError", `${method} ${name}`);
    for (const method of ["set", "append"]) throws(() => headers[method](name, "v"), "TypeError", `${method} ${name}`);
  }
  for (const value of ["a\nb", "a\rb", "a\0b", "\u0100", "😀"]) throws(() => headers.set("a", value), "TypeError", value);
  headers.set("a", "\xff\x80");
  eq(headers.get("a"), "\xff\x80");
  throws(() => headers.append("a"), "TypeError");
}

export async function combines_and_sorts() {
  const headers = new Headers([["B", "1"], ["a", "x"], ["b", "2"], ["Set-Cookie", "c=1"], ["b", ""], ["set-cookie", "c=2"]]);
  eq(headers.get("b"), "1, 2, ");
  deep([...headers], [["a", "x"], ["b", "1, 2, "], ["set-cookie", "c=1"], ["set-cookie", "c=2"]]);
  deep(headers.getSetCookie(), ["c=1", "c=2"]);
  eq(headers.get("set-cookie"), "c=1, c=2");
  deep(new Headers().getSetCookie(), []);
}

export async function set_replaces_all_and_delete_removes_all() {
  const headers = new Headers([["a", "1"], ["b", "2"], ["a", "3"]]);
  headers.set("A", "4");
  deep([...headers], [["a", "4"], ["b", "2"]]);
  headers.append("a", "5");
  headers.delete("A");
  deep([...headers], [["b", "2"]]);
  eq(headers.get("a"), null);
  eq(headers.has("a"), false);
  eq(headers.delete("missing"), undefined);
}

export async function iteration_is_live() {
  const headers = new Headers({ a: "1", c: "3" });
  const seen = [];
  for (const [name] of headers) {
    seen.push(name);
    if (name === "a") headers.set("b", "2");
  }
  deep(seen, ["a", "b", "c"]);
  const calls = [];
  headers.forEach(function (value, name, object) {
    calls.push([name, value, object === headers, this]);
  }, "self");
  eq(calls.length, 3);
  ok(calls[0][2]);
  throws(() => headers.forEach(), "TypeError");
}

export async function has_the_looks_of_an_interface() {
  eq(String(new Headers()), "[object Headers]");
  eq(Headers.prototype[Symbol.iterator], Headers.prototype.entries);
  eq(Object.prototype.toString.call(new Headers().entries()), "[object Headers Iterator]");
  ok(Object.keys(Headers.prototype).includes("append"));
  eq(Object.getOwnPropertyDescriptor(globalThis, "Headers").enumerable, false);
  throws(() => Headers.prototype.get.call({}, "a"), "TypeError");
}

export async function incoming_headers_cannot_be_changed(request) {
  throws(() => request.headers.set("a", "b"), "TypeError");
  throws(() => request.headers.delete("a"), "TypeError");
  const copy = new Request(request);
  copy.headers.set("a", "b");
  eq(copy.headers.get("a"), "b");
  eq(request.headers.get("a"), null);
  const headers = new Headers(request.headers);
  headers.set("x", "y");
  eq(headers.get("x"), "y");
}
