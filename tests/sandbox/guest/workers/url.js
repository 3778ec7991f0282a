// URL and URLSearchParams. The cases come from the standard's own sentences; the whole of its test data is run elsewhere.
import { deep, eq, ok, throws } from "./check.js";

export async function takes_a_plain_url_apart() {
  const url = new URL("https://user:pa%20ss@sub.example.com:8080/p/a/t/h?query=string#hash");
  deep(
    [url.href, url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search, url.hash],
    [
      "https://user:pa%20ss@sub.example.com:8080/p/a/t/h?query=string#hash",
      "https://sub.example.com:8080",
      "https:",
      "user",
      "pa%20ss",
      "sub.example.com:8080",
      "sub.example.com",
      "8080",
      "/p/a/t/h",
      "?query=string",
      "#hash",
    ],
  );
  eq(JSON.stringify({ url }), `{"url":"${url.href}"}`);
}

export async function normalises() {
  const cases = [
    ["HTTP://EXAMPLE.com:80/%7Efoo/../a b?q=\"<>'#`x`", "http://example.com/a%20b?q=%22%3C%3E%27#%60x%60"],
    ["http://example.com", "http://example.com/"],
    ["https://example.com:443?x", "https://example.com/?x"],
    ["  http://a\t/b\nc  ", "http://a/bc"],
    ["http:\\\\a\\b\\c", "http://a/b/c"],
    ["http:example.com", "http://example.com/"],
    ["http://a/%2e/b/%2E%2e/c/.", "http://a/c/"],
    ["http://0x7f.1/", "http://127.0.0.1/"],
    ["http://256/", "http://0.0.1.0/"],
    ["http://[1:0:0:2::]/", "http://[1:0:0:2::]/"],
    ["http://[::127.0.0.1]/", "http://[::7f00:1]/"],
    ["http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080/"],
    ["http://bücher.example/", "http://xn--bcher-kva.example/"],
    ["http://ＧＯ.com", "http://go.com/"],
    ["http://faß.de", "http://xn--fa-hia.de/"],
    ["file:///C|/x/../..", "file:///C:/"],
    ["file://localhost/x", "file:///x"],
    ["javascript:alert(1) ?x", "javascript:alert(1)%20?x"],
    ["mailto:a@b", "mailto:a@b"],
    ["foo://A%41/../x", "foo://A%41/x"],
    ["web+demo:/.//not-a-host/", "web+demo:/.//not-a-host/"],
    ["http://example.com/\ud800", "http://example.com/%EF%BF%BD"],
    ["data:text/plain,é", "data:text/plain,%C3%A9"],
  ];
  for (const [input, href] of cases) eq(new URL(input).href, href, input);
}

export async function refuses() {
  const bad = [
    "", "/path", "//host", "http://", "http://a b", "http://a:99999", "http://a:x", "http://[::1", "http://[1:2:3]", "http://1.2.3.4.5",
    "http://256.256.256.256", "http://%zz", "http://a<b", "https://exa%23mple.org", "foo://a b", "http://user@/x", "http://\ufdd0.com", "http://xn--a.ß",
  ];
  for (const input of bad) {
    throws(() => new URL(input), "TypeError", input);
    eq(URL.canParse(input), false, input);
    eq(URL.parse(input), null, input);
  }
  throws(() => new URL("/x", "mailto:a"), "TypeError");
  throws(() => new URL(), "TypeError");
  throws(() => URL("http://a"), "TypeError");
}

export async function resolves_against_a_base() {
  const base = "http://a/b/c/d;p?q";
  // RFC 3986, section 5.4, as the URL standard reads it.
  const cases = {
    "g:h": "g:h", "g": "http://a/b/c/g", "./g": "http://a/b/c/g", "g/": "http://a/b/c/g/", "/g": "http://a/g", "//g": "http://g/",
    "?y": "http://a/b/c/d;p?y", "g?y": "http://a/b/c/g?y", "#s": "http://a/b/c/d;p?q#s", "": "http://a/b/c/d;p?q", ".": "http://a/b/c/",
    "..": "http://a/b/", "../g": "http://a/b/g", "../../../g": "http://a/g", "/./g": "http://a/g", "g.": "http://a/b/c/g.",
    "./../g": "http://a/b/g", "g/../h": "http://a/b/c/h", "http:g": "http://a/b/c/g", "\\x": "http://a/x",
  };
  for (const [input, href] of Object.entries(cases)) eq(new URL(input, base).href, href, input);
  eq(new URL("x", new URL("http://h/y/z")).href, "http://h/y/x");
  eq(URL.parse("x", "http://h/y/z").href, "http://h/y/x");
  ok(URL.canParse("x", "http://h"));
}

