// Owns node:querystring.

const UNESCAPED = /[A-Za-z0-9\-_.!~*'()]/;

export const escape = (text) => {
  let out = "";
  for (const char of String(text).toWellFormed()) out += UNESCAPED.test(char) ? char : encodeURIComponent(char);
  return out;
};

export const unescape = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    // Broken escapes stay, whole ones are decoded.
    const bytes = [];
    const raw = new TextEncoder().encode(text);
    for (let i = 0; i < raw.length; i++) {
      const hex = raw[i] === 37 ? String.fromCharCode(raw[i + 1], raw[i + 2]) : "";
      if (/^[0-9a-f]{2}$/i.test(hex)) {
        bytes.push(Number.parseInt(hex, 16));
        i += 2;
      } else {
        bytes.push(raw[i]);
      }
    }
    return new TextDecoder().decode(new Uint8Array(bytes));
  }
};

const primitive = (value) => {
  if (typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? `${value}` : "";
  return typeof value === "bigint" || typeof value === "boolean" ? `${value}` : "";
};

export function stringify(value, separator = "&", equals = "=", options = undefined) {
  const encode = options?.encodeURIComponent ?? qs.escape;
  if (value === null || typeof value !== "object") return "";
  const pairs = [];
  for (const [name, content] of Object.entries(value)) {
    const before = encode(primitive(name)) + equals;
    if (Array.isArray(content)) for (const one of content) pairs.push(before + encode(primitive(one)));
    else pairs.push(before + encode(primitive(content)));
  }
  return pairs.join(separator);
}

export function parse(text, separator = "&", equals = "=", options = undefined) {
  const out = { __proto__: null };
  if (typeof text !== "string" || text === "") return out;
  const decode = options?.decodeURIComponent ?? qs.unescape;
  const most = options?.maxKeys ?? 1000;
  let pairs = text.split(separator || "&");
  if (most > 0) pairs = pairs.slice(0, most);
  const read = (part) => {
    try {
      return decode(part.replaceAll("+", " "));
    } catch {
      return qs.unescape(part.replaceAll("+", " "));
    }
  };
  for (const pair of pairs) {
    if (pair === "") continue;
    const at = pair.indexOf(equals || "=");
    const name = read(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? "" : read(pair.slice(at + (equals || "=").length));
    if (!(name in out)) out[name] = value;
    else if (Array.isArray(out[name])) out[name].push(value);
    else out[name] = [out[name], value];
  }
  return out;
}

export const encode = stringify;
export const decode = parse;
const qs = { escape, unescape, stringify, parse, encode, decode };
export default qs;
