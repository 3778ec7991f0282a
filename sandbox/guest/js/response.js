// Owns Response (Fetch standard, section 5.5, with Workers' additions). Must not send anything.

class ResponseState {
  constructor(status, statusText, headers, body) {
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
    this.body = body;
  }
}

internal(ResponseState, { headersFace: null, url: "", redirected: false, type: "default", cf: undefined });

let responseState;
let isResponse;

const BAD_REASON = regexp(/[^\t\x20-\x7e\x80-\xff]/);

const isNullBodyStatus = (status) => status === 101 || status === 204 || status === 205 || status === 304;

function makeResponse(body, contentType, init) {
  let status = 200;
  let statusText = "";
  const list = [];
  let cf;
  if (init !== undefined && init !== null) {
    if (!isObject(init)) throw new TypeError("Response: the init is not an object");
    if (init.webSocket !== undefined && init.webSocket !== null) throw new TypeError("Response: WebSockets are not supported yet");
    const { headers, status: givenStatus, statusText: givenText } = init;
    cf = init.cf;
    if (givenStatus !== undefined) {
      status = typeof givenStatus === "number" && NumberIsInteger(givenStatus) ? givenStatus : toUnsignedShort(givenStatus);
      if (status < 200 || status > 599) {
        throw new RangeError("Responses may only be constructed with status codes in the range 200 to 599, inclusive.");
      }
    }
    if (givenText !== undefined) {
      statusText = `${givenText}`;
      if (statusText !== "" && BAD_REASON.test(statusText)) throw new TypeError("Response: the status text has an invalid character");
    }
    if (headers !== undefined) fillHeaderList(list, headers);
  }
  if (body !== null) {
    if (isNullBodyStatus(status)) throw new TypeError("Response with null body status (101, 204, 205, or 304) cannot have a body.");
    if (contentType !== null && !listHas(list, "content-type")) {
      list[list.length] = "content-type";
      list[list.length] = contentType;
    }
  }
  const state = new ResponseState(status, statusText, new HeadersState(list, null, GUARD_NONE), body);
  if (cf !== undefined) state.cf = cf;
  return state;
}

class Response {
  #s;

  constructor(body = null, init = undefined) {
    if (body instanceof ResponseState) {
      this.#s = body;
      return;
    }
    if (body === null || body === undefined) {
      this.#s = makeResponse(null, null, init);
    } else {
      const extracted = extractBody(body);
      this.#s = makeResponse(extracted, extracted.type, init);
    }
  }

  static {
    responseState = (response) => response.#s;
    isResponse = (value) => isObject(value) && #s in value;
  }

  static error() {
    const state = new ResponseState(0, "", new HeadersState([], null, GUARD_IMMUTABLE), null);
    state.type = "error";
    return new Response(state);
  }

  static redirect(url, status = 302) {
    requireArguments("Response.redirect", arguments.length, 1);
    const text = toUSVString(url);
    const parsed = parseURL(text);
    if (parsed === null) throw new TypeError(`Unable to parse URL: ${text}`);
    const code = toUnsignedShort(status);
    if (code !== 301 && code !== 302 && code !== 303 && code !== 307 && code !== 308) {
      throw new RangeError(`${code} is not a redirect status code.`);
    }
    return new Response(new ResponseState(code, "", new HeadersState(["location", serializeURL(parsed)], null, GUARD_IMMUTABLE), null));
  }

  static json(data, init = undefined) {
    requireArguments("Response.json", arguments.length, 1);
    const text = JSONStringify(data);
    if (text === undefined) throw new TypeError("Response.json: the value cannot be written as JSON");
    return new Response(makeResponse(textBody(text), "application/json", init));
  }

  get type() {
    return this.#s.type;
  }
  get url() {
    return this.#s.url;
  }
  get redirected() {
    return this.#s.redirected;
  }
  get status() {
    return this.#s.status;
  }
  get ok() {
    const status = this.#s.status;
    return status >= 200 && status <= 299;
  }
  get statusText() {
    return this.#s.statusText;
  }
  get headers() {
    const state = this.#s;
    if (state.headersFace === null) state.headersFace = new Headers(state.headers, HEADERS_KEY);
    return state.headersFace;
  }
  get cf() {
    return this.#s.cf;
  }
  get webSocket() {
    void this.#s;
    return null;
  }

  clone() {
    const state = this.#s;
    if (bodyUnusable(state.body)) throw new TypeError(USED_MESSAGE);
    const body = state.body === null ? null : cloneBody(state.body);
    const headers = copyHeaders(state.headers);
    headers.guard = state.headers.guard;
    const copy = new ResponseState(state.status, state.statusText, headers, body);
    copy.url = state.url;
    copy.redirected = state.redirected;
    copy.type = state.type;
    copy.cf = state.cf;
    return new Response(copy);
  }
}

defineInterface(Response);
defineBodyMembers(Response, (response) => responseState(response));
