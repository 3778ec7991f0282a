// Owns the URL class (URL standard, section 6.1). Must not parse: url-parse.js does.

let urlRecord;

class URL {
  #url;
  // The URLSearchParams over our query, made when it is first asked for.
  #params = null;

  constructor(url, base = undefined) {
    if (url instanceof URLRecord) {
      this.#url = url;
      return;
    }
    requireArguments("URL constructor", arguments.length, 1);
    const record = parseWithBase(url, base);
    if (record === null) throw new TypeError("Invalid URL string.");
    this.#url = record;
  }

  static {
    urlRecord = (value) => (isObject(value) && #url in value ? value.#url : null);
  }

  static canParse(url, base = undefined) {
    requireArguments("URL.canParse", arguments.length, 1);
    return parseWithBase(url, base) !== null;
  }

  static parse(url, base = undefined) {
    requireArguments("URL.parse", arguments.length, 1);
    const record = parseWithBase(url, base);
    return record === null ? null : new URL(record);
  }

  get href() {
    return serializeURL(this.#url);
  }
  set href(value) {
    const record = parseURL(toUSVString(value));
    if (record === null) throw new TypeError("Invalid URL string.");
    this.#url = record;
    this.#refreshParams();
  }

  toString() {
    return serializeURL(this.#url);
  }
  toJSON() {
    return serializeURL(this.#url);
  }

  get origin() {
    return serializeOrigin(this.#url);
  }

  get protocol() {
    return `${this.#url.scheme}:`;
  }
  set protocol(value) {
    setProtocol(this.#url, toUSVString(value));
  }

  get username() {
    return this.#url.username;
  }
  set username(value) {
    const url = this.#url;
    const string = toUSVString(value);
    if (cannotHaveCredentials(url)) return;
    url.username = percentEncode(string, USERINFO_SET);
    url.href = null;
  }

  get password() {
    return this.#url.password;
  }
  set password(value) {
    const url = this.#url;
    const string = toUSVString(value);
    if (cannotHaveCredentials(url)) return;
    url.password = percentEncode(string, USERINFO_SET);
    url.href = null;
  }

  get host() {
    const url = this.#url;
    if (url.host === null) return "";
    return url.port === null ? url.host : `${url.host}:${url.port}`;
  }
  set host(value) {
    setHost(this.#url, toUSVString(value), true);
  }

  get hostname() {
    const name = this.#url.host;
    return name === null ? "" : name;
  }
  set hostname(value) {
    setHost(this.#url, toUSVString(value), false);
  }

  get port() {
    const port = this.#url.port;
    return port === null ? "" : `${port}`;
  }
  set port(value) {
    const url = this.#url;
    const string = toUSVString(value);
    if (cannotHaveCredentials(url)) return;
    if (string === "") url.port = null;
    else setPort(url, leadingDigits(string.replace(TAB_OR_NEWLINE, "")));
    url.href = null;
  }

  get pathname() {
    return this.#url.path;
  }
  set pathname(value) {
    const url = this.#url;
    const string = toUSVString(value).replace(TAB_OR_NEWLINE, "");
    if (url.opaque) return;
    setPathname(url, string);
  }

  get search() {
    const query = this.#url.query;
    return query === null || query === "" ? "" : `?${query}`;
  }
  set search(value) {
    const url = this.#url;
    const string = toUSVString(value);
    if (string === "") {
      url.query = null;
    } else {
      const text = (string.charCodeAt(0) === 63 ? string.slice(1) : string).replace(TAB_OR_NEWLINE, "");
      url.query = percentEncode(text, url.special ? SPECIAL_QUERY_SET : QUERY_SET);
    }
    url.href = null;
    this.#refreshParams();
  }

  get searchParams() {
    if (this.#params === null) {
      const url = this.#url;
      this.#params = new URLSearchParams(new ParamsState(url.query === null ? [] : formParse(url.query), this));
    }
    return this.#params;
  }

  get hash() {
    const fragment = this.#url.fragment;
    return fragment === null || fragment === "" ? "" : `#${fragment}`;
  }
  set hash(value) {
    const url = this.#url;
    const string = toUSVString(value);
    if (string === "") {
      url.fragment = null;
    } else {
      const text = (string.charCodeAt(0) === 35 ? string.slice(1) : string).replace(TAB_OR_NEWLINE, "");
      url.fragment = percentEncode(text, FRAGMENT_SET);
    }
    url.href = null;
  }

  #refreshParams() {
    if (this.#params !== null) {
      const query = this.#url.query;
      paramsState(this.#params).pairs = query === null ? [] : formParse(query);
    }
  }
}

function parseWithBase(url, base) {
  const input = toUSVString(url);
  if (base === undefined) return parseURL(input);
  const parsedBase = parseURL(toUSVString(base));
  return parsedBase === null ? null : parseURL(input, parsedBase);
}

// Called by the URLSearchParams of a URL after each change.
function updateQueryFromParams(owner, pairs) {
  const url = urlRecord(owner);
  const query = formSerialize(pairs);
  url.query = query === "" ? null : query;
  url.href = null;
}

const cannotHaveCredentials = (url) => url.host === null || url.host === "" || url.scheme === "file";

const LEADING_DIGITS = regexp(/^[0-9]*/);
const leadingDigits = (string) => LEADING_DIGITS.exec(string)[0];

// "Scheme start state" with a state override.
function setProtocol(url, value) {
  const match = SCHEME.exec(`${value.replace(TAB_OR_NEWLINE, "")}:`);
  if (match === null) return;
  const scheme = match[1].toLowerCase();
  if (isSpecialScheme(scheme) !== url.special) return;
  if (scheme === "file" && (url.username !== "" || url.password !== "" || url.port !== null)) return;
  if (url.scheme === "file" && url.host === "") return;
  url.scheme = scheme;
  if (url.port === SPECIAL_PORTS[scheme]) url.port = null;
  url.href = null;
}

// "Host state" and "hostname state" with a state override.
function setHost(url, value, withPort) {
  if (url.opaque) return;
  const text = value.replace(TAB_OR_NEWLINE, "");
  let name = text.slice(0, authorityEnd(url, text));
  if (url.scheme === "file") {
    if (setFileHost(url, name)) url.href = null;
    return;
  }
  const colon = portColon(name);
  let port = "";
  if (colon >= 0) {
    if (!withPort || colon === 0) return;
    port = leadingDigits(name.slice(colon + 1));
    name = name.slice(0, colon);
  }
  if (name === "" && (url.special || url.username !== "" || url.password !== "" || url.port !== null)) return;
  const parsed = parseHost(name, !url.special);
  if (parsed === null) return;
  url.host = parsed;
  setPort(url, port);
  url.href = null;
}

// "Path start state" with a state override: question marks and number signs are part of the path.
function setPathname(url, text) {
  if (!url.special && text === "") {
    url.path = url.host === null ? "/" : "";
  } else {
    parsePath(url, isSlash(url, text.charCodeAt(0)) ? text.slice(1) : text, []);
  }
  url.href = null;
}

defineInterface(URL);
