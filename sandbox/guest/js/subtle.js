// Owns crypto.subtle (Web Cryptography, section 14): arguments, usages and the order of checks. Must not do cryptography.

const KEY_FORMATS = ["raw", "spki", "pkcs8", "jwk"];

function toKey(value, what) {
  const state = keyState(value);
  if (state === null) throw new TypeError(`${what} is not a CryptoKey`);
  return state;
}

function requireUse(state, algorithm, usage) {
  if (state.name !== algorithm.name) throw domException("InvalidAccessError", `The key is for ${state.name}, not for ${algorithm.name}`);
  if ((state.usages & USE[usage]) === 0) throw domException("InvalidAccessError", `The key may not be used for ${usage}`);
}

// BufferSource: its type is asked for before anything else, its bytes are copied after the algorithm has been read.
function requireBytes(value, what) {
  if (!isBufferSource(value)) throw new TypeError(`${what} is not an ArrayBuffer or a view of one`);
}

const copied = (value) => bytesCopy(bytesView(value));
const asBuffer = (done) => (bytes) => done(typedArrayBuffer(bytes));

// The bits of a key that is to be derived: for secrets of a derivation as many as there are (null).
function keyLength(algorithm) {
  if (isAes(algorithm.name)) return aesLength(algorithm);
  return algorithm.name === "HMAC" ? hmacLength(algorithm) : null;
}

// wrapKey and unwrapKey take what encrypt takes, and AES-KW.
function normalizeWrapping(algorithm) {
  const upper = algorithmName(algorithm).toUpperCase();
  return normalize(upper in KNOWN.wrapKey ? "wrapKey" : "encrypt", algorithm);
}

function toLength(value) {
  return value === undefined || value === null ? null : toRangedLong(value);
}

// unsigned long without [EnforceRange].
const toRangedLong = (value) => +value >>> 0;

let subtle;

class SubtleCrypto {
  #brand = undefined;

  constructor() {
    if (subtle !== undefined) throw new TypeError("Illegal constructor");
  }

