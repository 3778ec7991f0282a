// Owns questions to the host's cryptography (docs/protocol.md, "Cryptography"). Must not use `await` nor promises between steps: a tenant may have
// replaced what they go through, and what passes here is key material. Each function takes what to do next, and what to do with an error.

const ERROR_LINE = regexp(/^(\w+): ([^]*)$/);

// `parameters` is an object without a prototype that holds strings, numbers and booleans; `done(text, bytes)` gets the answer.
function askCrypto(operation, parameters, blobs, done, fail) {
  const call = new Call(requireRequest());
  const { id, invocation } = call;
  const fields = [EFFECT_CALL, 0, id, "usssu", invocation.id, "", operation, JSONStringify(parameters), blobs.length];
  for (let i = 0; i < blobs.length; i++) {
    fields[3] += "b";
    fields[fields.length] = blobs[i];
  }
  calls.set(id, call);
  invocation.calls++;
  call.replied = (failed, text, bytes) => {
    try {
      if (!failed) {
        done(text, bytes === undefined ? new U8(0) : bytes);
        return;
      }
      const parts = ERROR_LINE.exec(text);
      if (parts === null) fail(new Error(text));
      else fail(parts[1] === "TypeError" ? new TypeError(parts[2]) : domException(parts[1], parts[2]));
    } catch (error) {
      fail(error);
    }
  };
  ReflectApply(host.emit, undefined, fields);
}

// Runs what takes (done, fail) and gives its promise.
function cryptoOperation(run) {
  const { promise, resolve, reject } = promiseWithResolvers();
  try {
    run(resolve, reject);
  } catch (error) {
    reject(error);
  }
  return promise;
}

// Base64url without padding (RFC 4648, section 5) --------------------------------------------------------------------------------------------

const base64Encode = globalThis.btoa;
const base64Decode = globalThis.atob;
const PLUS_SIGN = regexp(/\+/g);
const SLASHES = regexp(/\//g);
const PAD_SIGNS = regexp(/=+$/);
const MINUS_SIGN = regexp(/-/g);
const UNDERSCORES = regexp(/_/g);
const BASE64URL = regexp(/^[A-Za-z0-9_-]*$/);

const toBase64Url = (bytes) => base64Encode(host.latin1Decode(bytes)).replace(PLUS_SIGN, "-").replace(SLASHES, "_").replace(PAD_SIGNS, "");

// The bytes, or null when the text is not base64url.
function fromBase64Url(text) {
  if (!BASE64URL.test(text) || text.length % 4 === 1) return null;
  return host.latin1Encode(base64Decode(text.replace(MINUS_SIGN, "+").replace(UNDERSCORES, "/")));
}
