// Owns node:buffer: Buffer with Node's encodings and accessors. Buffers are Uint8Arrays of the worker's own realm.
import { inspectValue, latin1Decode, latin1Encode, utf8Decode, utf8Encode } from "hostel:internal";

const U8 = Uint8Array;
export const kMaxLength = 2 ** 32;
export const kStringMaxLength = 536870888;
export const constants = { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: kStringMaxLength };
const customInspect = Symbol.for("nodejs.util.inspect.custom");

const fail = (Class, code, message) => {
  const error = new Class(message);
  error.code = code;
  return error;
};
const received = (value) => (value === null ? "null" : typeof value === "object" ? `an instance of ${value.constructor?.name ?? "Object"}` : typeof value === "function" ? `function ${value.name}` : `type ${typeof value} (${inspectValue(value)})`);
const typeError = (name, expected, value) => fail(TypeError, "ERR_INVALID_ARG_TYPE", `The ${name} must be ${expected}. Received ${received(value)}`);
const rangeError = (name, range, value) => fail(RangeError, "ERR_OUT_OF_RANGE", `The value of "${name}" is out of range. It must be ${range}. Received ${value}`);

// Encodings: each turns text into bytes and bytes into text -----------------------------------------------------------------------------

const HEX = [];
for (let i = 0; i < 256; i++) HEX[i] = i.toString(16).padStart(2, "0");

function base64Bytes(text) {
  const clean = text.replace(/[-_]/g, (char) => (char === "-" ? "+" : "/")).replace(/[^A-Za-z0-9+/=]/g, "");
  const end = clean.indexOf("=");
  let digits = end < 0 ? clean : clean.slice(0, end);
  if (digits.length % 4 === 1) digits = digits.slice(0, -1);
  return latin1Encode(atob(digits));
}

function hexBytes(text) {
  const size = text.length >>> 1;
  const out = new U8(size);
  for (let i = 0; i < size; i++) {
    const pair = text.slice(2 * i, 2 * i + 2);
    if (!/^[0-9a-fA-F]{2}$/.test(pair)) return out.slice(0, i);
    out[i] = Number.parseInt(pair, 16);
  }
  return out;
}

function latin1Bytes(text) {
  const out = new U8(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

function utf16Bytes(text) {
  const out = new U8(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    out[2 * i] = unit;
    out[2 * i + 1] = unit >> 8;
  }
  return out;
}

function utf16Text(bytes) {
  let out = "";
  const units = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    units.push(bytes[i] | (bytes[i + 1] << 8));
    if (units.length === 4096) out += String.fromCharCode(...units.splice(0));
  }
  return out + String.fromCharCode(...units);
}

const base64Text = (bytes) => btoa(latin1Decode(bytes));
const latin1 = { bytes: latin1Bytes, text: (bytes) => latin1Decode(bytes), size: (text) => text.length };
const utf8 = { bytes: (text) => utf8Encode(text), text: (bytes) => utf8Decode(bytes), size: (text) => utf8Encode(text).length };
const utf16 = { bytes: utf16Bytes, text: utf16Text, size: (text) => text.length * 2 };
const CODECS = {
  __proto__: null,
  utf8,
  "utf-8": utf8,
  utf16le: utf16,
  "utf-16le": utf16,
  ucs2: utf16,
  "ucs-2": utf16,
  latin1,
  binary: latin1,
  ascii: { ...latin1, text: (bytes) => latin1Decode(bytes.map((byte) => byte & 127)) },
  base64: { bytes: base64Bytes, text: base64Text, size: (text) => base64Bytes(text).length },
  base64url: { bytes: base64Bytes, text: (bytes) => base64Text(bytes).replace(/[+/=]/g, (char) => ({ "+": "-", "/": "_", "=": "" })[char]), size: (text) => base64Bytes(text).length },
  hex: {
    bytes: hexBytes,
    text: (bytes) => {
      let out = "";
      for (let i = 0; i < bytes.length; i++) out += HEX[bytes[i]];
      return out;
    },
    size: (text) => text.length >>> 1,
  },
};

function codec(encoding) {
  if (encoding === undefined || encoding === null || encoding === "") return utf8;
  const found = CODECS[encoding] ?? CODECS[String(encoding).toLowerCase()];
  if (found === undefined) throw fail(TypeError, "ERR_UNKNOWN_ENCODING", `Unknown encoding: ${encoding}`);
  return found;
}

// Making buffers ------------------------------------------------------------------------------------------------------------------------

const asBuffer = (bytes) => new FastBuffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);

