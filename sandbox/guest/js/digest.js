// Owns message digests and HMAC (RFC 2104) over them, synchronous, for crypto.subtle and node:crypto. Must not be seen by a tenant. The arithmetic is C
// (digest.c); a digest under way is a byte array that nobody else holds.

// Bytes of a block and of the result.
const DIGEST_SIZES = { __proto__: null, MD5: [64, 16], "SHA-1": [64, 20], "SHA-224": [64, 28], "SHA-256": [64, 32], "SHA-384": [128, 48], "SHA-512": [128, 64] };

class Digest {
  // `name` is one of DIGEST_SIZES.
  constructor(name, state = host.digestBegin(name)) {
    this.name = name;
    this.state = state;
  }

  update(bytes) {
    host.digestUpdate(this.state, bytes);
    return this;
  }

  // The result; afterwards the digest is of no use.
  finish() {
    return host.digestFinish(this.state);
  }

  copy() {
    return new Digest(this.name, bytesCopy(this.state));
  }
}
internal(Digest);

class Hmac {
  constructor(name, key) {
    const block = DIGEST_SIZES[name][0];
    const padded = new U8(block);
    bytesSet(padded, typedArrayByteLength(key) > block ? digestOf(name, key) : key);
    for (let i = 0; i < block; i++) padded[i] ^= 0x36;
    this.inner = new Digest(name).update(padded);
    for (let i = 0; i < block; i++) padded[i] ^= 0x36 ^ 0x5c;
    this.outer = new Digest(name).update(padded);
  }

  update(bytes) {
    this.inner.update(bytes);
    return this;
  }

  finish() {
    return this.outer.update(this.inner.finish()).finish();
  }
}
internal(Hmac);

const digestOf = (name, bytes) => new Digest(name).update(bytes).finish();
const hmacOf = (name, key, bytes) => new Hmac(name, key).update(bytes).finish();
