// Owns importKey and generateKey: every format, and the checks in the order the standard gives them. Must not use keys.

const dataError = (message) => domException("DataError", message);

const JWK_MEMBERS = ["alg", "crv", "d", "dp", "dq", "e", "ext", "k", "key_ops", "kty", "n", "oth", "p", "q", "qi", "use", "x", "y"];

// The dictionary JsonWebKey, without a prototype.
function toJwk(value) {
  const jwk = { __proto__: null };
  for (let i = 0; i < JWK_MEMBERS.length; i++) {
    const key = JWK_MEMBERS[i];
    const member = value[key];
    if (member === undefined) jwk[key] = undefined;
    else if (key === "ext") jwk.ext = !!member;
    else if (key === "key_ops" || key === "oth") jwk[key] = toSequence(member, `The JWK's "${key}"`);
    else jwk[key] = `${member}`;
  }
  return jwk;
}

function toSequence(value, what) {
  const method = isObject(value) ? value[Symbol.iterator] : undefined;
  if (typeof method !== "function") throw new TypeError(`${what} is not a sequence`);
  return iterateToArray(value, method);
}

// What every JWK has to say of its use.
function checkJwk(jwk, kty, use, usages, extractable) {
  if (jwk.kty !== kty) throw dataError(`The JWK's "kty" is not "${kty}"`);
  if (usages !== 0 && jwk.use !== undefined && jwk.use !== use) throw dataError(`The JWK's "use" is not "${use}"`);
  if (jwk.key_ops !== undefined) {
    let mask = 0;
    for (let i = 0; i < jwk.key_ops.length; i++) {
      const bit = USE[`${jwk.key_ops[i]}`];
      if (bit !== undefined && (mask & bit) !== 0) throw dataError(`The JWK's "key_ops" says something twice`);
      mask |= bit === undefined ? 0 : bit;
    }
    if ((usages & ~mask) !== 0) throw dataError(`The JWK's "key_ops" do not allow these usages`);
  }
  if (jwk.ext === false && extractable) throw dataError("The JWK is not extractable");
}

const jwkUse = (name) => (isAes(name) || name === "RSA-OAEP" ? "enc" : name === "ECDH" || name === "X25519" ? "enc" : "sig");

// `keyData` is bytes or, for "jwk", the dictionary. Gives a CryptoKey.
function importKey(format, keyData, algorithm, extractable, usages, done, fail) {
  const { name } = algorithm;
  if (isAes(name)) done(new CryptoKey(importAes(format, keyData, name, extractable, usages)));
  else if (name === "HMAC") done(new CryptoKey(importHmac(format, keyData, algorithm, extractable, usages)));
  else if (name === "HKDF" || name === "PBKDF2") done(new CryptoKey(importDerivation(format, keyData, name, extractable, usages)));
  else importAsymmetric(format, keyData, algorithm, extractable, usages, done, fail);
}

const unsupportedFormat = (format, name) => domException("NotSupportedError", `${name} keys cannot be imported as "${format}"`);

const AES_JWK = { __proto__: null, "AES-CTR": "CTR", "AES-CBC": "CBC", "AES-GCM": "GCM", "AES-KW": "KW" };
const HMAC_JWK = { __proto__: null, "SHA-1": "HS1", "SHA-256": "HS256", "SHA-384": "HS384", "SHA-512": "HS512" };

function importAes(format, keyData, name, extractable, usages) {
  requireUsages(usages, usagesOf(name)[0]);
  let data;
  if (format === "raw") {
    data = keyData;
  } else if (format === "jwk") {
    data = octetsOf(keyData);
  } else {
    throw unsupportedFormat(format, name);
  }
  const bits = typedArrayLength(data) * 8;
  if (bits !== 128 && bits !== 192 && bits !== 256) throw dataError(`An AES key has 128, 192 or 256 bits, not ${bits}`);
  if (format === "jwk") {
    if (keyData.alg !== undefined && keyData.alg !== `A${bits}${AES_JWK[name]}`) throw dataError(`The JWK's "alg" is not of this key`);
    checkJwk(keyData, "oct", "enc", usages, extractable);
  }
  requireSomeUsage(usages);
  const state = new KeyState("secret", name, data, extractable, usages);
  state.length = bits;
  return state;
}

function octetsOf(jwk) {
  if (jwk.kty !== "oct") throw dataError(`The JWK's "kty" is not "oct"`);
  const data = jwk.k === undefined ? null : fromBase64Url(jwk.k);
  if (data === null) throw dataError(`The JWK's "k" is not base64url`);
  return data;
}

