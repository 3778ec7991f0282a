// Owns `caches` (the Cache API as Workers has it): what may be stored, for how long, and what a match answers. The host keeps the entries. Must not store
// what belongs to one visitor.

// Seconds for a response that says nothing, by status (Workers' defaults for the edge).
const CACHE_SECONDS = { __proto__: null, 200: 7200, 301: 7200, 302: 1200, 303: 1200, 404: 180, 410: 180 };
const MAX_AGE = regexp(/(?:^|[,\s])max-age\s*=\s*"?(\d+)/i);
const SHARED_MAX_AGE = regexp(/(?:^|[,\s])s-maxage\s*=\s*"?(\d+)/i);
const NOT_SHARED = regexp(/(?:^|[,\s])(?:private|no-store|no-cache)(?:[,\s]|$)/i);

// Seconds that a response may be kept; 0 for not at all.
function freshSeconds(status, list) {
  const control = listGet(list, "cache-control") ?? "";
  if (NOT_SHARED.test(control) || listHas(list, "set-cookie")) return 0;
  const age = SHARED_MAX_AGE.exec(control) ?? MAX_AGE.exec(control);
  if (age !== null) return +age[1];
  const expires = listGet(list, "expires");
  if (expires !== null) {
    const until = new DateCtor(expires);
    return MathMax(0, (dateGetTime(until) - wallClock()) / 1000) || 0;
  }
  return CACHE_SECONDS[status] ?? 0;
}

// What an entry is found by: a Request, or what makes one. Its body is left alone.
function cacheKey(input) {
  const state = isRequest(input) ? requestState(input) : makeRequest(input, null, undefined);
  return { __proto__: null, method: state.method, url: requestTarget(state.url), headers: headerList(state.headers) };
}

class Cache {
  #name;

  constructor(name) {
    if (!(name instanceof CacheName)) throw new TypeError("Illegal constructor");
    this.#name = name.name;
  }

  match(request, options = undefined) {
    return cryptoOperation((done, fail) => {
      const name = this.#name;
      requireArguments("Cache.match", arguments.length, 1);
      const { method, url, headers } = cacheKey(request);
      if (method !== "GET" && !toDictionary(options, "Cache.match: the options").ignoreMethod) {
        done(undefined);
        return;
      }
      const found = (text, bytes) => done(text === "" ? undefined : cachedResponse(JSONParse(text), bytes, headers));
      askCrypto("cache.match", { __proto__: null, cache: name, url }, [], found, fail);
    });
  }

  put(request, response) {
    return cryptoOperation((done, fail) => {
      const name = this.#name;
      requireArguments("Cache.put", arguments.length, 2);
      const { method, url } = cacheKey(request);
      if (!isResponse(response)) throw new TypeError("Cache.put: the second argument is not a Response");
      const { status, statusText, headers, body } = responseState(response);
      const list = headerList(headers);
      if (method !== "GET") throw new TypeError("Cannot cache response to non-GET request.");
      if (status === 206) throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
      if ((listGet(list, "vary") ?? "").indexOf("*") >= 0) throw new TypeError("Cannot cache response with 'Vary: *' header.");
      if (bodyUnusable(body)) throw new TypeError(USED_MESSAGE);
      const seconds = freshSeconds(status, list);
      const finished = (bytes) => {
        // What may not be kept is read all the same, so that its owner sees it used.
        if (seconds === 0) {
          done(undefined);
          return;
        }
        const head = `[${status},${JSONStringify(statusText)},${wallClock()},[${quotedList(list)}]]`;
        askCrypto("cache.put", { __proto__: null, cache: name, url, seconds, head }, [bytes], () => done(undefined), fail);
      };
      requireRequest();
      if (body === null) finished(new U8(0));
      else promiseThen(consumeBytes(body), (bytes) => { try { finished(bytes); } catch (error) { fail(error); } }, fail);
    });
  }

  delete(request, options = undefined) {
    return cryptoOperation((done, fail) => {
      const name = this.#name;
      requireArguments("Cache.delete", arguments.length, 1);
      const { method, url } = cacheKey(request);
      if (method !== "GET" && !toDictionary(options, "Cache.delete: the options").ignoreMethod) {
        done(false);
        return;
      }
      askCrypto("cache.delete", { __proto__: null, cache: name, url }, [], (text) => done(text === "true"), fail);
    });
  }
}

class CacheName {
  constructor(name) {
    this.name = name;
  }
}
internal(CacheName);

function quotedList(list) {
  let out = "";
  for (let i = 0; i < list.length; i++) out += `${i === 0 ? "" : ","}${JSONStringify(list[i])}`;
  return out;
}

// The entry as an answer to a request with these headers: not at all when the visitor has the same already.
function cachedResponse(head, bytes, asked) {
  const status = head[0];
  const stored = head[2];
  const list = head[3];
  const tag = listGet(list, "etag");
  const known = listGet(asked, "if-none-match");
  list[list.length] = "age";
  list[list.length] = `${MathMax(0, MathFloor((wallClock() - stored) / 1000))}`;
  list[list.length] = "cf-cache-status";
  list[list.length] = "HIT";
  const same = tag !== null && known !== null && (known === "*" || known.indexOf(tag) >= 0);
  const state = new ResponseState(same ? 304 : status, same ? "Not Modified" : head[1], new HeadersState(list, null, GUARD_NONE));
  state.body = same || isNullBodyStatus(status) ? null : bytesBody(bytes, true);
  return new Response(state);
}

class CacheStorage {
  #default = new Cache(new CacheName("default"));
  #made;

  constructor() {
    if (caches !== undefined) throw new TypeError("Illegal constructor");
    this.#made = new SafeMap();
  }

  get default() {
    return this.#default;
  }

  open(name) {
    return cryptoOperation((done) => {
      const made = this.#made;
      requireArguments("CacheStorage.open", arguments.length, 1);
      const key = `:${name}`;
      if (key.length > 1025) throw new TypeError("CacheStorage.open: the name is longer than 1024 characters");
      if (!made.has(key)) made.set(key, new Cache(new CacheName(key)));
      done(made.get(key));
    });
  }
}
let caches;
caches = new CacheStorage();
defineInterface(Cache);
defineInterface(CacheStorage);
hideArguments(Cache, CacheStorage);
