// Owns the normalization of algorithms (Web Cryptography, section 18.4): which names an operation knows, and which members each takes. Must not
// touch keys.

const RSA_NAMES = ["RSASSA-PKCS1-v1_5", "RSA-PSS", "RSA-OAEP"];
const AES_NAMES = ["AES-CTR", "AES-CBC", "AES-GCM", "AES-KW"];

// Members of parameter dictionaries, each as its type says. The type is asked for by what stands behind the name in a signature below.
const MEMBER_TYPES = {
  __proto__: null,
  // BufferSource, copied.
  bytes: (value, what) => bytesCopy(bytesView(value, what)),
  // BigInteger.
  integer(value, what) {
    if (!isObject(value) || !bufferIsView(value) || typedArrayTag(value) !== "Uint8Array") throw new TypeError(`${what} is not a Uint8Array`);
    return bytesCopy(value);
  },
  octet: (value, what) => toRanged(value, 0xff, what),
  short: (value, what) => toRanged(value, 0xffff, what),
  long: (value, what) => toRanged(value, 0xffffffff, what),
  string: (value) => `${value}`,
  hash: (value) => hashName(value),
  key(value, what) {
    const state = keyState(value);
    if (state === null) throw new TypeError(`${what} is not a CryptoKey`);
    return state;
  },
};

// [EnforceRange].
function toRanged(value, most, what) {
  const number = MathTrunc(+value);
  if (!NumberIsFinite(number) || number < 0 || number > most) throw new TypeError(`${what} is outside the range of its type`);
  return number + 0;
}

// "member:type" in the order of Web IDL, with "?" behind a type that may be left out.
const KEY_GENERATION = { __proto__: null, HMAC: "hash:hash length:long?", ECDSA: "namedCurve:string", ECDH: "namedCurve:string", Ed25519: "", X25519: "" };
const KEY_IMPORT = { __proto__: null, HMAC: "hash:hash length:long?", ECDSA: "namedCurve:string", ECDH: "namedCurve:string", Ed25519: "", X25519: "", HKDF: "", PBKDF2: "" };
const KEY_LENGTH = { __proto__: null, HMAC: "hash:hash length:long?", HKDF: "", PBKDF2: "" };
for (const name of AES_NAMES) {
  KEY_GENERATION[name] = "length:short";
  KEY_IMPORT[name] = "";
  KEY_LENGTH[name] = "length:short";
}
for (const name of RSA_NAMES) {
  KEY_GENERATION[name] = "modulusLength:long publicExponent:integer hash:hash";
  KEY_IMPORT[name] = "hash:hash";
}
const CIPHERS = {
  __proto__: null,
  "AES-CBC": "iv:bytes",
  "AES-CTR": "counter:bytes length:octet",
  "AES-GCM": "additionalData:bytes? iv:bytes tagLength:octet?",
  "RSA-OAEP": "label:bytes?",
};
const SIGNATURES = { __proto__: null, HMAC: "", "RSASSA-PKCS1-v1_5": "", "RSA-PSS": "saltLength:long", ECDSA: "hash:hash", Ed25519: "" };

const OPERATIONS = {
  __proto__: null,
  generateKey: KEY_GENERATION,
  importKey: KEY_IMPORT,
  keyLength: KEY_LENGTH,
  encrypt: CIPHERS,
  sign: SIGNATURES,
  wrapKey: { __proto__: null, "AES-KW": "" },
  deriveBits: {
    __proto__: null,
    HKDF: "hash:hash info:bytes salt:bytes",
    PBKDF2: "hash:hash iterations:long salt:bytes",
    ECDH: "public:key",
    X25519: "public:key",
  },
  digest: { __proto__: null, MD5: "", "SHA-1": "", "SHA-256": "", "SHA-384": "", "SHA-512": "" },
};

// operation -> upper-case name -> [the name as it is written, its members].
const KNOWN = { __proto__: null };
for (const operation of ObjectKeys(OPERATIONS)) {
  KNOWN[operation] = ObjectCreate(null);
  for (const name of ObjectKeys(OPERATIONS[operation])) {
    const members = [];
    for (const member of OPERATIONS[operation][name].split(" ")) {
      if (member === "") continue;
      const [key, type] = member.split(":");
      members[members.length] = { __proto__: null, key, convert: MEMBER_TYPES[type.replace("?", "")], optional: type.endsWith("?") };
    }
    KNOWN[operation][name.toUpperCase()] = { __proto__: null, name, members };
  }
}

const BEYOND_ASCII = regexp(/[^\0-\x7f]/);

function algorithmName(algorithm) {
  if (!isObject(algorithm)) return `${algorithm}`;
  const { name } = algorithm;
  if (name === undefined) throw new TypeError("The algorithm has no name");
  return `${name}`;
}

// The normalized algorithm: an object without a prototype, with the name as it is written and every member (undefined where it was left out).
function normalize(operation, algorithm) {
  const given = algorithmName(algorithm);
  const known = BEYOND_ASCII.test(given) ? undefined : KNOWN[operation][given.toUpperCase()];
  if (known === undefined) throw domException("NotSupportedError", `Unrecognized or unimplemented algorithm "${given}" for ${operation}`);
  const normalized = { __proto__: null, name: known.name };
  const { members } = known;
  for (let i = 0; i < members.length; i++) {
    const { key, convert, optional } = members[i];
    const value = isObject(algorithm) ? algorithm[key] : undefined;
    if (value === undefined && !optional) throw new TypeError(`The algorithm ${known.name} needs "${key}"`);
    normalized[key] = value === undefined ? undefined : convert(value, `${known.name}: "${key}"`);
  }
  return normalized;
}

const digestName = (algorithm) => normalize("digest", algorithm).name;

// A hash inside another algorithm: MD5 is for bare digests alone.
function hashName(algorithm) {
  const name = digestName(algorithm);
  if (name === "MD5") throw domException("NotSupportedError", "MD5 is only supported by digest()");
  return name;
}

const isAes = (name) => name === "AES-CTR" || name === "AES-CBC" || name === "AES-GCM" || name === "AES-KW";
const isRsa = (name) => name === "RSASSA-PKCS1-v1_5" || name === "RSA-PSS" || name === "RSA-OAEP";
const isEc = (name) => name === "ECDSA" || name === "ECDH";
const isOkp = (name) => name === "Ed25519" || name === "X25519";

// Which usages keys of an algorithm may have: [public or secret, private].
function usagesOf(name) {
  if (name === "AES-KW") return [USE.wrapKey | USE.unwrapKey, 0];
  if (isAes(name)) return [USE.encrypt | USE.decrypt | USE.wrapKey | USE.unwrapKey, 0];
  if (name === "HMAC") return [USE.sign | USE.verify, 0];
  if (name === "RSA-OAEP") return [USE.encrypt | USE.wrapKey, USE.decrypt | USE.unwrapKey];
  if (name === "ECDH" || name === "X25519") return [0, USE.deriveKey | USE.deriveBits];
  if (name === "HKDF" || name === "PBKDF2") return [USE.deriveKey | USE.deriveBits, 0];
  return [USE.verify, USE.sign];
}