class FastBuffer extends Uint8Array {}

function checkSize(size) {
  if (typeof size !== "number") throw typeError('"size" argument', "of type number", size);
  if (!(size >= 0 && size <= kMaxLength)) throw rangeError("size", `>= 0 && <= ${kMaxLength}`, size);
}

function from(value, second, third) {
  if (typeof value === "string") return asBuffer(codec(second).bytes(value));
  if (value !== null && typeof value === "object") {
    if (value instanceof ArrayBuffer || (typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer)) {
      const offset = second === undefined ? 0 : Math.trunc(+second) || 0;
      if (offset > value.byteLength || offset < 0) throw fail(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", '"offset" is outside of buffer bounds');
      const length = third === undefined ? value.byteLength - offset : Math.max(0, Math.trunc(+third) || 0);
      if (offset + length > value.byteLength) throw fail(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", '"length" is outside of buffer bounds');
      return new FastBuffer(value, offset, length);
    }
    const primitive = value.valueOf?.();
    if (primitive !== undefined && primitive !== null && primitive !== value && (typeof primitive === "string" || typeof primitive === "object")) {
      return from(primitive, second, third);
    }
    if (ArrayBuffer.isView(value) || Array.isArray(value) || typeof value.length === "number") {
      const out = new FastBuffer(Math.max(0, Math.trunc(value.length ?? value.byteLength)) || 0);
      for (let i = 0; i < out.length; i++) out[i] = value[i];
      return out;
    }
    if (value.type === "Buffer" && Array.isArray(value.data)) return from(value.data);
    const convert = value[Symbol.toPrimitive];
    if (typeof convert === "function") {
      const text = Reflect.apply(convert, value, ["string"]);
      if (typeof text === "string") return from(text, second);
    }
  }
  throw typeError("first argument", "of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object", value);
}

export function Buffer(value, second, third) {
  return typeof value === "number" ? Buffer.alloc(value) : from(value, second, third);
}
Object.setPrototypeOf(Buffer, Uint8Array);
Buffer.prototype = FastBuffer.prototype;
Object.defineProperty(FastBuffer.prototype, "constructor", { value: Buffer, writable: true, configurable: true });
Object.defineProperty(Buffer, Symbol.species, { get: () => FastBuffer, configurable: true });

Object.assign(Buffer, {
  poolSize: 8192,
  from: (value, second, third) => from(value, second, third),
  of: (...bytes) => from(bytes),
  alloc(size, fill = undefined, encoding = undefined) {
    checkSize(size);
    const out = new FastBuffer(size);
    return fill === undefined || fill === 0 ? out : out.fill(fill, encoding);
  },
  allocUnsafe(size) {
    checkSize(size);
    return new FastBuffer(size);
  },
  allocUnsafeSlow(size) {
    checkSize(size);
    return new FastBuffer(size);
  },
  isBuffer: (value) => value instanceof Buffer,
  isEncoding: (name) => typeof name === "string" && name !== "" && name.toLowerCase() in CODECS,
  byteLength(value, encoding = undefined) {
    if (typeof value === "string") return (CODECS[String(encoding ?? "utf8").toLowerCase()] ?? utf8).size(value);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength;
    throw typeError('"string" argument', "of type string or an instance of Buffer or ArrayBuffer", value);
  },
  compare(one, other) {
    for (const [name, value] of [["buf1", one], ["buf2", other]]) if (!(value instanceof U8)) throw typeError(`"${name}" argument`, "an instance of Buffer or Uint8Array", value);
    const length = Math.min(one.length, other.length);
    for (let i = 0; i < length; i++) if (one[i] !== other[i]) return one[i] < other[i] ? -1 : 1;
    return one.length === other.length ? 0 : one.length < other.length ? -1 : 1;
  },
  concat(list, size = undefined) {
    if (!Array.isArray(list)) throw typeError('"list" argument', "an instance of Array", list);
    const total = size ?? list.reduce((sum, one) => sum + one.length, 0);
    const out = Buffer.alloc(total);
    let at = 0;
    for (const [i, one] of list.entries()) {
      if (!(one instanceof U8)) throw typeError(`"list[${i}]" argument`, "an instance of Buffer or Uint8Array", one);
      const part = at + one.length > total ? one.subarray(0, total - at) : one;
      out.set(part, at);
      at += part.length;
    }
    return out;
  },
  copyBytesFrom(view, offset = 0, length = view.length - offset) {
    const part = view.slice(offset, offset + length);
    return Buffer.from(new U8(part.buffer, part.byteOffset, part.byteLength));
  },
});

// Methods -------------------------------------------------------------------------------------------------------------------------------

const clamp = (value, low, high, otherwise) => {
  if (value === undefined) return otherwise;
  const number = Math.trunc(+value) || 0;
  return number < low ? low : number > high ? high : number;
};

function search(buffer, value, offset, encoding, last) {
  if (typeof offset === "string") {
    encoding = offset;
    offset = undefined;
  }
  let needle;
  if (typeof value === "number") needle = new U8([value & 255]);
  else if (typeof value === "string") needle = codec(encoding).bytes(value);
  else if (value instanceof U8) needle = value;
  else throw typeError('"value" argument', "one of type number or string or an instance of Buffer or Uint8Array", value);
  const most = buffer.length - needle.length;
  let at = Math.trunc(+offset);
  if (offset === undefined || Number.isNaN(at)) at = last ? most : 0;
  if (at < 0) at += buffer.length;
  if (last) {
    if (at < 0) return -1;
    at = Math.min(at, most);
  } else {
    at = Math.max(at, 0);
    if (needle.length === 0) return Math.min(at, buffer.length);
  }
  for (; last ? at >= 0 : at <= most; at += last ? -1 : 1) {
    let same = 0;
    while (same < needle.length && buffer[at + same] === needle[same]) same++;
    if (same === needle.length) return at;
  }
  return -1;
}

const methods = {
  toString(encoding = undefined, start = undefined, end = undefined) {
    const from = clamp(start, 0, this.length, 0);
    const to = clamp(end, 0, this.length, this.length);
    return to <= from ? "" : codec(encoding).text(new U8(this.buffer, this.byteOffset + from, to - from));
  },
  toLocaleString(encoding, start, end) {
    return this.toString(encoding, start, end);
  },
  toJSON() {
    return { type: "Buffer", data: Array.from(this) };
  },
  equals(other) {
    if (!(other instanceof U8)) throw typeError('"otherBuffer" argument', "an instance of Buffer or Uint8Array", other);
    return this === other || Buffer.compare(this, other) === 0;
  },
  compare(target, targetStart = 0, targetEnd = target.length, start = 0, end = this.length) {
    return Buffer.compare(this.subarray(start, end), target.subarray(targetStart, targetEnd));
  },
  copy(target, targetStart = 0, start = 0, end = this.length) {
    const from = Math.max(0, Math.trunc(start) || 0);
    const part = this.subarray(from, Math.min(Math.max(end, from), from + Math.max(0, target.length - targetStart)));
    target.set(part, Math.trunc(targetStart) || 0);
    return part.length;
  },
  slice(start, end) {
    return this.subarray(start, end);
  },
  subarray(start = undefined, end = undefined) {
    const { length } = this;
    const relative = (value, otherwise) => {
      if (value === undefined) return otherwise;
      const number = Math.trunc(+value) || 0;
      return number < 0 ? Math.max(0, length + number) : Math.min(number, length);
    };
    const from = relative(start, 0);
    return new FastBuffer(this.buffer, this.byteOffset + from, Math.max(0, relative(end, length) - from));
  },
  write(text, offset = undefined, length = undefined, encoding = undefined) {
    if (typeof offset === "string") [offset, length, encoding] = [undefined, undefined, offset];
    else if (typeof length === "string") [length, encoding] = [undefined, length];
    if (typeof text !== "string") throw typeError("argument", "a string", text);
    const at = clamp(offset, 0, this.length, 0);
    const room = Math.min(clamp(length, 0, this.length, this.length), this.length - at);
    let bytes = codec(encoding).bytes(text);
    if (bytes.length > room) {
      let cut = room;
      // No character is written in part.
      if (codec(encoding) === utf8) while (cut > 0 && (bytes[cut] & 0xc0) === 0x80) cut--;
      bytes = bytes.subarray(0, cut);
    }
    this.set(bytes, at);
    return bytes.length;
  },
  fill(value, start = undefined, end = undefined, encoding = undefined) {
    if (typeof start === "string") [start, end, encoding] = [undefined, undefined, start];
    else if (typeof end === "string") [end, encoding] = [undefined, end];
    const from = clamp(start, 0, this.length, 0);
    const to = clamp(end, 0, this.length, this.length);
    if (typeof value === "string" || value instanceof U8) {
      const bytes = typeof value === "string" ? codec(encoding).bytes(value) : value;
      if (bytes.length === 0) {
        if (typeof value !== "string" || value !== "") throw fail(TypeError, "ERR_INVALID_ARG_VALUE", "The argument 'value' is invalid.");
        U8.prototype.fill.call(this, 0, from, to);
        return this;
      }
      for (let i = from; i < to; i++) this[i] = bytes[(i - from) % bytes.length];
    } else {
      U8.prototype.fill.call(this, value & 255, from, to);
    }
    return this;
  },
  indexOf(value, offset, encoding) {
    return search(this, value, offset, encoding, false);
  },
  lastIndexOf(value, offset, encoding) {
    return search(this, value, offset, encoding, true);
  },
  includes(value, offset, encoding) {
    return search(this, value, offset, encoding, false) >= 0;
  },
  swap16() {
    return swap(this, 2);
  },
  swap32() {
    return swap(this, 4);
  },
  swap64() {
    return swap(this, 8);
  },
  [customInspect]() {
    const shown = [];
    for (let i = 0; i < Math.min(50, this.length); i++) shown.push(HEX[this[i]]);
    const more = this.length - 50;
    return `<Buffer${shown.map((hex) => ` ${hex}`).join("")}${more > 0 ? ` ... ${more} more byte${more > 1 ? "s" : ""}` : ""}>`;
  },
};

function swap(buffer, size) {
  if (buffer.length % size !== 0) throw fail(RangeError, "ERR_INVALID_BUFFER_SIZE", `Buffer size must be a multiple of ${size * 8}-bits`);
  for (let i = 0; i < buffer.length; i += size) buffer.subarray(i, i + size).reverse();
  return buffer;
}

// Numbers -------------------------------------------------------------------------------------------------------------------------------

const viewOf = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);

function checkOffset(buffer, offset, size) {
  if (typeof offset !== "number") throw typeError('"offset" argument', "of type number", offset);
  if (!Number.isInteger(offset)) throw rangeError("offset", "an integer", offset);
  if (buffer.length < size) throw fail(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", "Attempt to access memory outside buffer bounds");
  if (offset < 0 || offset + size > buffer.length) throw rangeError("offset", `>= 0 and <= ${buffer.length - size}`, offset);
}

const group = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, "_");
function checkValue(value, low, high, size) {
  if (value >= low && value <= high) return;
  const big = typeof value === "bigint" ? "n" : "";
  let range = `>= ${low}${big} and <= ${high}${big}`;
  if (size > 4) range = low === 0 || low === 0n ? `>= 0${big} and < 2${big} ** ${size * 8}${big}` : `>= -(2${big} ** ${size * 8 - 1}${big}) and < 2${big} ** ${size * 8 - 1}${big}`;
  throw rangeError("value", range, `${group(value)}${big}`);
}

function number(name, size, get, set, range) {
  for (const [order, little] of size === 1 ? [["", true]] : [["LE", true], ["BE", false]]) {
    const read = function (offset = 0) {
      checkOffset(this, offset, size);
      return viewOf(this)[get](offset, little);
    };
    const write = function (value, offset = 0) {
      const given = range !== null && typeof range[0] === "number" ? +value : value;
      if (range !== null) checkValue(given, range[0], range[1], size);
      checkOffset(this, offset, size);
      viewOf(this)[set](offset, given, little);
      return offset + size;
    };
    for (const alias of name.startsWith("UInt") ? [name, name.replace("UInt", "Uint")] : name === "BigUInt64" ? [name, "BigUint64"] : [name]) {
      methods[`read${alias}${order}`] = read;
      methods[`write${alias}${order}`] = write;
    }
  }
}
number("UInt8", 1, "getUint8", "setUint8", [0, 255]);
number("Int8", 1, "getInt8", "setInt8", [-128, 127]);
number("UInt16", 2, "getUint16", "setUint16", [0, 65535]);
number("Int16", 2, "getInt16", "setInt16", [-32768, 32767]);
number("UInt32", 4, "getUint32", "setUint32", [0, 4294967295]);
number("Int32", 4, "getInt32", "setInt32", [-2147483648, 2147483647]);
number("Float", 4, "getFloat32", "setFloat32", null);
number("Double", 8, "getFloat64", "setFloat64", null);
number("BigUInt64", 8, "getBigUint64", "setBigUint64", [0n, 2n ** 64n - 1n]);
number("BigInt64", 8, "getBigInt64", "setBigInt64", [-(2n ** 63n), 2n ** 63n - 1n]);

function readBytes(buffer, offset, size, little, signed) {
  if (offset === undefined) throw typeError('"offset" argument', "of type number", offset);
  if (!(size >= 1 && size <= 6)) throw rangeError("byteLength", ">= 1 and <= 6", size);
  checkOffset(buffer, offset, size);
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + buffer[little ? offset + size - 1 - i : offset + i];
  return signed && value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
}

function writeBytes(buffer, value, offset, size, little, signed) {
  if (!(size >= 1 && size <= 6)) throw rangeError("byteLength", ">= 1 and <= 6", size);
  const limit = 2 ** (8 * size - (signed ? 1 : 0));
  checkValue(+value, signed ? -limit : 0, limit - 1, size);
  checkOffset(buffer, offset, size);
  let rest = +value < 0 ? +value + 2 ** (8 * size) : +value;
  for (let i = 0; i < size; i++) {
    buffer[little ? offset + i : offset + size - 1 - i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return offset + size;
}

for (const little of [true, false]) {
  for (const signed of [true, false]) {
    for (const prefix of signed ? ["Int"] : ["UInt", "Uint"]) {
      methods[`read${prefix}${little ? "LE" : "BE"}`] = function (offset, size) {
        return readBytes(this, offset, size, little, signed);
      };
      methods[`write${prefix}${little ? "LE" : "BE"}`] = function (value, offset, size) {
        return writeBytes(this, value, offset, size, little, signed);
      };
    }
  }
}
for (const [name, encoding] of [["utf8", "utf8"], ["latin1", "latin1"], ["ascii", "ascii"], ["hex", "hex"], ["base64", "base64"], ["base64url", "base64url"], ["ucs2", "utf16le"]]) {
  methods[`${name}Slice`] = function (start, end) {
    return this.toString(encoding, start, end);
  };
  methods[`${name}Write`] = function (text, offset, length) {
    return this.write(text, offset, length, encoding);
  };
}
for (const key of Reflect.ownKeys(methods)) {
  Object.defineProperty(FastBuffer.prototype, key, { value: methods[key], writable: true, enumerable: true, configurable: true });
}
for (const [name, key] of [["parent", "buffer"], ["offset", "byteOffset"]]) {
  Object.defineProperty(FastBuffer.prototype, name, {
    configurable: true,
    enumerable: true,
    get() {
      return this instanceof Buffer ? this[key] : undefined;
    },
  });
}

// The rest of the module ----------------------------------------------------------------------------------------------------------------

export function SlowBuffer(size) {
  return Buffer.allocUnsafeSlow(size);
}
export const INSPECT_MAX_BYTES = 50;
export const { atob, btoa, Blob, File } = globalThis;
export const isAscii = (input) => new U8(input.buffer ?? input).every((byte) => byte < 128);
export function isUtf8(input) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(input);
    return true;
  } catch {
    return false;
  }
}
export const transcode = (source, from, to) => Buffer.from(Buffer.from(source).toString(from), to);
export const resolveObjectURL = () => undefined;
export default { Buffer, SlowBuffer, kMaxLength, kStringMaxLength, constants, INSPECT_MAX_BYTES, atob, btoa, Blob, File, isAscii, isUtf8, transcode, resolveObjectURL };