function importHmac(format, keyData, { hash, length }, extractable, usages) {
  requireUsages(usages, usagesOf("HMAC")[0]);
  let data;
  if (format === "raw") {
    data = keyData;
  } else if (format === "jwk") {
    data = octetsOf(keyData);
    if (keyData.alg !== undefined && keyData.alg !== HMAC_JWK[hash]) throw dataError(`The JWK's "alg" is not of this hash`);
    checkJwk(keyData, "oct", "sig", usages, extractable);
  } else {
    throw unsupportedFormat(format, "HMAC");
  }
  const bits = typedArrayLength(data) * 8;
  if (bits === 0) throw dataError("An HMAC key is not empty");
  if (length !== undefined && (length > bits || length <= bits - 8)) throw dataError(`The key has ${bits} bits, not ${length}`);
  requireSomeUsage(usages);
  const state = new KeyState("secret", "HMAC", data, extractable, usages);
  state.hash = hash;
  state.length = length === undefined ? bits : length;
  return state;
}

function importDerivation(format, keyData, name, extractable, usages) {
  if (format !== "raw") throw unsupportedFormat(format, name);
  requireUsages(usages, usagesOf(name)[0]);
  if (extractable) throw domException("SyntaxError", `${name} keys are not extractable`);
  requireSomeUsage(usages);
  return new KeyState("secret", name, keyData, false, usages);
}

const CURVES = { __proto__: null, "P-256": 32, "P-384": 48, "P-521": 66 };
const RSA_JWK = {
  __proto__: null,
  "RSASSA-PKCS1-v1_5": { __proto__: null, "SHA-1": "RS1", "SHA-256": "RS256", "SHA-384": "RS384", "SHA-512": "RS512" },
  "RSA-PSS": { __proto__: null, "SHA-1": "PS1", "SHA-256": "PS256", "SHA-384": "PS384", "SHA-512": "PS512" },
  "RSA-OAEP": { __proto__: null, "SHA-1": "RSA-OAEP", "SHA-256": "RSA-OAEP-256", "SHA-384": "RSA-OAEP-384", "SHA-512": "RSA-OAEP-512" },
};

const familyOf = (name) => (isRsa(name) ? "rsa" : isEc(name) ? "ec" : name);

// RSA, EC and OKP keys: the host reads them, says what they are and writes them in one form.
function importAsymmetric(format, keyData, algorithm, extractable, usages, done, fail) {
  const { name } = algorithm;
  const isPrivate = format === "pkcs8" || (format === "jwk" && keyData.d !== undefined);
  if (format === "raw" && isRsa(name)) throw unsupportedFormat(format, name);
  if (isEc(name) && !(algorithm.namedCurve in CURVES)) {
    throw domException("NotSupportedError", `Unrecognized or unimplemented EC curve "${algorithm.namedCurve}"`);
  }
  requireUsages(usages, usagesOf(name)[isPrivate ? 1 : 0]);
  const parameters = { __proto__: null, format, family: familyOf(name), curve: isEc(name) ? algorithm.namedCurve : "", private: isPrivate };
  const blobs = [];
  if (format === "jwk") {
    checkAsymmetricJwk(keyData, algorithm, isPrivate, usages, extractable);
    const members = isRsa(name) ? (isPrivate ? ["n", "e", "d", "p", "q", "dp", "dq", "qi"] : ["n", "e"]) : isEc(name) ? ["x", "y", "d"] : ["x", "d"];
    for (let i = 0; i < members.length; i++) {
      const member = keyData[members[i]];
      if (member === undefined && members[i] === "d" && !isPrivate) continue;
      const bytes = member === undefined ? null : fromBase64Url(member);
      if (bytes === null) throw dataError(`The JWK's "${members[i]}" is missing or not base64url`);
      blobs[blobs.length] = bytes;
    }
  } else {
    blobs[0] = keyData;
  }
  if (isPrivate) requireSomeUsage(usages);
  askCrypto("import", parameters, blobs, (text, bytes) => done(new CryptoKey(describedKey(text, bytes, isPrivate, algorithm, extractable, usages))), fail);
}

