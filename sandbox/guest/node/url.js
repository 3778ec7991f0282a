// Owns node:url: the WHATWG classes, and the old parse/format/resolve on top of them.
import querystring from "node:querystring";

export const { URL, URLSearchParams, URLPattern } = globalThis;

export function Url() {
  for (const key of ["protocol", "slashes", "auth", "host", "port", "hostname", "hash", "search", "query", "pathname", "path", "href"]) this[key] = null;
}
const SLASHED = /^(?:https?|ftp|gopher|file|wss?):/i;

export function parse(text, parseQuery = false, slashesDenoteHost = false) {
  if (text instanceof Url) return text;
  if (typeof text !== "string") throw Object.assign(new TypeError('The "url" argument must be of type string.'), { code: "ERR_INVALID_ARG_TYPE" });
  const out = new Url();
  let rest = text.trim();
  const take = (pattern) => {
    const found = pattern.exec(rest);
    if (found !== null) rest = rest.slice(found[0].length);
    return found;
  };
  const hash = rest.indexOf("#");
  if (hash >= 0) {
    out.hash = rest.slice(hash);
    rest = rest.slice(0, hash);
  }
  const protocol = take(/^[a-z][a-z0-9.+-]*:/i);
  if (protocol !== null) out.protocol = protocol[0].toLowerCase();
  if ((protocol !== null || slashesDenoteHost) && rest.startsWith("//")) {
    rest = rest.slice(2);
    out.slashes = true;
    const authority = take(/^[^/?\\]*/)[0];
    const at = authority.lastIndexOf("@");
    if (at >= 0) out.auth = decodeURIComponent(authority.slice(0, at));
    const [, name, port] = /^(.*?)(?::(\d*))?$/.exec(authority.slice(at + 1));
    out.hostname = name.toLowerCase().replace(/^\[(.*)\]$/, "$1");
    out.port = port === undefined || port === "" ? null : port;
    out.host = name.toLowerCase() + (out.port === null ? "" : `:${out.port}`);
  }
  const query = rest.indexOf("?");
  if (query >= 0) {
    out.search = rest.slice(query);
    rest = rest.slice(0, query);
  }
  out.query = out.search === null ? null : out.search.slice(1);
  if (parseQuery) {
    out.search ??= "";
    out.query = querystring.parse(out.query ?? "");
  }
  if (rest !== "") out.pathname = rest;
  else if (out.slashes && SLASHED.test(out.protocol ?? "")) out.pathname = "/";
  if (out.pathname !== null || out.search) out.path = (out.pathname ?? "") + (out.search ?? "");
  out.href = format(out);
  return out;
}

export function format(value, options = undefined) {
  if (typeof value === "string") return parse(value).href;
  if (value instanceof URL) {
    const copy = new URL(value.href);
    if (options?.fragment === false) copy.hash = "";
    if (options?.search === false) copy.search = "";
    if (options?.auth === false) copy.username = copy.password = "";
    return copy.href;
  }
  const auth = value.auth ? `${encodeURIComponent(value.auth).replace(/%3A/i, ":")}@` : "";
  let protocol = value.protocol ?? "";
  if (protocol !== "" && !protocol.endsWith(":")) protocol += ":";
  let host = "";
  if (value.host) host = auth + value.host;
  else if (value.hostname) host = auth + (value.hostname.includes(":") ? `[${value.hostname}]` : value.hostname) + (value.port ? `:${value.port}` : "");
  let search = value.search ?? "";
  if (search === "" && value.query !== null && typeof value.query === "object") search = querystring.stringify(value.query);
  if (search !== "" && !search.startsWith("?")) search = `?${search}`;
  let hash = value.hash ?? "";
  if (hash !== "" && !hash.startsWith("#")) hash = `#${hash}`;
  let path = (value.pathname ?? "").replace(/[?#]/g, encodeURIComponent);
  const slashes = value.slashes || SLASHED.test(protocol) ? "//" : "";
  if (slashes !== "" && host !== "" && path !== "" && !path.startsWith("/")) path = `/${path}`;
  return `${protocol}${host !== "" || value.slashes ? slashes : ""}${host}${path}${search}${hash}`;
}

export function resolve(from, to) {
  const base = new URL(from, "resolve://nowhere");
  const found = new URL(to, base);
  return found.protocol === "resolve:" ? `${found.pathname}${found.search}${found.hash}` : found.href;
}
export const resolveObject = (from, to) => parse(resolve(from, to));
export function fileURLToPath(url) {
  const found = typeof url === "string" ? new URL(url) : url;
  if (found.protocol !== "file:") throw Object.assign(new TypeError("The URL must be of scheme file"), { code: "ERR_INVALID_URL_SCHEME" });
  return decodeURIComponent(found.pathname);
}
export const pathToFileURL = (path) => new URL(`file://${path.split("/").map(encodeURIComponent).join("/")}`);
export const domainToASCII = (name) => {
  try {
    return new URL(`ws://${name}`).hostname;
  } catch {
    return "";
  }
};
export const domainToUnicode = domainToASCII;
export const urlToHttpOptions = (url) => ({
  __proto__: null, protocol: url.protocol, hostname: url.hostname, hash: url.hash, search: url.search, pathname: url.pathname,
  path: `${url.pathname}${url.search}`, href: url.href, ...(url.port === "" ? {} : { port: Number(url.port) }), ...(url.username === "" ? {} : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
});
export default { URL, URLPattern, URLSearchParams, Url, domainToASCII, domainToUnicode, fileURLToPath, format, parse, pathToFileURL, resolve, resolveObject, urlToHttpOptions };
