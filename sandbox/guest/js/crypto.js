// Owns the `crypto` object: getRandomValues and randomUUID (Web Cryptography, section 10), and Workers' DigestStream. Must not do what `subtle` does.

const RANDOM_VIEWS = new SafeSet();
for (const name of [
  "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "BigInt64Array", "BigUint64Array",
]) {
  RANDOM_VIEWS.add(name);
}

const HEX_BYTE = [];
for (let byte = 0; byte < 256; byte++) HEX_BYTE[byte] = PERCENT_BYTE[byte].slice(1).toLowerCase();

let crypto;

class Crypto {
  #brand = undefined;

  constructor() {
    if (crypto !== undefined) throw new TypeError("Illegal constructor");
  }

  get subtle() {
    this.#brand;
    return subtle;
  }

  getRandomValues(array) {
    this.#brand;
    requireArguments("crypto.getRandomValues", arguments.length, 1);
    if (!isObject(array) || !bufferIsView(array) || !RANDOM_VIEWS.has(typedArrayTag(array))) {
      throw domException("TypeMismatchError", "crypto.getRandomValues: the argument is not an integer typed array");
    }
    const length = typedArrayByteLength(array);
    if (length > 65536) throw new QuotaExceededError(`crypto.getRandomValues: ${length} bytes are more than the 65536 of one call`);
    requireRequest();
    host.random(new U8(typedArrayBuffer(array), typedArrayByteOffset(array), length));
    return array;
  }

  randomUUID() {
    this.#brand;
    requireRequest();
    const bytes = new U8(16);
    host.random(bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let out = "";
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) out += "-";
      out += HEX_BYTE[bytes[i]];
    }
    return out;
  }
}

// A stream of bytes (or strings, taken as UTF-8) whose digest is known when it closes.
class DigestStream extends WritableStream {
  #digest;
  #written = 0;

  constructor(algorithm) {
    const digest = new Digest(digestName(algorithm));
    const { promise, resolve, reject } = promiseWithResolvers();
    markHandled(promise);
    super({
      __proto__: null,
      write: (chunk) => {
        const bytes = typeof chunk === "string" ? host.utf8Encode(chunk) : bytesView(chunk, "DigestStream: the chunk");
        digest.update(bytes);
        this.#written += typedArrayByteLength(bytes);
      },
      close: () => resolve(typedArrayBuffer(digest.finish())),
      abort: reject,
    });
    this.#digest = promise;
  }

  get digest() {
    return this.#digest;
  }
  get bytesWritten() {
    return BigIntOf(this.#written);
  }
}
const BigIntOf = BigInt;
defineInterface(DigestStream);

crypto = new Crypto();
ObjectDefineProperty(Crypto.prototype, "DigestStream", { value: DigestStream, writable: true, enumerable: true, configurable: true });
defineInterface(Crypto);
