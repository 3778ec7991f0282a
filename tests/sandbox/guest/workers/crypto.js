// crypto.subtle: every algorithm there and back, the standard's errors, published vectors, and keys that stay where they are.
import { bytes, deep, eq, ok, rejects, text, throws } from "./check.js";

const { subtle } = crypto;
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (string) => Uint8Array.from(string.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const SECRET = bytes("attack at dawn");

// RFC 4231, cases 1, 2 and 6.
export async function hmac_gives_the_examples_of_rfc_4231() {
  const cases = [
    ["0b".repeat(20), bytes("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [hex(bytes("Jefe")), bytes("what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
    ["aa".repeat(131), bytes("Test Using Larger Than Block-Size Key - Hash Key First"), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"],
  ];
  for (const [key, data, expected] of cases) {
    const imported = await subtle.importKey("raw", unhex(key), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
    eq(hex(await subtle.sign("HMAC", imported, data)), expected);
    eq(await subtle.verify("HMAC", imported, unhex(expected), data), true);
    eq(await subtle.verify("HMAC", imported, unhex(expected).fill(0, 31), data), false);
  }
}

// RFC 5869, A.1; RFC 7914, section 11.
export async function derivations_give_the_examples_of_their_rfcs() {
  const hkdf = await subtle.importKey("raw", unhex("0b".repeat(22)), "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: unhex("000102030405060708090a0b0c"), info: unhex("f0f1f2f3f4f5f6f7f8f9") };
  const okm = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
  eq(hex(await subtle.deriveBits(algorithm, hkdf, 336)), okm);
  const password = await subtle.importKey("raw", bytes("passwd"), "PBKDF2", false, ["deriveBits"]);
  const derived = await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: bytes("salt"), iterations: 1 }, password, 512);
  eq(
    hex(derived),
    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
  );
}

export async function aes_goes_there_and_back() {
  const modes = {
    "AES-CBC": { iv: new Uint8Array(16) },
    "AES-CTR": { counter: new Uint8Array(16).fill(255), length: 32 },
    "AES-GCM": { iv: new Uint8Array(12), additionalData: bytes("seen"), tagLength: 96 },
  };
  for (const [name, parameters] of Object.entries(modes)) {
    for (const length of [128, 192, 256]) {
      const key = await subtle.generateKey({ name, length }, true, ["encrypt", "decrypt"]);
      const sealed = await subtle.encrypt({ name, ...parameters }, key, SECRET);
      eq(text(await subtle.decrypt({ name, ...parameters }, key, sealed)), "attack at dawn", name);
      const again = await subtle.importKey("jwk", await subtle.exportKey("jwk", key), name, false, ["decrypt"]);
      eq(text(await subtle.decrypt({ name, ...parameters }, again, sealed)), "attack at dawn", name);
    }
  }
  const key = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const sealed = new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, SECRET));
  sealed[3] ^= 1;
  await rejects(subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, sealed), "OperationError");
}

// NIST SP 800-38A, F.5.1, whose counter does not wrap; and one that does.
export async function counters_count_as_far_as_they_are_long() {
  const key = await subtle.importKey("raw", unhex("2b7e151628aed2a6abf7158809cf4f3c"), "AES-CTR", false, ["encrypt"]);
  const counter = unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  const plain = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  const whole = hex(await subtle.encrypt({ name: "AES-CTR", counter, length: 128 }, key, plain));
  eq(whole, "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff");
  const short = hex(await subtle.encrypt({ name: "AES-CTR", counter, length: 8 }, key, plain));
  eq(short.slice(0, 32), whole.slice(0, 32));
  ok(short !== whole, "the counter wraps within its eight bits, so");
  await rejects(subtle.encrypt({ name: "AES-CTR", counter, length: 1 }, key, new Uint8Array(33)), "OperationError");
}

export async function signatures_of_every_kind() {
  const kinds = [
    [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }, 64],
    [{ name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-384" }, 96],
    [{ name: "ECDSA", namedCurve: "P-521" }, { name: "ECDSA", hash: "SHA-512" }, 132],
    [{ name: "Ed25519" }, "Ed25519", 64],
    [{ name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, "RSASSA-PKCS1-v1_5", 128],
    [{ name: "RSA-PSS", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, { name: "RSA-PSS", saltLength: 20 }, 128],
  ];
  for (const [generation, algorithm, length] of kinds) {
    const { privateKey, publicKey } = await subtle.generateKey(generation, true, ["sign", "verify"]);
    deep([privateKey.usages, publicKey.usages, publicKey.extractable], [["sign"], ["verify"], true]);
    const signature = await subtle.sign(algorithm, privateKey, SECRET);
    eq(signature.byteLength, length, generation.name);
    for (const format of ["spki", "jwk"]) {
      const other = await subtle.importKey(format, await subtle.exportKey(format, publicKey), generation, true, ["verify"]);
      eq(await subtle.verify(algorithm, other, signature, SECRET), true, `${generation.name} ${format}`);
      eq(await subtle.verify(algorithm, other, signature, bytes("attack at noon")), false);
      eq(await subtle.verify(algorithm, other, signature.slice(1), SECRET), false);
    }
    for (const format of ["pkcs8", "jwk"]) {
      const other = await subtle.importKey(format, await subtle.exportKey(format, privateKey), generation, false, ["sign"]);
      eq(await subtle.verify(algorithm, publicKey, await subtle.sign(algorithm, other, SECRET), SECRET), true, `${generation.name} ${format}`);
    }
  }
}

// RFC 8032, 7.1, test 2.
export async function ed25519_gives_the_example_of_rfc_8032() {
  const jwk = { kty: "OKP", crv: "Ed25519", x: "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw", d: "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs" };
  const key = await subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
  const signature = hex(await subtle.sign("Ed25519", key, unhex("72")));
  ok(signature.startsWith("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"), signature);
}

export async function both_sides_agree_on_a_secret() {
  for (const algorithm of [{ name: "X25519" }, { name: "ECDH", namedCurve: "P-256" }, { name: "ECDH", namedCurve: "P-521" }]) {
    const one = await subtle.generateKey(algorithm, false, ["deriveBits", "deriveKey"]);
    const other = await subtle.generateKey(algorithm, false, ["deriveBits", "deriveKey"]);
    const raw = await subtle.importKey("raw", await subtle.exportKey("raw", other.publicKey), algorithm, true, []);
    const bits = hex(await subtle.deriveBits({ name: algorithm.name, public: raw }, one.privateKey, null));
    eq(hex(await subtle.deriveBits({ name: algorithm.name, public: one.publicKey }, other.privateKey, null)), bits, algorithm.name);
    const key = await subtle.deriveKey({ name: algorithm.name, public: raw }, one.privateKey, { name: "AES-GCM", length: 128 }, true, ["encrypt"]);
    eq(hex(await subtle.exportKey("raw", key)), bits.slice(0, 32));
  }
}

export async function keys_can_be_wrapped() {
  const oaep = await subtle.generateKey(
    { name: "RSA-OAEP", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, false, ["wrapKey", "unwrapKey"],
  );
  const kw = await subtle.generateKey({ name: "AES-KW", length: 256 }, false, ["wrapKey", "unwrapKey"]);
  const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-256", length: 256 }, true, ["sign"]);
  const raw = hex(await subtle.exportKey("raw", key));
  for (const format of ["raw", "jwk"]) {
    const pairs = [[oaep.publicKey, oaep.privateKey, "RSA-OAEP"], [kw, kw, "AES-KW"]];
    for (const [wrapping, unwrapping, name] of pairs) {
      const wrapped = await subtle.wrapKey(format, key, wrapping, name);
      const again = await subtle.unwrapKey(format, wrapped, unwrapping, name, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
      eq(hex(await subtle.exportKey("raw", again)), raw, `${name} ${format}`);
    }
  }
}

export async function what_is_not_allowed_has_the_standards_names() {
  const key = await subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"]);
  const iv = new Uint8Array(12);
  await rejects(subtle.exportKey("raw", key), "InvalidAccessError");
  await rejects(subtle.decrypt({ name: "AES-GCM", iv }, key, new Uint8Array(32)), "InvalidAccessError");
  await rejects(subtle.encrypt({ name: "AES-CBC", iv: new Uint8Array(16) }, key, iv), "InvalidAccessError");
  await rejects(subtle.encrypt({ name: "AES-GCM" }, key, iv), "TypeError");
  await rejects(subtle.encrypt({ name: "AES-GCM", iv, tagLength: 7 }, key, iv), "OperationError");
  await rejects(subtle.encrypt({ name: "AES-XTS", iv }, key, iv), "NotSupportedError");
  await rejects(subtle.generateKey({ name: "AES-GCM", length: 100 }, true, ["encrypt"]), "OperationError");
  await rejects(subtle.generateKey({ name: "AES-GCM", length: 128 }, true, []), "SyntaxError");
  await rejects(subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["sign"]), "SyntaxError");
  await rejects(subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["fly"]), "TypeError");
  await rejects(subtle.importKey("raw", new Uint8Array(5), "AES-GCM", true, ["encrypt"]), "DataError");
  await rejects(subtle.importKey("jwk", { kty: "oct", k: "?" }, "AES-GCM", true, ["encrypt"]), "DataError");
  await rejects(subtle.importKey("spki", new Uint8Array(5), { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]), "DataError");
  await rejects(subtle.importKey("raw", new Uint8Array(16), { name: "ECDSA", namedCurve: "P-999" }, true, ["verify"]), "NotSupportedError");
  throws(() => new CryptoKey(), "TypeError");
  throws(() => crypto.getRandomValues(new Uint8Array(65537)), "QuotaExceededError");
}

// What could burn the host is refused by a number, whatever is left of the request's time.
export async function what_would_take_too_long_is_refused() {
  const key = await subtle.importKey("raw", bytes("passwd"), "PBKDF2", false, ["deriveBits"]);
  const stretch = (iterations, length) => subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: bytes("salt"), iterations }, key, length);
  await rejects(stretch(100_001, 256), "NotSupportedError");
  await rejects(stretch(100_000, 8 * 32 * 3), "OperationError");
  await rejects(stretch(1, 2 ** 31), "OperationError");
  const rsa = (modulusLength) => ({ name: "RSA-PSS", modulusLength, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" });
  await rejects(subtle.generateKey(rsa(16384), true, ["sign"]), "OperationError");
  await rejects(subtle.generateKey(rsa(512), true, ["sign"]), "OperationError");
}

// A tenant that replaces what promises and prototypes are made of sees neither key material nor our parameters.
export async function tampering_shows_no_key_material() {
  const seen = [];
  const key = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
  const then = Promise.prototype.then;
  const spy = (name) => ({ configurable: true, set(value) { seen.push([name, value]); }, get() { seen.push([name]); return undefined; } });
  const wrapping = await subtle.generateKey({ name: "AES-KW", length: 128 }, false, ["wrapKey", "unwrapKey"]);
  let done;
  const finished = new Promise((resolve) => { done = resolve; });
  Promise.prototype.then = function (...handlers) { seen.push(["then"]); return Reflect.apply(then, this, handlers); };
  for (const name of ["toJSON", "name", "data", "format", "0"]) Object.defineProperty(Object.prototype, name, spy(name));
  const constructor = Promise.prototype.constructor;
  Promise.prototype.constructor = function Stolen() { seen.push(["constructor"]); };
  Reflect.apply(then, subtle.wrapKey("jwk", key.privateKey, wrapping, "AES-KW"), [done, done]);
  for (const name of ["toJSON", "name", "data", "format", "0"]) delete Object.prototype[name];
  Promise.prototype.constructor = constructor;
  Promise.prototype.then = then;
  const wrapped = await finished;
  ok(wrapped instanceof ArrayBuffer, `${wrapped}`);
  eq(seen.filter(([name]) => name !== "constructor" && name !== "then").length, 0, JSON.stringify(seen));
}

export async function keys_can_be_cloned_and_stay_what_they_are() {
  const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const clone = structuredClone({ key }).key;
  ok(clone !== key && clone instanceof CryptoKey);
  eq(hex(await subtle.sign("HMAC", clone, SECRET)), hex(await subtle.sign("HMAC", key, SECRET)));
  await rejects(subtle.exportKey("raw", clone), "InvalidAccessError");
}
