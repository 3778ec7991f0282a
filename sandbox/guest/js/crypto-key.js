// Owns CryptoKey: what a key is, and what of it a tenant sees. Must not let key material out: `data` is read by the crypto-*.js files alone.

const KEY_USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];
const USE = { __proto__: null, encrypt: 1, decrypt: 2, sign: 4, verify: 8, deriveKey: 16, deriveBits: 32, wrapKey: 64, unwrapKey: 128 };

class KeyState {
  // `data`: the bytes of a secret key; else PKCS #8 or SubjectPublicKeyInfo in DER, as the host writes it. `usages` is a mask of USE.
  constructor(type, name, data, extractable, usages) {
    this.type = type;
    this.name = name;
    this.data = data;
    this.extractable = extractable;
    this.usages = usages;
  }
}
internal(KeyState, { hash: null, length: 0, curve: "", modulusLength: 0, exponent: null, algorithmObject: null, usagesObject: null });

let keyState;

class CryptoKey {
  #s;

  constructor(state) {
    if (!(state instanceof KeyState)) throw new TypeError("Illegal constructor");
    this.#s = state;
  }

  static {
    keyState = (value) => (isObject(value) && #s in value ? value.#s : null);
  }

  get type() {
    return this.#s.type;
  }
  get extractable() {
    return this.#s.extractable;
  }
  get algorithm() {
    const state = this.#s;
    if (state.algorithmObject === null) state.algorithmObject = algorithmObject(state);
    return state.algorithmObject;
  }
  get usages() {
    const state = this.#s;
    if (state.usagesObject === null) state.usagesObject = usageNames(state.usages);
    return state.usagesObject;
  }
}
defineInterface(CryptoKey);

const isCryptoKey = (value) => keyState(value) !== null;

function algorithmObject(state) {
  const { name } = state;
  if (state.modulusLength > 0) {
    return { name, modulusLength: state.modulusLength, publicExponent: bytesCopy(state.exponent), hash: { name: state.hash } };
  }
  if (state.curve !== "") return { name, namedCurve: state.curve };
  if (state.hash !== null) return { name, length: state.length, hash: { name: state.hash } };
  return state.length > 0 ? { name, length: state.length } : { name };
}

function usageNames(mask) {
  const names = [];
  for (let i = 0; i < KEY_USAGES.length; i++) if ((mask & USE[KEY_USAGES[i]]) !== 0) names[names.length] = KEY_USAGES[i];
  return names;
}

// sequence<KeyUsage> as a mask.
function toUsages(value) {
  const method = isObject(value) ? value[Symbol.iterator] : undefined;
  if (typeof method !== "function") throw new TypeError("The key's usages are not a sequence");
  const given = iterateToArray(value, method);
  let mask = 0;
  for (let i = 0; i < given.length; i++) mask |= USE[toEnum(given[i], KEY_USAGES, "A key's usage")];
  return mask;
}

function requireUsages(mask, allowed) {
  if ((mask & ~allowed) !== 0) throw domException("SyntaxError", `The key cannot be used for ${usageNames(mask & ~allowed)[0]}`);
}

function requireSomeUsage(mask) {
  if (mask === 0) throw domException("SyntaxError", "A secret or private key must have a usage");
}
