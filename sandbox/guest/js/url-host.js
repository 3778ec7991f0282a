// Owns host parsing and serialising (URL standard, section 3): IPv4, IPv6, opaque hosts, domains with Punycode (RFC 3492). A parsed host is
// kept as its serialisation. Must not know the rest of a URL.
//
// Domain to ASCII approximates UTS #46: NFKC and lower case stand for its mapping table, general categories for its disallowed code points. It
// has no table of bidirectional or joining classes, so some invalid names that browsers refuse are accepted. ASCII names are exact.

const ENCODED_LABEL = regexp(/(?:^|\.)xn--/i);
const FORBIDDEN_HOST = regexp(/[\0\t\n\r #/:<>?@[\\\]^|]/);
const NOT_ASCII = regexp(/[^\0-\x7f]/);
const FORBIDDEN_DOMAIN = regexp(/[\0-\x20#%/:<>?@[\\\]^|\x7f]/);

// Null means failure.
function parseHost(input, opaque) {
  if (input.charCodeAt(0) === 91) {
    if (input.charCodeAt(input.length - 1) !== 93) return null;
    const pieces = parseIPv6(input.slice(1, -1));
    return pieces === null ? null : `[${serializeIPv6(pieces)}]`;
  }
  if (opaque) return FORBIDDEN_HOST.test(input) ? null : percentEncode(input, C0_SET);
  const domain = domainToASCII(input.indexOf("%") < 0 ? input : host.utf8Decode(percentDecodeToBytes(input), false, true));
  if (domain === null || domain === "" || FORBIDDEN_DOMAIN.test(domain)) return null;
  return endsInNumber(domain) ? parseIPv4(domain) : domain;
}

// Domains --------------------------------------------------------------------------------------------------------------------------------

const FULL_STOPS = regexp(/[\u3002\uff0e\uff61]/g);
const IGNORED = regexp(
  /[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\u{e0100}-\u{e01ef}]/gu,
);
// Code points whose compatibility form has a full stop in it, which would move the borders of labels.
const HIDDEN_STOP = regexp(/[\u2024-\u2026\u2488-\u249b\ufe19\ufe30]/);
// Controls, format characters but the two joiners, unassigned, private, surrogates, spaces; and a few symbols.
const DISALLOWED = regexp(/(?![\u200c\u200d])[\p{C}\p{Z}\u2ff0-\u2fff\u31ef\ufffc\ufffd]/u);
// Has a lower case of its own at the end of a word, but not in a name.
const CAPITAL_SIGMA = regexp(/\u03a3/g);
const MARK = regexp(/^\p{M}/u);
const VIRAMAS =
  "\\u094d\\u09cd\\u0a4d\\u0acd\\u0b4d\\u0bcd\\u0c4d\\u0ccd\\u0d3b\\u0d3c\\u0d4d\\u0dca\\u0e3a\\u0eba\\u0f84\\u1039\\u103a\\u1714\\u1734\\u17d2\\u1a60" +
  "\\u1b44\\u1baa\\u1bab\\u1bf2\\u1bf3\\u2d7f\\ua806\\ua8c4\\ua953\\ua9c0\\uaaf6\\uabed";
// A joiner follows a virama; the non-joiner may also stand between letters of a joining script.
const BAD_JOINER = regexp(new RegExpCtor(`(?<![${VIRAMAS}])\\u200d|(?<![${VIRAMAS}\\u0600-\\u08ff])\\u200c|\\u200c$`, "u"));

function domainToASCII(domain) {
  if (!NOT_ASCII.test(domain) && !ENCODED_LABEL.test(domain)) return domain.toLowerCase();
  if (HIDDEN_STOP.test(domain)) return null;
  const mapped = mapDomain(domain);
  const labels = mapped.replace(FULL_STOPS, ".").split(".");
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (label.startsWith("xn--")) {
      const decoded = NOT_ASCII.test(label) ? null : punycodeDecode(label.slice(4));
      // A label must decode to something that is not ASCII, is normalised, and would be encoded the same way.
      if (decoded === null || !NOT_ASCII.test(decoded) || !validLabel(decoded) || decoded !== mapDomain(decoded)) return null;
      if (`xn--${punycodeEncode(decoded)}` !== label) return null;
    } else if (NOT_ASCII.test(label)) {
      const encoded = validLabel(label) ? punycodeEncode(label) : null;
      if (encoded === null) return null;
      labels[i] = `xn--${encoded}`;
    }
  }
  return arrayJoin(labels, ".");
}

const mapDomain = (domain) => domain.replace(IGNORED, "").normalize("NFKC").replace(CAPITAL_SIGMA, "\u03c3").toLowerCase().normalize("NFC");

const validLabel = (label) => !MARK.test(label) && !DISALLOWED.test(label) && !BAD_JOINER.test(label);

const PUNY_BASE = 36;
const PUNY_TMIN = 1;
const PUNY_TMAX = 26;
const PUNY_MAX = 0x7fffffff;

function punycodeAdapt(delta, points, first) {
  let rest = first ? MathFloor(delta / 700) : delta >> 1;
  rest += MathFloor(rest / points);
  let k = 0;
  while (rest > 455) {
    rest = MathFloor(rest / (PUNY_BASE - PUNY_TMIN));
    k += PUNY_BASE;
  }
  return k + MathFloor(((PUNY_BASE - PUNY_TMIN + 1) * rest) / (rest + 38));
}

const punycodeThreshold = (k, bias) => (k <= bias ? PUNY_TMIN : k >= bias + PUNY_TMAX ? PUNY_TMAX : k - bias);
const punycodeDigit = (digit) => StringFromCharCode(digit < 26 ? digit + 97 : digit + 22);

function codePoints(string) {
  const points = [];
  for (let i = 0; i < string.length; i++) {
    const point = string.codePointAt(i);
    points[points.length] = point;
    if (point > 0xffff) i++;
  }
  return points;
}

function punycodeEncode(string) {
  const points = codePoints(string);
  let out = "";
  for (let i = 0; i < points.length; i++) if (points[i] < 0x80) out += StringFromCharCode(points[i]);
  const basic = out.length;
  let handled = basic;
  if (basic > 0) out += "-";
  let n = 0x80;
  let delta = 0;
  let bias = 72;
  while (handled < points.length) {
    let next = PUNY_MAX;
    for (let i = 0; i < points.length; i++) if (points[i] >= n && points[i] < next) next = points[i];
    if (next - n > MathFloor((PUNY_MAX - delta) / (handled + 1))) return null;
    delta += (next - n) * (handled + 1);
    n = next;
    for (let i = 0; i < points.length; i++) {
      if (points[i] < n) delta++;
      if (points[i] !== n) continue;
      let q = delta;
      for (let k = PUNY_BASE; ; k += PUNY_BASE) {
        const t = punycodeThreshold(k, bias);
        if (q < t) break;
        out += punycodeDigit(t + ((q - t) % (PUNY_BASE - t)));
        q = MathFloor((q - t) / (PUNY_BASE - t));
      }
      out += punycodeDigit(q);
      bias = punycodeAdapt(delta, handled + 1, handled === basic);
      delta = 0;
      handled++;
    }
    delta++;
    n++;
  }
  return out;
}

function punycodeDecode(input) {
  const points = [];
  const dash = input.lastIndexOf("-");
  for (let i = 0; i < dash; i++) points[i] = input.charCodeAt(i);
  let n = 0x80;
  let index = 0;
  let bias = 72;
  let at = dash > 0 ? dash + 1 : 0;
  while (at < input.length) {
    const before = index;
    let weight = 1;
    for (let k = PUNY_BASE; ; k += PUNY_BASE) {
      if (at >= input.length) return null;
      const code = input.charCodeAt(at++);
      const digit = code >= 97 && code <= 122 ? code - 97 : code >= 48 && code <= 57 ? code - 22 : -1;
      if (digit < 0 || digit > MathFloor((PUNY_MAX - index) / weight)) return null;
      index += digit * weight;
      const t = punycodeThreshold(k, bias);
      if (digit < t) break;
      weight *= PUNY_BASE - t;
      if (weight > PUNY_MAX) return null;
    }
    const size = points.length + 1;
    bias = punycodeAdapt(index - before, size, before === 0);
    n += MathFloor(index / size);
    index %= size;
    if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff)) return null;
    arraySplice(points, index++, 0, n);
  }
  let out = "";
  for (let i = 0; i < points.length; i++) out += StringFromCodePoint(points[i]);
  return out;
}

// IPv4 -----------------------------------------------------------------------------------------------------------------------------------

const DIGITS = regexp(/^[0-9]+$/);
const OCTAL = regexp(/^[0-7]+$/);
const HEXADECIMAL = regexp(/^[0-9a-f]+$/i);

function endsInNumber(domain) {
  const last = domain.charCodeAt(domain.length - 1);
  // Nearly every name ends in a letter that no number ends in.
  if (last > 102 && last <= 122 && last !== 120) return false;
  const parts = domain.split(".");
  if (parts[parts.length - 1] === "") {
    if (parts.length === 1) return false;
    parts.length--;
  }
  const part = parts[parts.length - 1];
  return DIGITS.test(part) || parseIPv4Number(part) !== null;
}

function parseIPv4Number(part) {
  if (part === "") return null;
  let digits = part;
  let radix = 10;
  if (digits.length >= 2 && digits[0] === "0" && (digits[1] === "x" || digits[1] === "X")) {
    digits = digits.slice(2);
    radix = 16;
  } else if (digits.length >= 2 && digits[0] === "0") {
    digits = digits.slice(1);
    radix = 8;
  }
  if (digits === "") return 0;
  if (!(radix === 10 ? DIGITS : radix === 16 ? HEXADECIMAL : OCTAL).test(digits)) return null;
  return builtinParseInt(digits, radix);
}
const builtinParseInt = globalThis.parseInt;

function parseIPv4(domain) {
  const parts = domain.split(".");
  if (parts[parts.length - 1] === "" && parts.length > 1) parts.length--;
  const count = parts.length;
  if (count > 4) return null;
  const numbers = [];
  for (let i = 0; i < count; i++) {
    const number = parseIPv4Number(parts[i]);
    if (number === null) return null;
    if (i < count - 1 && number > 255) return null;
    numbers[i] = number;
  }
  if (numbers[count - 1] >= MathPow(256, 5 - count)) return null;
  let address = numbers[count - 1];
  for (let i = 0; i < count - 1; i++) address += numbers[i] * MathPow(256, 3 - i);
  return `${MathFloor(address / 16777216)}.${MathFloor(address / 65536) % 256}.${MathFloor(address / 256) % 256}.${address % 256}`;
}

// IPv6 -----------------------------------------------------------------------------------------------------------------------------------

function parseIPv6(input) {
  const address = [0, 0, 0, 0, 0, 0, 0, 0];
  let piece = 0;
  let compress = -1;
  let at = 0;
  const length = input.length;
  const code = (i) => (i < length ? input.charCodeAt(i) : -1);
  if (code(0) === 58) {
    if (code(1) !== 58) return null;
    at = 2;
    piece++;
    compress = piece;
  }
  while (at < length) {
    if (piece === 8) return null;
    if (code(at) === 58) {
      if (compress >= 0) return null;
      at++;
      piece++;
      compress = piece;
      continue;
    }
    let value = 0;
    let digits = 0;
    while (digits < 4 && hexValue(code(at)) >= 0) {
      value = value * 16 + hexValue(code(at));
      at++;
      digits++;
    }
    if (code(at) === 46) {
      if (digits === 0) return null;
      at -= digits;
      if (piece > 6) return null;
      if (!parseIPv4Tail(input, at, address, piece)) return null;
      piece += 2;
      break;
    }
    if (code(at) === 58) {
      at++;
      if (at >= length) return null;
    } else if (at < length) {
      return null;
    }
    address[piece] = value;
    piece++;
  }
  if (compress >= 0) {
    let swaps = piece - compress;
    piece = 7;
    while (piece !== 0 && swaps > 0) {
      const other = compress + swaps - 1;
      const held = address[other];
      address[other] = address[piece];
      address[piece] = held;
      piece--;
      swaps--;
    }
  } else if (piece !== 8) {
    return null;
  }
  return address;
}

// The dotted end of an IPv6 address: exactly four decimal numbers without leading zeros, up to the end of the input.
function parseIPv4Tail(input, start, address, piece) {
  const parts = input.slice(start).split(".");
  if (parts.length !== 4) return false;
  for (let i = 0; i < 4; i++) {
    const part = parts[i];
    if (!DIGITS.test(part) || part.length > 3 || (part.length > 1 && part[0] === "0")) return false;
    const number = +part;
    if (number > 255) return false;
    address[piece + (i >> 1)] = address[piece + (i >> 1)] * 256 + number;
  }
  return true;
}

function serializeIPv6(address) {
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && address[i + length] === 0) length++;
    if (length > bestLength) {
      best = i;
      bestLength = length;
    }
    if (length > 0) i += length;
  }
  let out = "";
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      out += i === 0 ? "::" : ":";
      i += bestLength - 1;
      continue;
    }
    out += address[i].toString(16);
    if (i !== 7) out += ":";
  }
  return out;
}
