// Owns percent-encoding (URL standard, section 1.3) and application/x-www-form-urlencoded (section 5). Must not know URLs.
//
// The regular expressions name what each percent-encode set contains. They are single character classes: linear, and several times faster
// in this engine than a loop over code units.

const C0_SET = regexp(/[^ -~]/gu);
const FRAGMENT_SET = regexp(/[^!#-;=?-_a-~]/gu);
const QUERY_SET = regexp(/[^!$-;=?-~]/gu);
const SPECIAL_QUERY_SET = regexp(/[^!$-&(-;=?-~]/gu);
const PATH_SET = regexp(/[^!$-;=@-\]_a-z|~]/gu);
const USERINFO_SET = regexp(/[^!$-.0-9A-Z_a-z~]/gu);

const HEX = "0123456789ABCDEF";
const PERCENT_BYTE = [];
for (let byte = 0; byte < 256; byte++) PERCENT_BYTE[byte] = `%${HEX[byte >> 4]}${HEX[byte & 15]}`;

function percentEncodePoint(point) {
  const code = point.charCodeAt(0);
  if (code < 0x80) return PERCENT_BYTE[code];
  const bytes = host.utf8Encode(point);
  let out = "";
  for (let i = 0; i < bytes.length; i++) out += PERCENT_BYTE[bytes[i]];
  return out;
}

// `string` (without lone surrogates) with every code point of `set` percent-encoded as UTF-8.
const percentEncode = (string, set) => string.replace(set, percentEncodePoint);

function hexValue(code) {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 65 && code <= 70) return code - 55;
  if (code >= 97 && code <= 102) return code - 87;
  return -1;
}

// The bytes of `string` (as UTF-8) with each %XX replaced; other percent signs stay.
function percentDecodeToBytes(string) {
  const bytes = host.utf8Encode(string);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === 37 && i + 2 < bytes.length) {
      const high = hexValue(bytes[i + 1]);
      const low = hexValue(bytes[i + 2]);
      if (high >= 0 && low >= 0) {
        bytes[length++] = (high << 4) | low;
        i += 2;
        continue;
      }
    }
    bytes[length++] = byte;
  }
  return bytesSubarray(bytes, 0, length);
}

const builtinDecode = globalThis.decodeURIComponent;
const builtinEncode = globalThis.encodeURIComponent;

// Percent-decodes and then decodes as UTF-8 (malformed bytes become U+FFFD, a byte order mark stays).
function percentDecode(string) {
  if (string.indexOf("%") < 0) return string;
  try {
    // The same result in native code whenever all escapes are well-formed.
    return builtinDecode(string);
  } catch {
    return host.utf8Decode(percentDecodeToBytes(string), false, true);
  }
}

// Forms ----------------------------------------------------------------------------------------------------------------------------------

const PLUS = regexp(/\+/g);
const FORM_REST = regexp(/%20|[!'()~]/g);
const FORM_PLAIN = regexp(/^[*\-._0-9A-Za-z]*$/);

function formDecodeWord(word) {
  return percentDecode(word.indexOf("+") < 0 ? word : word.replace(PLUS, " "));
}

function formEncodeWord(word) {
  if (FORM_PLAIN.test(word)) return word;
  return builtinEncode(word).replace(FORM_REST, (part) => (part === "%20" ? "+" : PERCENT_BYTE[part.charCodeAt(0)]));
}

const asIs = (word) => word;

// The flat pairs [name, value, ...] of a query string.
function formParse(input) {
  const pairs = [];
  let start = 0;
  const length = input.length;
  const decode = input.indexOf("%") < 0 && input.indexOf("+") < 0 ? asIs : formDecodeWord;
  while (start <= length) {
    let end = input.indexOf("&", start);
    if (end < 0) end = length;
    if (end > start) {
      let equals = input.indexOf("=", start);
      if (equals < 0 || equals > end) equals = end;
      pairs[pairs.length] = decode(input.slice(start, equals));
      pairs[pairs.length] = equals < end ? decode(input.slice(equals + 1, end)) : "";
    }
    start = end + 1;
  }
  return pairs;
}

function formSerialize(pairs) {
  let out = "";
  for (let i = 0; i < pairs.length; i += 2) {
    if (i > 0) out += "&";
    out += `${formEncodeWord(pairs[i])}=${formEncodeWord(pairs[i + 1])}`;
  }
  return out;
}
