// Owns exportKey. Must not ask whether a key may be exported for wrapping: its callers have.

// Gives bytes, or for "jwk" the object.
function exportKey(format, state, done, fail) {
  const { name, type } = state;
  if (type === "secret") {
    if (name === "HKDF" || name === "PBKDF2") throw domException("NotSupportedError", `${name} keys cannot be exported`);
    if (format === "raw") done(bytesCopy(state.data));
    else if (format === "jwk") done(secretJwk(state));
    else throw domException("NotSupportedError", `${name} keys cannot be exported as "${format}"`);
    return;
  }
  if (format === "raw" && isRsa(name)) throw domException("NotSupportedError", `${name} keys cannot be exported as "raw"`);
  if ((format === "raw" || format === "spki") && type !== "public") throw domException("InvalidAccessError", `Only public keys can be exported as "${format}"`);
  if (format === "pkcs8" && type !== "private") throw domException("InvalidAccessError", `Only private keys can be exported as "pkcs8"`);
  if (format === "spki" || format === "pkcs8") {
    done(bytesCopy(state.data));
    return;
  }
  const parameters = { __proto__: null, format, family: familyOf(name), curve: state.curve, private: type === "private" };
  askCrypto("export", parameters, [state.data], (text, bytes) => done(format === "raw" ? bytes : asymmetricJwk(state, text)), fail);
}

function secretJwk(state) {
  const alg = state.name === "HMAC" ? HMAC_JWK[state.hash] : `A${state.length}${AES_JWK[state.name]}`;
  return { kty: "oct", k: toBase64Url(state.data), alg, key_ops: usageNames(state.usages), ext: state.extractable };
}

// The host gives "member value" lines.
function asymmetricJwk(state, text) {
  const { name } = state;
  const jwk = { kty: isRsa(name) ? "RSA" : isEc(name) ? "EC" : "OKP" };
  if (isRsa(name)) jwk.alg = RSA_JWK[name][state.hash];
  else if (name === "Ed25519") jwk.alg = "Ed25519";
  if (!isRsa(name)) jwk.crv = isEc(name) ? state.curve : name;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const space = lines[i].indexOf(" ");
    ObjectDefineProperty(jwk, lines[i].slice(0, space), { value: lines[i].slice(space + 1), writable: true, enumerable: true, configurable: true });
  }
  jwk.key_ops = usageNames(state.usages);
  jwk.ext = state.extractable;
  return jwk;
}