  encrypt(algorithm, key, data) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.encrypt", arguments.length, 3);
      runCipher("encrypt", algorithm, key, data, done, fail);
    });
  }

  decrypt(algorithm, key, data) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.decrypt", arguments.length, 3);
      runCipher("decrypt", algorithm, key, data, done, fail);
    });
  }

  sign(algorithm, key, data) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.sign", arguments.length, 3);
      const state = toKey(key, "SubtleCrypto.sign: the key");
      requireBytes(data, "SubtleCrypto.sign: the data");
      const normalized = normalize("sign", algorithm);
      const bytes = copied(data);
      requireUse(state, normalized, "sign");
      sign(normalized, state, bytes, asBuffer(done), fail);
    });
  }

  verify(algorithm, key, signature, data) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.verify", arguments.length, 4);
      const state = toKey(key, "SubtleCrypto.verify: the key");
      requireBytes(signature, "SubtleCrypto.verify: the signature");
      requireBytes(data, "SubtleCrypto.verify: the data");
      const normalized = normalize("sign", algorithm);
      const given = copied(signature);
      const bytes = copied(data);
      requireUse(state, normalized, "verify");
      verify(normalized, state, given, bytes, done, fail);
    });
  }

  digest(algorithm, data) {
    return cryptoOperation((done) => {
      this.#brand;
      requireArguments("SubtleCrypto.digest", arguments.length, 2);
      requireBytes(data, "SubtleCrypto.digest: the data");
      const name = digestName(algorithm);
      done(typedArrayBuffer(digestOf(name, copied(data))));
    });
  }

  generateKey(algorithm, extractable, keyUsages) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.generateKey", arguments.length, 3);
      const usages = toUsages(keyUsages);
      generateKey(normalize("generateKey", algorithm), !!extractable, usages, done, fail);
    });
  }

  deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.deriveKey", arguments.length, 5);
      const state = toKey(baseKey, "SubtleCrypto.deriveKey: the key");
      const usages = toUsages(keyUsages);
      const normalized = normalize("deriveBits", algorithm);
      const target = normalize("importKey", derivedKeyType);
      const length = normalize("keyLength", derivedKeyType);
      requireUse(state, normalized, "deriveKey");
      const bits = keyLength(length);
      deriveBits(normalized, state, bits, (bytes) => importKey("raw", bytes, target, !!extractable, usages, done, fail), fail);
    });
  }

  deriveBits(algorithm, baseKey, length = null) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.deriveBits", arguments.length, 2);
      const state = toKey(baseKey, "SubtleCrypto.deriveBits: the key");
      const bits = toLength(length);
      const normalized = normalize("deriveBits", algorithm);
      requireUse(state, normalized, "deriveBits");
      deriveBits(normalized, state, bits, asBuffer(done), fail);
    });
  }

  importKey(format, keyData, algorithm, extractable, keyUsages) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.importKey", arguments.length, 5);
      const wanted = toEnum(format, KEY_FORMATS, "SubtleCrypto.importKey: the format");
      if (!isObject(keyData)) throw new TypeError("SubtleCrypto.importKey: the key data is neither bytes nor a JSON Web Key");
      const isBytes = isBufferSource(keyData);
      const jwk = isBytes ? null : toJwk(keyData);
      const usages = toUsages(keyUsages);
      const normalized = normalize("importKey", algorithm);
      if (isBytes === (wanted === "jwk")) throw new TypeError(`SubtleCrypto.importKey: the key data does not suit the format "${wanted}"`);
      importKey(wanted, isBytes ? copied(keyData) : jwk, normalized, !!extractable, usages, done, fail);
    });
  }

  exportKey(format, key) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.exportKey", arguments.length, 2);
      const wanted = toEnum(format, KEY_FORMATS, "SubtleCrypto.exportKey: the format");
      const state = toKey(key, "SubtleCrypto.exportKey: the key");
      requireExportable(wanted, state);
      exportKey(wanted, state, wanted === "jwk" ? done : asBuffer(done), fail);
    });
  }

  wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.wrapKey", arguments.length, 4);
      const wanted = toEnum(format, KEY_FORMATS, "SubtleCrypto.wrapKey: the format");
      const state = toKey(key, "SubtleCrypto.wrapKey: the key");
      const wrapping = toKey(wrappingKey, "SubtleCrypto.wrapKey: the wrapping key");
      const normalized = normalizeWrapping(wrapAlgorithm);
      requireUse(wrapping, normalized, "wrapKey");
      requireExportable(wanted, state);
      exportKey(
        wanted,
        state,
        (exported) => {
          const bytes = wanted === "jwk" ? jwkBytes(exported, normalized.name) : exported;
          if (normalized.name === "AES-KW") wrapBytes("wrap", wrapping, bytes, asBuffer(done), fail);
          else cipher("encrypt", normalized, wrapping, bytes, asBuffer(done), fail);
        },
        fail,
      );
    });
  }

  unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    return cryptoOperation((done, fail) => {
      this.#brand;
      requireArguments("SubtleCrypto.unwrapKey", arguments.length, 7);
      const wanted = toEnum(format, KEY_FORMATS, "SubtleCrypto.unwrapKey: the format");
      requireBytes(wrappedKey, "SubtleCrypto.unwrapKey: the wrapped key");
      const unwrapping = toKey(unwrappingKey, "SubtleCrypto.unwrapKey: the unwrapping key");
      const usages = toUsages(keyUsages);
      const normalized = normalizeWrapping(unwrapAlgorithm);
      const target = normalize("importKey", unwrappedKeyAlgorithm);
      const wrapped = copied(wrappedKey);
      requireUse(unwrapping, normalized, "unwrapKey");
      const unwrapped = (bytes) => importKey(wanted, wanted === "jwk" ? parseJwk(bytes) : bytes, target, !!extractable, usages, done, fail);
      if (normalized.name === "AES-KW") wrapBytes("unwrap", unwrapping, wrapped, unwrapped, fail);
      else cipher("decrypt", normalized, unwrapping, wrapped, unwrapped, fail);
    });
  }

  timingSafeEqual(one, other) {
    this.#brand;
    requireArguments("SubtleCrypto.timingSafeEqual", arguments.length, 2);
    const a = bytesView(one, "SubtleCrypto.timingSafeEqual: the first argument");
    const b = bytesView(other, "SubtleCrypto.timingSafeEqual: the second argument");
    if (typedArrayByteLength(a) !== typedArrayByteLength(b)) throw new TypeError("Input buffers must have the same byte length.");
    return host.bytesEqual(a, b);
  }
}
subtle = new SubtleCrypto();
defineInterface(SubtleCrypto);
ObjectDefineProperty(SubtleCrypto.prototype.deriveBits, "length", { value: 2, configurable: true });

function runCipher(operation, algorithm, key, data, done, fail) {
  const state = toKey(key, `SubtleCrypto.${operation}: the key`);
  requireBytes(data, `SubtleCrypto.${operation}: the data`);
  const normalized = normalize("encrypt", algorithm);
  const bytes = copied(data);
  requireUse(state, normalized, operation);
  cipher(operation, normalized, state, bytes, asBuffer(done), fail);
}

function requireExportable(format, state) {
  if (!state.extractable) throw domException("InvalidAccessError", "The key is not extractable");
}

// JSON without a look at what a tenant may have put on prototypes. AES-KW takes multiples of eight bytes: JSON may end in spaces.
function jwkBytes(jwk, name) {
  const members = ObjectKeys(jwk);
  let text = "";
  for (let i = 0; i < members.length; i++) {
    const value = jwk[members[i]];
    if (value === undefined) continue;
    let written;
    if (members[i] === "key_ops") written = value.length === 0 ? "[]" : `["${arrayJoin(value, '","')}"]`;
    else written = typeof value === "boolean" ? `${value}` : `"${value}"`;
    text += `${text === "" ? "" : ","}"${members[i]}":${written}`;
  }
  text = `{${text}}`;
  if (name === "AES-KW") while (text.length % 8 !== 0) text = `${text.slice(0, -1)} }`;
  return host.utf8Encode(text);
}

function parseJwk(bytes) {
  let value;
  try {
    value = JSONParse(host.utf8Decode(bytes, true, false));
  } catch {
    throw dataError("The unwrapped key is no JSON Web Key");
  }
  if (!isObject(value)) throw dataError("The unwrapped key is no JSON Web Key");
  return toJwk(value);
}
