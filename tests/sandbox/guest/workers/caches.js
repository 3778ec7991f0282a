// The Cache API: what is stored and found again, what is not, and for how long.
import { eq, ok, rejects, throws } from "./check.js";

let counter = 0;
// Tests share a process and a worker's name: each has addresses of its own.
const fresh = () => `https://cache.example/${Date.now()}/${crypto.randomUUID()}/${counter++}`;

export async function what_was_put_is_found() {
  const url = fresh();
  const response = new Response("kept", { status: 203, statusText: "So So", headers: { "cache-control": "max-age=60", "x-mine": "1", etag: '"a"' } });
  eq(await caches.default.match(url), undefined);
  eq(await caches.default.put(url, response), undefined);
  eq(response.bodyUsed, true);
  for (const request of [url, new URL(url), new Request(`${url}#part`)]) {
    const found = await caches.default.match(request);
    ok(found instanceof Response);
    eq(`${found.status} ${found.statusText} ${found.headers.get("x-mine")} ${found.headers.get("cf-cache-status")}`, "203 So So 1 HIT");
    eq(await found.text(), "kept");
  }
  eq((await caches.default.match(new Request(url, { headers: { "if-none-match": '"a"' } }))).status, 304);
  eq(await caches.default.match(new Request(url, { method: "POST" })), undefined);
  ok(await caches.default.match(new Request(url, { method: "POST" }), { ignoreMethod: true }));
}

export async function caches_are_apart() {
  const url = fresh();
  const named = await caches.open("mine");
  eq(await caches.open("mine"), named);
  await named.put(url, new Response("mine"));
  eq(await caches.default.match(url), undefined);
  eq(await (await caches.open("default")).match(url), undefined);
  eq(await (await named.match(url)).text(), "mine");
  eq(await named.delete(url), true);
  eq(await named.delete(url), false);
  eq(await named.match(url), undefined);
}

export async function what_belongs_to_one_visitor_is_not_kept() {
  for (const headers of [{ "set-cookie": "a=b" }, { "cache-control": "private" }, { "cache-control": "no-store" }, { "cache-control": "max-age=0" }, { expires: "Thu, 01 Jan 1970 00:00:00 GMT" }]) {
    const url = fresh();
    await caches.default.put(url, new Response("secret", { headers }));
    eq(await caches.default.match(url), undefined, JSON.stringify(headers));
  }
}

export async function what_cannot_be_kept_is_refused() {
  const cache = caches.default;
  await rejects(cache.put(new Request(fresh(), { method: "POST" }), new Response()), "TypeError");
  await rejects(cache.put(fresh(), new Response("x", { status: 206 })), "TypeError");
  await rejects(cache.put(fresh(), new Response("x", { headers: { vary: "*" } })), "TypeError");
  await rejects(cache.put("/relative", new Response("x")), "TypeError");
  await rejects(cache.put(fresh(), "text"), "TypeError");
  await rejects(cache.put(fresh(), new Response(new Uint8Array(6 << 20))), "Error");
  const used = new Response("x");
  await used.text();
  await rejects(cache.put(fresh(), used), "TypeError");
  throws(() => new Cache(), "TypeError");
  throws(() => new CacheStorage(), "TypeError");
}