export async function setters_change_one_part() {
  const url = new URL("http://example.com:81/a?b#c");
  url.protocol = "https";
  url.port = "443abc";
  eq(url.href, "https://example.com/a?b#c");
  url.host = "other.org:8000/ignored";
  eq(url.host, "other.org:8000");
  url.hostname = "third.net:9";
  eq(url.hostname, "other.org");
  url.pathname = "x y?#";
  url.search = "?q=1#2";
  url.hash = "h i";
  eq(url.href, "https://other.org:8000/x%20y%3F%23?q=1%232#h%20i");
  url.username = "me:@";
  url.password = "p w";
  eq(url.href, "https://me%3A%40:p%20w@other.org:8000/x%20y%3F%23?q=1%232#h%20i");
  url.search = "";
  url.hash = "";
  url.port = "";
  url.username = "";
  url.password = "";
  eq(url.href, "https://other.org/x%20y%3F%23");
  url.protocol = "mailto";
  eq(url.protocol, "https:");
  throws(() => (url.href = "nonsense"), "TypeError");
  url.href = "ftp://f/";
  eq(url.origin, "ftp://f");
  eq(new URL("blob:https://a.b/c").origin, "https://a.b");
  eq(new URL("mailto:x").origin, "null");
}

export async function search_params_parse_and_serialise() {
  const params = new URLSearchParams("?a=1&b=%20+x&a=2&c&=d&%C3%A9=%ff&&e=%zz");
  deep([...params], [["a", "1"], ["b", "  x"], ["a", "2"], ["c", ""], ["", "d"], ["é", "\ufffd"], ["e", "%zz"]]);
  eq(params.toString(), "a=1&b=++x&a=2&c=&=d&%C3%A9=%EF%BF%BD&e=%25zz");
  eq(new URLSearchParams({ "a b": "!'()~*-._", "😀": "\ud800" }).toString(), "a+b=%21%27%28%29%7E*-._&%F0%9F%98%80=%EF%BF%BD");
  eq(new URLSearchParams([["x", "1"], ["x", "2"]]).toString(), "x=1&x=2");
  eq(new URLSearchParams(params).size, 7);
  throws(() => new URLSearchParams([["x"]]), "TypeError");
}

export async function search_params_change_their_url() {
  const url = new URL("http://h/?z=1&a=2&a=3#f");
  const params = url.searchParams;
  eq(url.searchParams, params);
  deep(params.getAll("a"), ["2", "3"]);
  eq(params.get("missing"), null);
  params.append("n", "&");
  eq(url.href, "http://h/?z=1&a=2&a=3&n=%26#f");
  params.delete("a", "2");
  params.set("z", "9");
  eq(url.search, "?z=9&a=3&n=%26");
  ok(params.has("a", "3"));
  ok(!params.has("a", "2"));
  params.sort();
  eq(url.search, "?a=3&n=%26&z=9");
  url.search = "?fresh=1";
  deep([...params.keys()], ["fresh"]);
  params.delete("fresh");
  eq(url.href, "http://h/#f");
  eq(params.size, 0);
}

export async function a_copy_does_not_share() {
  const params = new URL("http://h/?a=1").searchParams;
  const copy = new URLSearchParams(params);
  copy.set("a", "2");
  eq(params.get("a"), "1");
  const calls = [];
  params.forEach((value, name) => calls.push(`${name}=${value}`));
  deep(calls, ["a=1"]);
}

export async function long_input_is_parsed_in_time() {
  const path = "/segment".repeat(20000);
  eq(new URL(`http://h${path}/../x`).pathname.length, path.length - 6);
  const query = Array.from({ length: 20000 }, (_, i) => `k${i}=v%20${i}`).join("&");
  eq(new URL(`http://h/?${query}`).searchParams.size, 20000);
}
