// Owns crypto.subtle. Must not keep a key anywhere but in its CryptoKey.

function digestName(algorithm) {
  const given = typeof algorithm === "string" ? algorithm : isObject(algorithm) ? algorithm.name : undefined;
  if (given === undefined) throw new TypeError("The algorithm has no name");
  const name = `${given}`.toUpperCase();
  if (name in DIGEST_SIZES) return name;
  throw domException("NotSupportedError", `Unrecognized or unimplemented digest algorithm requested: ${name}`);
}

class SubtleCrypto {
  #brand = undefined;
  async digest(algorithm, data) {
    this.#brand;
    requireArguments("SubtleCrypto.digest", arguments.length, 2);
    return typedArrayBuffer(digestOf(digestName(algorithm), bytesView(data)));
  }
  timingSafeEqual(one, other) {
    this.#brand;
    requireArguments("SubtleCrypto.timingSafeEqual", arguments.length, 2);
    const a = bytesView(one);
    const b = bytesView(other);
    if (typedArrayByteLength(a) !== typedArrayByteLength(b)) throw new TypeError("Input buffers must have the same byte length.");
    return host.bytesEqual(a, b);
  }
}
const subtle = new SubtleCrypto();
defineInterface(SubtleCrypto);
