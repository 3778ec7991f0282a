// Owns Request (Fetch standard, section 5.3). Must not fetch. What a worker does not ask for is not made: the URL of an incoming request is not
// parsed, its headers are not decoded, its body has no stream and its signal does not exist.

class RequestState {
  constructor(method, url, headers, body) {
    this.method = method;
    // The serialised URL.
    this.url = url;
    this.headers = headers;
    this.body = body;
  }
}

internal(RequestState, {
  headersFace: null,
  redirect: "follow",
  signal: null,
  // The signal ours follows once somebody asks for it: an AbortSignal, or an Invocation for incoming requests.
  follows: null,
  cf: undefined,
  // JSON of the host's metadata for incoming requests, until `cf` is asked for.
  meta: null,
  integrity: "",
  keepalive: false,
  cache: undefined,
});

let requestState;
let isRequest;

const NORMAL_METHODS = new SafeMap();
for (const method of ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]) {
  NORMAL_METHODS.set(method, method);
  NORMAL_METHODS.set(method.toLowerCase(), method);
}

function normalizeMethod(value) {
  const method = `${value}`;
  const known = NORMAL_METHODS.get(method);
  if (known !== undefined) return known;
  if (method === "" || NOT_TOKEN.test(method)) throw new TypeError(`Invalid HTTP method string: ${JSONStringify(method)}`);
  const upper = method.toUpperCase();
  if (upper === "CONNECT" || upper === "TRACE" || upper === "TRACK") throw new TypeError(`The HTTP method ${upper} is forbidden`);
  return NORMAL_METHODS.has(upper) ? upper : method;
}

const REDIRECT_MODES = ["follow", "error", "manual"];

function toRequestURL(input) {
  const text = toUSVString(input);
  const url = parseURL(text);
  if (url === null) throw new TypeError(`Invalid URL: ${text}`);
  if (url.username !== "" || url.password !== "") throw new TypeError(`A request's URL must not include credentials: ${text}`);
  return serializeURL(url);
}

const copyHeaders = (headers) =>
  headers.list === null ? new HeadersState(null, headers.block, GUARD_NONE) : new HeadersState(copyHeaderList(headers), null, GUARD_NONE);

class Request {
  #s;

  constructor(input, init = undefined) {
    if (input instanceof RequestState) {
      this.#s = input;
      return;
    }
    requireArguments("Request constructor", arguments.length, 1);
    const given = isObject(input) && #s in input ? input.#s : null;
    this.#s = makeRequest(input, given, init);
  }

  static {
    requestState = (request) => request.#s;
    isRequest = (value) => isObject(value) && #s in value;
  }

  get method() {
    return this.#s.method;
  }
  get url() {
    return this.#s.url;
  }
  get headers() {
    const state = this.#s;
    if (state.headersFace === null) state.headersFace = new Headers(state.headers, HEADERS_KEY);
    return state.headersFace;
  }
  get redirect() {
    return this.#s.redirect;
  }
  get signal() {
    return requestSignal(this.#s);
  }
  get cf() {
    return requestCf(this.#s);
  }
  get integrity() {
    return this.#s.integrity;
  }
  get keepalive() {
    return this.#s.keepalive;
  }
  get cache() {
    return this.#s.cache;
  }
  get duplex() {
    void this.#s;
    return "half";
  }

  clone() {
    const state = this.#s;
    if (bodyUnusable(state.body)) throw new TypeError(USED_MESSAGE);
    const body = state.body === null ? null : cloneBody(state.body);
    const headers = copyHeaders(state.headers);
    headers.guard = state.headers.guard;
    const copy = new RequestState(state.method, state.url, headers, body);
    copy.redirect = state.redirect;
    copy.follows = followedBy(state);
    copy.cf = requestCf(state);
    copy.integrity = state.integrity;
    copy.keepalive = state.keepalive;
    copy.cache = state.cache;
    return new Request(copy);
  }
}

function makeRequest(input, from, init) {
  const settings = toDictionary(init, "Request: the init");
  let state;
  if (from === null) {
    state = new RequestState("GET", toRequestURL(input), null, null);
  } else {
    state = new RequestState(from.method, from.url, null, null);
    state.redirect = from.redirect;
    state.follows = followedBy(from);
    state.cf = requestCf(from);
    state.integrity = from.integrity;
    state.keepalive = from.keepalive;
    state.cache = from.cache;
  }
  const { body, cache, cf, headers, integrity, keepalive, method, redirect, signal } = settings;
  if (method !== undefined) state.method = normalizeMethod(method);
  if (redirect !== undefined) state.redirect = toEnum(redirect, REDIRECT_MODES, "Request: redirect");
  if (signal !== undefined) {
    if (signal !== null && !isAbortSignal(signal)) throw new TypeError("Request: the signal is not an AbortSignal");
    state.follows = signal;
  }
  if (cf !== undefined) state.cf = cf === null ? undefined : structuredCloneValue(cf);
  if (integrity !== undefined) state.integrity = `${integrity}`;
  if (keepalive !== undefined) state.keepalive = !!keepalive;
  if (cache !== undefined) state.cache = `${cache}`;
  if (headers !== undefined) {
    const list = [];
    fillHeaderList(list, headers);
    state.headers = new HeadersState(list, null, GUARD_NONE);
  } else {
    state.headers = from === null ? new HeadersState([], null, GUARD_NONE) : copyHeaders(from.headers);
  }
  if (body !== undefined && body !== null) {
    forbidBody(state.method);
    state.body = extractBody(body);
    const type = state.body.type;
    if (type !== null && !listHas(headerList(state.headers), "content-type")) {
      const list = headerList(state.headers);
      list[list.length] = "content-type";
      list[list.length] = type;
    }
  } else if (from !== null && from.body !== null && body !== null) {
    // A GET that came in with a body may be passed on as it is.
    if (method !== undefined) forbidBody(state.method);
    if (bodyUnusable(from.body)) throw new TypeError(USED_MESSAGE);
    state.body = moveBody(from.body);
  }
  return state;
}

function forbidBody(method) {
  if (method === "GET" || method === "HEAD") throw new TypeError("Request with a GET or HEAD method cannot have a body.");
}

const followedBy = (state) => (state.signal !== null ? state.signal : state.follows);

function requestSignal(state) {
  if (state.signal === null) {
    const follows = state.follows;
    if (follows === null) {
      state.signal = newSignal();
    } else if (follows instanceof Invocation) {
      if (follows.signal === null) {
        follows.signal = newSignal();
        if (follows.aborted) signalAbort(follows.signal, clientGone());
      }
      state.signal = follows.signal;
    } else {
      state.signal = dependentSignal([follows]);
    }
  }
  return state.signal;
}

function requestCf(state) {
  if (state.meta !== null) {
    const meta = state.meta;
    state.meta = null;
    const cf = JSONParse(meta).cf;
    state.cf = cf === undefined || cf === null ? undefined : cf;
  }
  return state.cf;
}

defineInterface(Request);
defineBodyMembers(Request, (request) => requestState(request));
