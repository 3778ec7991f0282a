/* Message digests: MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4), by the standards' own descriptions, and the functions the JavaScript layer calls
 * them by. A digest under way is a byte array that JavaScript keeps (`Digest` below): it can be copied, and lives and dies with its owner.
 * Must not be used where an operation should take the same time for all inputs but for digests, which do by nature. */
#include <string.h>

#include "hostel.h"

enum { MD5, SHA1, SHA224, SHA256, SHA384, SHA512, ALGORITHMS };

typedef struct {
    const char *name;
    uint8_t block, size;
} Algorithm;

static const Algorithm algorithms[ALGORITHMS] = {
    {"MD5", 64, 16}, {"SHA-1", 64, 20}, {"SHA-224", 64, 28}, {"SHA-256", 64, 32}, {"SHA-384", 128, 48}, {"SHA-512", 128, 64},
};

typedef struct {
    uint32_t algorithm;
    /* Bytes waiting in `pending`. */
    uint32_t held;
    uint64_t length;
    union {
        uint32_t w32[8];
        uint64_t w64[8];
    } state;
    uint8_t pending[128];
} Digest;

/* FIPS 180-4, 5.3: the fractional parts of square roots of primes. */
static const uint32_t iv_sha1[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
static const uint32_t iv_224[8] = {
    0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4,
};
static const uint32_t iv_256[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};
static const uint64_t iv_384[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};
static const uint64_t iv_512[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};
/* 4.2.3: the fractional parts of cube roots of the first eighty primes; SHA-256 takes the upper halves (4.2.2). */
static const uint64_t k512[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};
/* RFC 1321, 3.4: 2^32 |sin(i + 1)|. */
static const uint32_t k_md5[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
static const uint8_t md5_shifts[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};

static inline uint32_t rol(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static inline uint32_t ror(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static inline uint64_t ror64(uint64_t x, unsigned n)
{
    return x >> n | x << (64 - n);
}

static inline uint32_t big32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

static inline uint64_t big64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap64(value);
}

static void md5_block(uint32_t *state, const uint8_t *block)
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], x[16];
    memcpy(x, block, sizeof x);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t f;
        unsigned g;
        switch (i / 16) {
        case 0:
            f = (b & c) | (~b & d), g = i;
            break;
        case 1:
            f = (b & d) | (c & ~d), g = (5 * i + 1) % 16;
            break;
        case 2:
            f = b ^ c ^ d, g = (3 * i + 5) % 16;
            break;
        default:
            f = c ^ (b | ~d), g = 7 * i % 16;
        }
        uint32_t next = b + rol(a + f + k_md5[i] + x[g], md5_shifts[i / 16 * 4 + i % 4]);
        a = d, d = c, c = b, b = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

static void sha1_block(uint32_t *state, const uint8_t *block)
{
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (unsigned i = 0; i < 80; i++)
        w[i] = i < 16 ? big32(block + 4 * i) : rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20)
            f = (b & c) | (~b & d), k = 0x5a827999;
        else if (i < 40)
            f = b ^ c ^ d, k = 0x6ed9eba1;
        else if (i < 60)
            f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        else
            f = b ^ c ^ d, k = 0xca62c1d6;
        uint32_t next = rol(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rol(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

static void sha256_block(uint32_t *state, const uint8_t *block)
{
    uint32_t w[64], v[8];
    for (unsigned i = 0; i < 64; i++) {
        if (i < 16) {
            w[i] = big32(block + 4 * i);
            continue;
        }
        uint32_t s0 = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, state, sizeof v);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t s1 = ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25), choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t first = v[7] + s1 + choice + (uint32_t)(k512[i] >> 32) + w[i];
        uint32_t s0 = ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22), majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + s0 + majority;
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += v[i];
}

static void sha512_block(uint64_t *state, const uint8_t *block)
{
    uint64_t w[80], v[8];
    for (unsigned i = 0; i < 80; i++) {
        if (i < 16) {
            w[i] = big64(block + 8 * i);
            continue;
        }
        uint64_t s0 = ror64(w[i - 15], 1) ^ ror64(w[i - 15], 8) ^ w[i - 15] >> 7;
        uint64_t s1 = ror64(w[i - 2], 19) ^ ror64(w[i - 2], 61) ^ w[i - 2] >> 6;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, state, sizeof v);
    for (unsigned i = 0; i < 80; i++) {
        uint64_t s1 = ror64(v[4], 14) ^ ror64(v[4], 18) ^ ror64(v[4], 41), choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint64_t first = v[7] + s1 + choice + k512[i] + w[i];
        uint64_t s0 = ror64(v[0], 28) ^ ror64(v[0], 34) ^ ror64(v[0], 39), majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + s0 + majority;
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += v[i];
}

static void process(Digest *digest, const uint8_t *block)
{
    switch (digest->algorithm) {
    case MD5:
        md5_block(digest->state.w32, block);
        break;
    case SHA1:
        sha1_block(digest->state.w32, block);
        break;
    case SHA224:
    case SHA256:
        sha256_block(digest->state.w32, block);
        break;
    default:
        sha512_block(digest->state.w64, block);
    }
}

static void begin(Digest *digest, uint32_t algorithm)
{
    memset(digest, 0, sizeof *digest);
    digest->algorithm = algorithm;
    switch (algorithm) {
    case MD5:
        memcpy(digest->state.w32, iv_sha1, 16);
        break;
    case SHA1:
        memcpy(digest->state.w32, iv_sha1, sizeof iv_sha1);
        break;
    case SHA224:
        memcpy(digest->state.w32, iv_224, sizeof iv_224);
        break;
    case SHA256:
        memcpy(digest->state.w32, iv_256, sizeof iv_256);
        break;
    case SHA384:
        memcpy(digest->state.w64, iv_384, sizeof iv_384);
        break;
    default:
        memcpy(digest->state.w64, iv_512, sizeof iv_512);
    }
}

static void update(Digest *digest, const uint8_t *bytes, size_t length)
{
    size_t block = algorithms[digest->algorithm].block;
    digest->length += length;
    if (digest->held) {
        size_t part = block - digest->held < length ? block - digest->held : length;
        memcpy(digest->pending + digest->held, bytes, part);
        digest->held += part, bytes += part, length -= part;
        if (digest->held < block)
            return;
        process(digest, digest->pending);
        digest->held = 0;
    }
    for (; length >= block; bytes += block, length -= block)
        process(digest, bytes);
    if (length)
        memcpy(digest->pending, bytes, length);
    digest->held = length;
}

static void finish(Digest *digest, uint8_t *out)
{
    const Algorithm *algorithm = &algorithms[digest->algorithm];
    size_t field = algorithm->block / 8, size = algorithm->size;
    uint64_t bits = digest->length * 8;
    uint8_t padding[128 + 16] = {0x80}, tail[16] = {0};
    update(digest, padding, (2 * (size_t)algorithm->block - field - 1 - digest->held) % algorithm->block + 1);
    if (digest->algorithm != MD5)
        bits = __builtin_bswap64(bits);
    memcpy(tail + field - 8, &bits, sizeof bits);
    update(digest, tail, field);
    for (size_t i = 0; i < size; i++) {
        if (digest->algorithm >= SHA384)
            out[i] = (uint8_t)(digest->state.w64[i / 8] >> (56 - i % 8 * 8));
        else if (digest->algorithm == MD5)
            out[i] = (uint8_t)(digest->state.w32[i / 4] >> i % 4 * 8);
        else
            out[i] = (uint8_t)(digest->state.w32[i / 4] >> (24 - i % 4 * 8));
    }
}

/* The digest in a byte array of JavaScript's, copied because the array may lie anywhere; false with an exception when it is none. */
static bool load(JSContext *ctx, JSValueConst value, Digest *digest, uint8_t **home)
{
    size_t length = 0;
    const uint8_t *bytes = bytes_of(ctx, value, &length);
    if (!bytes || length != sizeof *digest) {
        JS_ThrowTypeError(ctx, "a digest expected");
        return false;
    }
    memcpy(digest, bytes, sizeof *digest);
    *home = (uint8_t *)bytes;
    if (digest->algorithm < ALGORITHMS && digest->held < algorithms[digest->algorithm].block)
        return true;
    JS_ThrowTypeError(ctx, "a digest expected");
    return false;
}

/* digestBegin(name): a new digest, or undefined when there is no algorithm of that name. */
JSValue digest_begin(JSContext *ctx, JSValueConst name)
{
    const char *text = JS_ToCString(ctx, name);
    if (!text)
        return JS_EXCEPTION;
    uint32_t at = 0;
    while (at < ALGORITHMS && strcmp(algorithms[at].name, text))
        at++;
    JS_FreeCString(ctx, text);
    if (at == ALGORITHMS)
        return JS_UNDEFINED;
    Digest digest;
    begin(&digest, at);
    return JS_NewUint8ArrayCopy(ctx, (const uint8_t *)&digest, sizeof digest);
}

JSValue digest_update(JSContext *ctx, JSValueConst state, JSValueConst data)
{
    Digest digest;
    uint8_t *home;
    size_t length = 0;
    const uint8_t *bytes = bytes_of(ctx, data, &length);
    if (!bytes && length)
        return JS_EXCEPTION;
    if (!bytes)
        JS_FreeValue(ctx, JS_GetException(ctx));
    if (!load(ctx, state, &digest, &home))
        return JS_EXCEPTION;
    if (length)
        update(&digest, bytes, length);
    memcpy(home, &digest, sizeof digest);
    return JS_UNDEFINED;
}

JSValue digest_finish(JSContext *ctx, JSValueConst state)
{
    Digest digest;
    uint8_t *home, out[64];
    if (!load(ctx, state, &digest, &home))
        return JS_EXCEPTION;
    size_t size = algorithms[digest.algorithm].size;
    finish(&digest, out);
    memset(home, 0xff, sizeof digest);
    return JS_NewUint8ArrayCopy(ctx, out, size);
}

/* Whether two runs of bytes of one length are the same, in a time that does not depend on where they differ. */
JSValue digest_equal(JSContext *ctx, JSValueConst one, JSValueConst other)
{
    size_t length = 0, second = 0;
    const uint8_t *a = bytes_of(ctx, one, &length), *b = bytes_of(ctx, other, &second);
    volatile uint8_t difference = 0;
    if ((!a && length) || (!b && second) || length != second)
        return JS_FALSE;
    for (size_t i = 0; i < length; i++)
        difference |= a[i] ^ b[i];
    return JS_NewBool(ctx, difference == 0);
}
