// Owns what keys do: sign, verify, encrypt, decrypt, derive. HMAC and HKDF are the guest's own, the rest is the host's. Must not check usages or
// names: subtle.js has.

function sign(algorithm, state, data, done, fail) {
  if (state.name === "HMAC") {
    done(hmacOf(state.hash, state.data, data));
    return;
  }
  if (state.type !== "private") throw domException("InvalidAccessError", "Only a private key can sign");
  askCrypto("sign", signatureParameters(algorithm, state), [state.data, data], (_, bytes) => done(bytes), fail);
}

function verify(algorithm, state, signature, data, done, fail) {
  if (state.name === "HMAC") {
    done(host.bytesEqual(hmacOf(state.hash, state.data, data), signature));
    return;
  }
  if (state.type !== "public") throw domException("InvalidAccessError", "Only a public key can verify");
  askCrypto("verify", signatureParameters(algorithm, state), [state.data, data, signature], (text) => done(text === "true"), fail);
}

function signatureParameters(algorithm, state) {
  const hash = state.name === "ECDSA" ? algorithm.hash : state.hash;
  const salt = state.name === "RSA-PSS" ? algorithm.saltLength : 0;
  return { __proto__: null, name: state.name, hash: hash === null ? "" : hash, salt, curve: state.curve };
}

const TAG_LENGTHS = new SafeSet();
for (const bits of [32, 64, 96, 104, 112, 120, 128]) TAG_LENGTHS.add(bits);

// `operation` is "encrypt" or "decrypt".
function cipher(operation, algorithm, state, data, done, fail) {
  const { name } = state;
  const answer = (_, bytes) => done(bytes);
  if (name === "RSA-OAEP") {
    const wanted = operation === "encrypt" ? "public" : "private";
    if (state.type !== wanted) throw domException("InvalidAccessError", `The key is not ${wanted}`);
    const label = algorithm.label === undefined ? new U8(0) : algorithm.label;
    askCrypto(operation, { __proto__: null, name, hash: state.hash }, [state.data, data, label], answer, fail);
    return;
  }
  const parameters = { __proto__: null, name };
  const blobs = [state.data, data];
  if (name === "AES-CBC") {
    if (typedArrayLength(algorithm.iv) !== 16) throw domException("OperationError", "The iv of AES-CBC has 16 bytes");
    blobs[2] = algorithm.iv;
  } else if (name === "AES-CTR") {
    if (typedArrayLength(algorithm.counter) !== 16) throw domException("OperationError", "The counter of AES-CTR has 16 bytes");
    if (algorithm.length < 1 || algorithm.length > 128) throw domException("OperationError", "The length of AES-CTR is 1 to 128 bits");
    parameters.length = algorithm.length;
    blobs[2] = algorithm.counter;
  } else {
    const tag = algorithm.tagLength === undefined ? 128 : algorithm.tagLength;
    if (!TAG_LENGTHS.has(tag)) throw domException("OperationError", `A tag of ${tag} bits is not allowed`);
    if (operation === "decrypt" && typedArrayLength(data) * 8 < tag) throw domException("OperationError", "The data is shorter than its tag");
    parameters.tag = tag >> 3;
    blobs[2] = algorithm.iv;
    blobs[3] = algorithm.additionalData === undefined ? new U8(0) : algorithm.additionalData;
  }
  askCrypto(operation, parameters, blobs, answer, fail);
}

// AES-KW: `operation` is "wrap" or "unwrap".
function wrapBytes(operation, state, data, done, fail) {
  askCrypto(operation, { __proto__: null, name: "AES-KW" }, [state.data, data], (_, bytes) => done(bytes), fail);
}

// `length` in bits, or null for as many as the algorithm gives.
function deriveBits(algorithm, state, length, done, fail) {
  const { name } = algorithm;
  if (name === "HKDF" || name === "PBKDF2") {
    if (length === null || length % 8 !== 0) throw domException("OperationError", `${name} needs a length that is a multiple of 8`);
    if (name === "HKDF") {
      done(hkdf(algorithm, state.data, length >> 3));
      return;
    }
    if (algorithm.iterations === 0) throw domException("OperationError", "PBKDF2 needs an iteration at least");
    const parameters = { __proto__: null, hash: algorithm.hash, iterations: algorithm.iterations, length: length >> 3 };
    askCrypto("pbkdf2", parameters, [state.data, algorithm.salt], (_, bytes) => done(bytes), fail);
    return;
  }
  const other = algorithm.public;
  if (state.type !== "private") throw domException("InvalidAccessError", "The key is not private");
  if (other.type !== "public") throw domException("InvalidAccessError", "The other side's key is not public");
  if (other.name !== state.name || other.curve !== state.curve) throw domException("InvalidAccessError", "The two keys are not of one kind");
  askCrypto(
    "agree",
    { __proto__: null, name, curve: state.curve },
    [state.data, other.data],
    (_, bytes) => done(length === null ? bytes : leadingBits(bytes, length)),
    fail,
  );
}

function leadingBits(bytes, length) {
  if (length > typedArrayLength(bytes) * 8) throw domException("OperationError", `The secret has ${typedArrayLength(bytes) * 8} bits, not ${length}`);
  const out = bytesCopy(bytesSubarray(bytes, 0, (length + 7) >> 3));
  if (length % 8 !== 0) out[out.length - 1] &= 0xff << (8 - (length % 8));
  return out;
}

// RFC 5869.
function hkdf({ hash, info, salt }, secret, length) {
  const size = DIGEST_SIZES[hash][1];
  if (length > 255 * size) throw domException("OperationError", `HKDF with ${hash} gives no more than ${255 * size} bytes`);
  const key = hmacOf(hash, typedArrayLength(salt) === 0 ? new U8(size) : salt, secret);
  const out = new U8(length);
  let block = new U8(0);
  for (let at = 0, counter = 1; at < length; at += size, counter++) {
    const last = new U8(1);
    last[0] = counter;
    block = new Hmac(hash, key).update(block).update(info).update(last).finish();
    bytesSet(out, length - at < size ? bytesSubarray(block, 0, length - at) : block, at);
  }
  return out;
}
