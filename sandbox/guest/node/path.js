// Owns node:path for POSIX paths. A worker has no other.

function check(path, name = "path") {
  if (typeof path !== "string") {
    const error = new TypeError(`The "${name}" argument must be of type string. Received ${path === null ? "null" : typeof path}`);
    error.code = "ERR_INVALID_ARG_TYPE";
    throw error;
  }
  return path;
}

// "." and ".." resolved; ".." beyond the beginning is kept where the path is relative.
function steps(path, absolute) {
  const out = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") out.push(part);
    else if (out.length > 0 && out[out.length - 1] !== "..") out.pop();
    else if (!absolute) out.push("..");
  }
  return out.join("/");
}

export const sep = "/";
export const delimiter = ":";

export function normalize(path) {
  check(path);
  if (path === "") return ".";
  const absolute = path.startsWith("/");
  let out = steps(path, absolute);
  if (out === "" && !absolute) out = ".";
  if (out !== "" && path.endsWith("/")) out += "/";
  return absolute ? `/${out}`.replace(/^\/\/$/, "/") : out;
}

export const isAbsolute = (path) => check(path).startsWith("/");

export function join(...parts) {
  const path = parts.map((part) => check(part)).filter((part) => part !== "").join("/");
  return path === "" ? "." : normalize(path);
}

export function resolve(...parts) {
  let path = "";
  for (let i = parts.length - 1; i >= 0 && !path.startsWith("/"); i--) {
    if (check(parts[i], `paths[${i}]`) !== "") path = path === "" ? parts[i] : `${parts[i]}/${path}`;
  }
  if (!path.startsWith("/")) path = `/bundle/${path}`;
  return `/${steps(path, true)}`;
}

export function dirname(path) {
  check(path);
  if (path === "") return ".";
  const end = path.replace(/(?!^)\/+$/, "");
  const at = end.lastIndexOf("/");
  if (at < 0) return ".";
  return end.slice(0, at).replace(/(?!^)\/+$/, "") || "/";
}

export function basename(path, suffix = "") {
  check(path);
  const name = path.replace(/\/+$/, "").split("/").pop();
  return suffix !== "" && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

export function extname(path) {
  const name = basename(path);
  const at = name.lastIndexOf(".");
  return at <= 0 || name === ".." ? "" : name.slice(at);
}

export function parse(path) {
  check(path);
  const root = path.startsWith("/") ? "/" : "";
  const base = basename(path);
  const ext = extname(path);
  const dir = dirname(path);
  return { root, dir: dir === "." && !path.startsWith("./") ? root : dir, base, ext, name: ext === "" ? base : base.slice(0, -ext.length) };
}

export function format({ root = "", dir = root, ext = "", name = "", base = `${name}${ext === "" || ext.startsWith(".") ? ext : `.${ext}`}` }) {
  if (dir === "") return base;
  return dir === root ? `${dir}${base}` : `${dir}/${base}`;
}

export function relative(from, to) {
  const one = resolve(check(from, "from")).split("/").filter(Boolean);
  const other = resolve(check(to, "to")).split("/").filter(Boolean);
  let same = 0;
  while (same < one.length && same < other.length && one[same] === other[same]) same++;
  return [...one.slice(same).map(() => ".."), ...other.slice(same)].join("/");
}

export const toNamespacedPath = (path) => path;
export function matchesGlob(path, pattern) {
  const source = pattern.replace(/[.+^${}()|\\]/g, "\\$&").replace(/\*\*\/?/g, "\0").replace(/\*/g, "[^/]*").replace(/\?/g, "[^/]").replaceAll("\0", "(?:.*/)?");
  return new RegExp(`^${source}$`).test(path);
}
export const posix = { sep, delimiter, normalize, isAbsolute, join, resolve, dirname, basename, extname, parse, format, relative, toNamespacedPath, matchesGlob };
posix.posix = posix;
export const win32 = posix;
posix.win32 = win32;
export default posix;
