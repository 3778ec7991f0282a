// Owns node:crypto: hashes, HMAC, random values, constant-time comparison; the rest is crypto.subtle's (`webcrypto`). Must not do arithmetic of its own.
import { DIGEST_SIZES, Digest, Hmac as HostHmac, bytesEqual, random } from "hostel:internal";
import { Buffer } from "node:buffer";
import { Transform } from "node:stream";

const NAMES = { __proto__: null, md5: "MD5", sha1: "SHA-1", sha224: "SHA-224", sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" };

function algorithm(name) {
  const found = typeof name === "string" ? NAMES[name.toLowerCase().replace(/^rsa-/, "").replace("-", "")] : undefined;
  if (found === undefined || DIGEST_SIZES[found] === undefined) throw Object.assign(new Error("Digest method not supported"), { code: "ERR_CRYPTO_INVALID_DIGEST" });
  return found;
}

function bytes(value, encoding = "utf8") {
  if (typeof value === "string") return Buffer.from(value, encoding);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof KeyObject) return value.export();
  throw Object.assign(new TypeError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.'), { code: "ERR_INVALID_ARG_TYPE" });
}

const result = (digest, encoding) => {
  const out = Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength);
  return encoding === undefined || encoding === "buffer" ? out : out.toString(encoding);
};

class Hashing extends Transform {
  _state;
  #finished = false;

  update(data, encoding = undefined) {
    if (this.#finished) throw Object.assign(new Error("Digest already called"), { code: "ERR_CRYPTO_HASH_FINALIZED" });
    this._state.update(bytes(data, encoding));
    return this;
  }
  digest(encoding = undefined) {
    if (this.#finished) throw Object.assign(new Error("Digest already called"), { code: "ERR_CRYPTO_HASH_FINALIZED" });
    this.#finished = true;
    return result(this._state.finish(), encoding);
  }
  _transform(chunk, encoding, callback) {
    this.update(chunk, encoding);
    callback();
  }
  _flush(callback) {
    this.push(this.digest());
    callback();
  }
}

export class Hash extends Hashing {
  constructor(name, state = undefined) {
    super();
    this._state = state ?? new Digest(algorithm(name));
  }
  copy() {
    return new Hash("", this._state.copy());
  }
}

export class Hmac extends Hashing {
  constructor(name, key) {
    super();
    this._state = new HostHmac(algorithm(name), bytes(key));
  }
}

export const createHash = (name) => new Hash(name);
export const createHmac = (name, key) => new Hmac(name, key);
export const hash = (name, data, encoding = "hex") => createHash(name).update(data).digest(encoding);
export const getHashes = () => Object.keys(NAMES);
export const getCiphers = () => [];
export const getCurves = () => [];

export function randomBytes(size, callback = undefined) {
  if (!Number.isInteger(size) || size < 0 || size > 2147483647) throw Object.assign(new RangeError(`The value of "size" is out of range. Received ${size}`), { code: "ERR_OUT_OF_RANGE" });
  const out = Buffer.alloc(size);
  random(out);
  if (callback === undefined) return out;
  queueMicrotask(() => callback(null, out));
  return undefined;
}
export const pseudoRandomBytes = randomBytes;
export function randomFillSync(target, offset = 0, size = target.byteLength - offset) {
  random(new Uint8Array(target.buffer ?? target, (target.byteOffset ?? 0) + offset, size));
  return target;
}
export function randomFill(target, ...rest) {
  const callback = rest.pop();
  randomFillSync(target, ...rest);
  queueMicrotask(() => callback(null, target));
}
export function randomInt(low, high = undefined, callback = undefined) {
  if (high === undefined || typeof high === "function") [low, high, callback] = [0, low, high];
  const range = high - low;
  if (!(range > 0 && range <= 2 ** 48 - 1)) throw Object.assign(new RangeError(`The value of "max" is out of range. Received ${high}`), { code: "ERR_OUT_OF_RANGE" });
  // Values from an incomplete last round would make some numbers likelier.
  const limit = 2 ** 48 - (2 ** 48 % range);
  for (;;) {
    const value = randomBytes(6).readUIntBE(0, 6);
    if (value >= limit) continue;
    if (callback === undefined) return low + (value % range);
    queueMicrotask(() => callback(null, low + (value % range)));
    return undefined;
  }
}
export const randomUUID = () => globalThis.crypto.randomUUID();
export const getRandomValues = (array) => globalThis.crypto.getRandomValues(array);

export function timingSafeEqual(one, other) {
  const [a, b] = [bytes(one), bytes(other)];
  if (a.byteLength !== b.byteLength) throw Object.assign(new RangeError("Input buffers must have the same byte length"), { code: "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH" });
  return bytesEqual(a, b);
}

export function pbkdf2Sync(password, salt, iterations, size, name) {
  const digest = algorithm(name);
  const key = bytes(password);
  const out = Buffer.alloc(size);
  const length = DIGEST_SIZES[digest][1];
  for (let block = 1, at = 0; at < size; block++, at += length) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(block);
    let last = new HostHmac(digest, key).update(bytes(salt)).update(number).finish();
    const sum = Uint8Array.from(last);
    for (let round = 1; round < iterations; round++) {
      last = new HostHmac(digest, key).update(last).finish();
      for (let i = 0; i < length; i++) sum[i] ^= last[i];
    }
    out.set(sum.subarray(0, Math.min(length, size - at)), at);
  }
  return out;
}
export function pbkdf2(password, salt, iterations, size, name, callback) {
  const key = pbkdf2Sync(password, salt, iterations, size, name);
  queueMicrotask(() => callback(null, key));
}
export function hkdfSync(name, key, salt, info, size) {
  const digest = algorithm(name);
  const length = DIGEST_SIZES[digest][1];
  const secret = new HostHmac(digest, bytes(salt)).update(bytes(key)).finish();
  const out = new Uint8Array(size);
  let last = new Uint8Array(0);
  for (let at = 0, count = 1; at < size; at += length, count++) {
    last = new HostHmac(digest, secret).update(last).update(bytes(info)).update(new Uint8Array([count])).finish();
    out.set(last.subarray(0, Math.min(length, size - at)), at);
  }
  return out.buffer;
}
export function hkdf(name, key, salt, info, size, callback) {
  const out = hkdfSync(name, key, salt, info, size);
  queueMicrotask(() => callback(null, out));
}

export class KeyObject {
  #key;
  constructor(type, key) {
    this.type = type;
    this.#key = key;
  }
  get symmetricKeySize() {
    return this.#key.length;
  }
  export() {
    return Buffer.from(this.#key);
  }
  equals(other) {
    return Buffer.compare(this.export(), other.export()) === 0;
  }
}
export const createSecretKey = (key, encoding) => new KeyObject("secret", Buffer.from(bytes(key, encoding)));

export const webcrypto = globalThis.crypto;
export const subtle = webcrypto.subtle;
export const constants = {};
export default {
  Hash, Hmac, KeyObject, constants, createHash, createHmac, createSecretKey, getCiphers, getCurves, getHashes, getRandomValues, hash, hkdf, hkdfSync, pbkdf2,
  pbkdf2Sync, pseudoRandomBytes, randomBytes, randomFill, randomFillSync, randomInt, randomUUID, subtle, timingSafeEqual, webcrypto,
};
