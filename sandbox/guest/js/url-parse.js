// Owns the URL record and its parser (URL standard, section 4.4). Must not expose records: URL and Request hold them.
//
// The standard describes one state machine over code points. Here each state is a function over a piece of the string: the pieces are found
// with indexOf, which is native, and the setters call the functions they need ("state override"). A path is kept as it is serialised
// ("/a/b"); it is split into segments only to be resolved against.

const SPECIAL_PORTS = ObjectAssign(ObjectCreate(null), { "http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "file": null });
const isSpecialScheme = (scheme) => scheme in SPECIAL_PORTS;

class URLRecord {
  constructor(scheme) {
    this.scheme = scheme;
    if (!isSpecialScheme(scheme)) this.special = false;
  }
}

internal(URLRecord, {
  special: true,
  username: "",
  password: "",
  host: null,
  port: null,
  path: "",
  opaque: false,
  query: null,
  fragment: null,
  // The serialisation, until the next change.
  href: null,
});

function copyURL(url) {
  const copy = new URLRecord(url.scheme);
  copy.username = url.username;
  copy.password = url.password;
  copy.host = url.host;
  copy.port = url.port;
  copy.path = url.path;
  copy.opaque = url.opaque;
  copy.query = url.query;
  copy.fragment = url.fragment;
  return copy;
}

// scheme "://" host [":" port] path ["?" query] ["#" fragment] where nothing needs encoding.
const PLAIN =
  regexp(/^(https?):\/\/([a-z0-9\-.]*[a-z])(?::([1-9][0-9]{0,4}))?(\/[!$-;=@-[\]_a-z|~]*)?(\?[!$-&(-;=?-~]*)?(#[!#-;=?-_a-~]*)?$/);
const LONGEST_PLAIN = 4096;
const DOT_SEGMENT = regexp(/\/(?:\.|%2e)/i);

// The record of a plain absolute http(s) URL, or undefined when the full parser must look at it.
function parsePlain(input) {
  // The engine remembers a place for each character that an expression may have to give back: a megabyte of URL would cost a hundred of memory.
  if (input.length > LONGEST_PLAIN) return undefined;
  const parts = PLAIN.exec(input);
  if (parts === null) return undefined;
  const path = parts[4];
  const hostname = parts[2];
  if ((path !== undefined && DOT_SEGMENT.test(path)) || hostname.indexOf("xn--") >= 0 || endsInNumber(hostname)) return undefined;
  const url = new URLRecord(parts[1]);
  url.host = hostname;
  if (parts[3] !== undefined) {
    const port = +parts[3];
    if (port > 65535) return undefined;
    if (port !== SPECIAL_PORTS[url.scheme]) url.port = port;
  }
  url.path = path === undefined ? "/" : path;
  if (parts[5] !== undefined) url.query = parts[5].slice(1);
  if (parts[6] !== undefined) url.fragment = parts[6].slice(1);
  if (path !== undefined && (parts[3] === undefined || url.port !== null)) url.href = input;
  return url;
}

const OUTER_CONTROLS = regexp(/^[\0- ]+|[\0- ]+$/g);
const TAB_OR_NEWLINE = regexp(/[\t\n\r]/g);
const SCHEME = regexp(/^([A-Za-z][A-Za-z0-9+\-.]*):/);

// The record for `input` (a string without lone surrogates) resolved against `base`, or null.
function parseURL(input, base = null) {
  const plain = parsePlain(input);
  if (plain !== undefined) return plain;
  const text = input.replace(OUTER_CONTROLS, "").replace(TAB_OR_NEWLINE, "");
  const match = SCHEME.exec(text);
  if (match === null) return parseWithoutScheme(text, base);
  const url = new URLRecord(match[1].toLowerCase());
  const rest = text.slice(match[0].length);
  if (url.scheme === "file") return parseFile(url, rest, base !== null && base.scheme === "file" ? base : null);
  if (url.special) {
    if (base !== null && base.scheme === url.scheme && !rest.startsWith("//")) return parseRelative(url, rest, base);
    return parseAuthority(url, skipSlashes(rest));
  }
  if (rest.startsWith("//")) return parseAuthority(url, rest.slice(2));
  if (rest.charCodeAt(0) === 47) return parsePathAndRest(url, rest.slice(1), []);
  return parseOpaquePath(url, rest);
}

function parseWithoutScheme(text, base) {
  if (base === null) return null;
  if (base.opaque) {
    if (text.charCodeAt(0) !== 35) return null;
    const url = copyURL(base);
    url.fragment = percentEncode(text.slice(1), FRAGMENT_SET);
    return url;
  }
  const url = new URLRecord(base.scheme);
  return base.scheme === "file" ? parseFile(url, text, base) : parseRelative(url, text, base);
}

const isSlash = (url, code) => code === 47 || (code === 92 && url.special);

function skipSlashes(text) {
  let at = 0;
  while (at < text.length && (text.charCodeAt(at) === 47 || text.charCodeAt(at) === 92)) at++;
  return at === 0 ? text : text.slice(at);
}

function parseRelative(url, rest, base) {
  const first = rest.charCodeAt(0);
  if (isSlash(url, first)) {
    const second = rest.charCodeAt(1);
    if (url.special && (second === 47 || second === 92)) return parseAuthority(url, skipSlashes(rest));
    if (second === 47) return parseAuthority(url, rest.slice(2));
    copyAuthority(url, base);
    return parsePathAndRest(url, rest.slice(1), []);
  }
  copyAuthority(url, base);
  return resolvePath(url, rest, base, false);
}

function copyAuthority(url, base) {
  url.username = base.username;
  url.password = base.password;
  url.host = base.host;
  url.port = base.port;
}

// The end of "relative state" and "file state": the base's path, with the last segment replaced when `rest` brings a path.
function resolvePath(url, rest, base, dropAll) {
  const first = rest === "" ? -1 : rest.charCodeAt(0);
  if (first === -1 || first === 63 || first === 35) {
    url.path = base.path;
    if (first !== 63) url.query = base.query;
    return parseQueryAndFragment(url, rest);
  }
  const segments = dropAll ? [] : segmentsOf(base.path);
  if (!dropAll) shortenSegments(url, segments);
  return parsePathAndRest(url, rest, segments);
}

const segmentsOf = (path) => (path === "" ? [] : path.slice(1).split("/"));

const DRIVE = regexp(/^[A-Za-z][:|]$/);
const STARTS_WITH_DRIVE = regexp(/^[A-Za-z][:|](?:$|[/\\?#])/);
const NORMAL_DRIVE = regexp(/^[A-Za-z]:$/);

function parseFile(url, rest, base) {
  url.host = "";
  if (!isSlash(url, rest.charCodeAt(0))) {
    if (base === null) return parsePathAndRest(url, rest, []);
    url.host = base.host;
    return resolvePath(url, rest, base, STARTS_WITH_DRIVE.test(rest));
  }
  if (!isSlash(url, rest.charCodeAt(1))) {
    const segments = [];
    if (base !== null) {
      url.host = base.host;
      const drive = segmentsOf(base.path)[0];
      if (!STARTS_WITH_DRIVE.test(rest.slice(1)) && drive !== undefined && NORMAL_DRIVE.test(drive)) segments[0] = drive;
    }
    return parsePathAndRest(url, rest.slice(1), segments);
  }
  const after = rest.slice(2);
  const end = authorityEnd(url, after);
  const name = after.slice(0, end);
  // "file://C:/" has no host: what looks like one is a drive.
  if (DRIVE.test(name)) return parsePathAndRest(url, after, []);
  if (!setFileHost(url, name)) return null;
  return parsePathStart(url, after.slice(end));
}

function setFileHost(url, name) {
  if (name === "") {
    url.host = "";
    return true;
  }
  const parsed = parseHost(name, false);
  if (parsed === null) return false;
  url.host = parsed === "localhost" ? "" : parsed;
  return true;
}

// Where an authority or host ends: at a slash, a question mark, a number sign or the end.
function authorityEnd(url, text) {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 47 || code === 63 || code === 35 || (code === 92 && url.special)) return i;
  }
  return text.length;
}

function parseAuthority(url, text) {
  const end = authorityEnd(url, text);
  let authority = text.slice(0, end);
  const at = authority.lastIndexOf("@");
  if (at >= 0) {
    const credentials = authority.slice(0, at);
    authority = authority.slice(at + 1);
    if (authority === "") return null;
    const colon = credentials.indexOf(":");
    url.username = percentEncode(colon < 0 ? credentials : credentials.slice(0, colon), USERINFO_SET);
    if (colon >= 0) url.password = percentEncode(credentials.slice(colon + 1), USERINFO_SET);
  }
  const colon = portColon(authority);
  if (colon >= 0) {
    const port = authority.slice(colon + 1);
    authority = authority.slice(0, colon);
    if (authority === "" || (port !== "" && !DIGITS.test(port)) || !setPort(url, port)) return null;
  }
  if (authority === "" && url.special) return null;
  url.host = parseHost(authority, !url.special);
  if (url.host === null) return null;
  return parsePathStart(url, text.slice(end));
}

// The colon between host and port: the first one outside brackets, or -1.
function portColon(authority) {
  let inside = false;
  for (let i = 0; i < authority.length; i++) {
    const code = authority.charCodeAt(i);
    if (code === 91) inside = true;
    else if (code === 93) inside = false;
    else if (code === 58 && !inside) return i;
  }
  return -1;
}

// Takes a string of digits; false when the number is no port.
function setPort(url, digits) {
  if (digits === "") return true;
  const port = +digits;
  if (port > 65535) return false;
  url.port = port === SPECIAL_PORTS[url.scheme] ? null : port;
  return true;
}

function parsePathStart(url, rest) {
  const first = rest === "" ? -1 : rest.charCodeAt(0);
  if (!url.special && (first === -1 || first === 63 || first === 35)) return parseQueryAndFragment(url, rest);
  return parsePathAndRest(url, isSlash(url, first) ? rest.slice(1) : rest, []);
}

// Where a query or fragment begins, or the text ends.
function endOfPath(rest) {
  for (let i = 0; i < rest.length; i++) {
    const code = rest.charCodeAt(i);
    if (code === 63 || code === 35) return i;
  }
  return rest.length;
}

function parsePathAndRest(url, rest, segments) {
  const end = endOfPath(rest);
  parsePath(url, rest.slice(0, end), segments);
  return parseQueryAndFragment(url, rest.slice(end));
}

const BACKSLASH = regexp(/\\/g);
const DOT = regexp(/^(?:\.|%2e)$/i);
const DOT_DOT = regexp(/^(?:\.|%2e){2}$/i);

// "Path state": appends the segments of `text` (without its leading slash) to `segments` and sets the path.
function parsePath(url, text, segments) {
  const parts = (url.special && text.indexOf("\\") >= 0 ? text.replace(BACKSLASH, "/") : text).split("/");
  const last = parts.length - 1;
  for (let i = 0; i <= last; i++) {
    let part = percentEncode(parts[i], PATH_SET);
    if (DOT_DOT.test(part)) {
      shortenSegments(url, segments);
      if (i === last) segments[segments.length] = "";
    } else if (DOT.test(part)) {
      if (i === last) segments[segments.length] = "";
    } else {
      if (url.scheme === "file" && segments.length === 0 && DRIVE.test(part)) part = `${part[0]}:`;
      segments[segments.length] = part;
    }
  }
  url.path = segments.length === 0 ? "" : `/${arrayJoin(segments, "/")}`;
}

function shortenSegments(url, segments) {
  if (url.scheme === "file" && segments.length === 1 && NORMAL_DRIVE.test(segments[0])) return;
  if (segments.length > 0) segments.length--;
}

const OPAQUE_LAST_SPACE = regexp(/ $/);

function parseOpaquePath(url, rest) {
  const end = endOfPath(rest);
  url.opaque = true;
  let path = percentEncode(rest.slice(0, end), C0_SET);
  // A space just before the query or fragment would be lost if that were removed later.
  if (end < rest.length) path = path.replace(OPAQUE_LAST_SPACE, "%20");
  url.path = path;
  return parseQueryAndFragment(url, rest.slice(end));
}

function parseQueryAndFragment(url, rest) {
  if (rest === "") return url;
  let query = rest;
  const hash = rest.indexOf("#");
  if (hash >= 0) {
    url.fragment = percentEncode(rest.slice(hash + 1), FRAGMENT_SET);
    query = rest.slice(0, hash);
  }
  if (query !== "") url.query = percentEncode(query.slice(1), url.special ? SPECIAL_QUERY_SET : QUERY_SET);
  return url;
}

// Serialising ----------------------------------------------------------------------------------------------------------------------------

function serializeURL(url) {
  if (url.href !== null) return url.href;
  const href = url.fragment === null ? serializeWithoutFragment(url) : `${serializeWithoutFragment(url)}#${url.fragment}`;
  url.href = href;
  return href;
}

function serializeWithoutFragment(url) {
  let out = `${url.scheme}:`;
  if (url.host !== null) {
    out += "//";
    if (url.username !== "" || url.password !== "") {
      out += url.password === "" ? `${url.username}@` : `${url.username}:${url.password}@`;
    }
    out += url.port === null ? url.host : `${url.host}:${url.port}`;
  } else if (!url.opaque && url.path.startsWith("//")) {
    // Or the path would be read as a host.
    out += "/.";
  }
  out += url.path;
  return url.query === null ? out : `${out}?${url.query}`;
}

// "ascii serialisation of an origin"; blob: URLs have their inner URL's.
function serializeOrigin(url) {
  switch (url.scheme) {
    case "http":
    case "https":
    case "ws":
    case "wss":
    case "ftp":
      return url.port === null ? `${url.scheme}://${url.host}` : `${url.scheme}://${url.host}:${url.port}`;
    case "blob": {
      const inner = parseURL(url.path);
      return inner !== null && (inner.scheme === "http" || inner.scheme === "https") ? serializeOrigin(inner) : "null";
    }
    default:
      return "null";
  }
}