function checkAsymmetricJwk(jwk, { name, hash, namedCurve }, isPrivate, usages, extractable) {
  checkJwk(jwk, isRsa(name) ? "RSA" : isEc(name) ? "EC" : "OKP", jwkUse(name), usages, extractable);
  if (isRsa(name)) {
    if (jwk.oth !== undefined) throw domException("NotSupportedError", "RSA keys of more than two primes are not supported");
    if (jwk.alg !== undefined && jwk.alg !== RSA_JWK[name][hash]) throw dataError(`The JWK's "alg" is not of this algorithm`);
    return;
  }
  const curve = isEc(name) ? namedCurve : name;
  if (jwk.crv !== curve) throw dataError(`The JWK's "crv" is not "${curve}"`);
  if (name === "ECDSA" && jwk.alg !== undefined && jwk.alg !== (curve === "P-521" ? "ES512" : `ES${curve.slice(2)}`)) {
    throw dataError(`The JWK's "alg" is not of this curve`);
  }
  if (name === "Ed25519" && jwk.alg !== undefined && jwk.alg !== "Ed25519" && jwk.alg !== "EdDSA") throw dataError(`The JWK's "alg" is not Ed25519`);
}

// A key as the host describes it: for RSA, "modulus bits, exponent in base64url".
function describedKey(text, bytes, isPrivate, algorithm, extractable, usages) {
  const { name } = algorithm;
  const state = new KeyState(isPrivate ? "private" : "public", name, bytes, extractable, usages);
  if (isRsa(name)) {
    const space = text.indexOf(" ");
    state.modulusLength = +text.slice(0, space);
    state.exponent = fromBase64Url(text.slice(space + 1));
    state.hash = algorithm.hash;
  } else if (isEc(name)) {
    state.curve = algorithm.namedCurve;
  }
  return state;
}

// Generation ---------------------------------------------------------------------------------------------------------------------------------

function generateKey(algorithm, extractable, usages, done, fail) {
  const { name } = algorithm;
  // By index: taking an array apart would ask the tenant's Array.prototype.
  const allowed = usagesOf(name);
  const ofPublic = allowed[0];
  const ofPrivate = allowed[1];
  requireUsages(usages, ofPublic | ofPrivate);
  if (isAes(name) || name === "HMAC") {
    const bits = name === "HMAC" ? hmacLength(algorithm) : aesLength(algorithm);
    requireSomeUsage(usages);
    requireRequest();
    const data = new U8((bits + 7) >> 3);
    host.random(data);
    const state = new KeyState("secret", name, data, extractable, usages);
    state.length = bits;
    if (name === "HMAC") state.hash = algorithm.hash;
    done(new CryptoKey(state));
    return;
  }
  if (isEc(name) && !(algorithm.namedCurve in CURVES)) {
    throw domException("NotSupportedError", `Unrecognized or unimplemented EC curve "${algorithm.namedCurve}"`);
  }
  const parameters = { __proto__: null, family: familyOf(name), curve: isEc(name) ? algorithm.namedCurve : "", bits: 0, exponent: "" };
  if (isRsa(name)) {
    parameters.bits = algorithm.modulusLength;
    parameters.exponent = toBase64Url(algorithm.publicExponent);
    if (parameters.exponent !== "AQAB" && parameters.exponent !== "Aw") {
      throw domException("OperationError", "The public exponent must be 65537 or 3");
    }
  }
  requireSomeUsage(usages & ofPrivate);
  askCrypto(
    "generate",
    parameters,
    [],
    (text, bytes) => {
      // The private key's length stands first.
      const length = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
      const privateData = bytesCopy(bytesSubarray(bytes, 4, 4 + length));
      const publicData = bytesCopy(bytesSubarray(bytes, 4 + length, typedArrayLength(bytes)));
      done({
        publicKey: new CryptoKey(describedKey(text, publicData, false, algorithm, true, usages & ofPublic)),
        privateKey: new CryptoKey(describedKey(text, privateData, true, algorithm, extractable, usages & ofPrivate)),
      });
    },
    fail,
  );
}

function aesLength({ length }) {
  if (length !== 128 && length !== 192 && length !== 256) throw domException("OperationError", `An AES key has 128, 192 or 256 bits, not ${length}`);
  return length;
}

// The length of a hash's block where none is given.
function hmacLength({ hash, length }) {
  if (length === undefined) return DIGEST_SIZES[hash][0] * 8;
  if (length === 0) throw domException("OperationError", "An HMAC key is not empty");
  if (length > 1 << 20) throw domException("OperationError", "An HMAC key of more than 2^20 bits is not supported");
  return length;
}
