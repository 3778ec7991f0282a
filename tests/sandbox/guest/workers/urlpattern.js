// URLPattern: what routers do with it, what it refuses, and that a tenant's regular expressions stay a tenant's.
import { deep, eq, ok, throws } from "./check.js";

export async function patterns_match_and_name_their_groups() {
  const pattern = new URLPattern({ pathname: "/books/:id(\\d+)/:rest*" });
  const match = pattern.exec("https://example.com/books/12/a/b");
  deep(match.pathname.groups, { id: "12", rest: "a/b" });
  eq(match.hostname.groups[0], "example.com");
  eq(pattern.test("https://example.com/books/x"), false);
  eq(pattern.exec("https://example.com/other"), null);
  eq(pattern.hasRegExpGroups, true);
}

export async function constructor_strings_have_bases_and_options() {
  const pattern = new URLPattern("https://*.example.com/Users/:name", { ignoreCase: true });
  eq(pattern.protocol, "https");
  eq(pattern.hostname, "*.example.com");
  eq(pattern.test("https://api.example.com/users/ann"), true);
  eq(pattern.test({ pathname: "/users/ann", baseURL: "https://www.example.com" }), true);
  eq(new URLPattern("/x", "https://a.example:444/y").port, "444");
  eq(new URLPattern("https://example.com:443/x?a=*#:h").port, "");
  eq(new URLPattern({ pathname: "/a/{b}?" }).pathname, "/a/{b}?");
}

export async function what_is_no_pattern_throws() {
  for (const wrong of ["/relative", "https://example.com/(", "https://example.com/:a/:a", "https://example.com/(?:x)", "https://[::g]/"]) {
    throws(() => new URLPattern(wrong), "TypeError", wrong);
  }
  throws(() => new URLPattern({ protocol: "not a protocol" }), "TypeError");
  throws(() => new URLPattern({}, "https://example.com"), "TypeError");
  throws(() => new URLPattern({ baseURL: "nowhere" }), "TypeError");
  eq(new URLPattern().test("no url"), false);
}

export async function patched_prototypes_do_not_see_our_patterns() {
  const seen = [];
  const { exec } = RegExp.prototype;
  RegExp.prototype.exec = function (...args) { seen.push(args); return exec.apply(this, args); };
  String.prototype.search = () => { seen.push("search"); return 0; };
  Object.defineProperty(Object.prototype, "name", { configurable: true, set(value) { seen.push(value); } });
  ok(new URLPattern({ pathname: "/:a" }).test("https://example.com/b"));
  delete Object.prototype.name;
  RegExp.prototype.exec = exec;
  eq(seen.filter((one) => one !== "search").length, 0, JSON.stringify(seen));
}
