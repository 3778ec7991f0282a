// Owns TextEncoder and TextDecoder (Encoding standard) and the incremental decoders behind them. Must not convert UTF-8 in JavaScript: the host's converter does that.

class TextEncoder {
  #brand = undefined;

  get encoding() {
    this.#brand;
    return "utf-8";
  }

  encode(input = "") {
    this.#brand;
    return host.utf8Encode(typeof input === "string" ? input : `${input}`);
  }

  encodeInto(source, destination) {
    this.#brand;
    requireArguments("TextEncoder.encodeInto", arguments.length, 2);
    const string = typeof source === "string" ? source : `${source}`;
    if (!isObject(destination) || !bufferIsView(destination) || typedArrayTag(destination) !== "Uint8Array") {
      throw new TypeError("TextEncoder.encodeInto: the destination is not a Uint8Array");
    }
    const room = typedArrayByteLength(destination);
    const read = fittingUnits(string, room);
    const bytes = host.utf8Encode(read === string.length ? string : string.slice(0, read));
    bytesSet(destination, bytes);
    return { read, written: typedArrayByteLength(bytes) };
  }
}

// How many UTF-16 units of `string` fit into `room` bytes of UTF-8 without splitting a code point.
function fittingUnits(string, room) {
  if (string.length * 3 <= room) return string.length;
  // A unit takes a byte at least, so no more than `room` of them matter.
  const most = MathMin(string.length, room);
  const bytes = host.utf8Encode(most === string.length ? string : string.slice(0, most));
  if (bytes.length <= room) return most;
  let end = room;
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return host.utf8Decode(bytesSubarray(bytes, 0, end), false, true).length;
}

// The number of bytes `string` has in UTF-8, without making them all at once.
function utf8Length(string) {
  let total = 0;
  let start = 0;
  while (start < string.length) {
    let end = MathMin(start + 65536, string.length);
    const last = string.charCodeAt(end - 1);
    if (end < string.length && last >= 0xd800 && last <= 0xdbff) end++;
    total += host.utf8Encode(string.slice(start, end)).length;
    start = end;
  }
  return total;
}

// Decoders -------------------------------------------------------------------------------------------------------------------------------
// Each has decode(bytes, stream) and keeps what is incomplete between calls with `stream`.

class Utf8Decoder {
  constructor(fatal, ignoreBOM) {
    this.fatal = fatal;
    this.ignoreBOM = ignoreBOM;
    this.tail = null;
    this.started = false;
  }

  decode(bytes, stream) {
    let input = bytes;
    if (this.tail !== null) {
      const joined = new U8(this.tail.length + bytes.length);
      bytesSet(joined, this.tail);
      bytesSet(joined, bytes, this.tail.length);
      input = joined;
      this.tail = null;
    }
    if (stream) {
      const open = incompleteTail(input);
      if (open > 0) {
        this.tail = bytesCopy(bytesSubarray(input, input.length - open, input.length));
        input = bytesSubarray(input, 0, input.length - open);
      }
    }
    const keepBOM = this.ignoreBOM || this.started;
    if (!stream) {
      this.started = false;
    } else if (input.length > 0) {
      this.started = true;
    }
    try {
      return host.utf8Decode(input, this.fatal, keepBOM);
    } catch (error) {
      this.tail = null;
      this.started = false;
      throw error;
    }
  }
}
internal(Utf8Decoder);

// The number of bytes at the end that begin a valid but unfinished UTF-8 sequence.
function incompleteTail(bytes) {
  const end = bytes.length;
  for (let back = 1; back <= 3 && back <= end; back++) {
    const lead = bytes[end - back];
    if (lead < 0x80) return 0;
    if (lead < 0xc0) continue;
    const need = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (need <= back) return 0;
    if (back >= 2) {
      const second = bytes[end - back + 1];
      if (lead === 0xe0 && second < 0xa0) return 0;
      if (lead === 0xed && second > 0x9f) return 0;
      if (lead === 0xf0 && second < 0x90) return 0;
      if (lead === 0xf4 && second > 0x8f) return 0;
    }
    return back;
  }
  return 0;
}

class Utf16Decoder {
  constructor(fatal, ignoreBOM, bigEndian) {
    this.fatal = fatal;
    this.ignoreBOM = ignoreBOM;
    this.high = bigEndian ? 0 : 1;
    this.byte = -1;
    this.lead = -1;
    this.started = false;
  }

  decode(bytes, stream) {
    let out = "";
    const units = [];
    const high = this.high;
    let byte = this.byte;
    let lead = this.lead;
    let bad = false;
    for (let i = 0; i < bytes.length; i++) {
      if (byte < 0) {
        byte = bytes[i];
        continue;
      }
      const unit = high === 0 ? (byte << 8) | bytes[i] : (bytes[i] << 8) | byte;
      byte = -1;
      if (lead >= 0) {
        if (unit >= 0xdc00 && unit <= 0xdfff) {
          units[units.length] = lead;
          units[units.length] = unit;
          lead = -1;
          continue;
        }
        units[units.length] = 0xfffd;
        bad = true;
        lead = -1;
      }
      if (unit >= 0xd800 && unit <= 0xdbff) {
        lead = unit;
      } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        units[units.length] = 0xfffd;
        bad = true;
      } else {
        units[units.length] = unit;
      }
      if (units.length >= 4096) {
        out += ReflectApply(StringFromCharCode, undefined, units);
        units.length = 0;
      }
    }
    if (!stream && (byte >= 0 || lead >= 0)) {
      units[units.length] = 0xfffd;
      bad = true;
      byte = -1;
      lead = -1;
    }
    out += ReflectApply(StringFromCharCode, undefined, units);
    if (bad && this.fatal) {
      this.byte = -1;
      this.lead = -1;
      this.started = false;
      throw new TypeError("The encoded data was not valid for encoding utf-16");
    }
    this.byte = byte;
    this.lead = lead;
    if (!this.started && !this.ignoreBOM && out !== "" && out.charCodeAt(0) === 0xfeff) out = out.slice(1);
    this.started = stream && (this.started || out !== "");
    return out;
  }
}
internal(Utf16Decoder);

// 0x80 to 0x9f of windows-1252; the rest is Latin-1.
const WINDOWS_1252 =
  "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
  "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";
const C1 = regexp(/[\x80-\x9f]/g);

class Windows1252Decoder {
  decode(bytes) {
    return host.latin1Decode(bytes).replace(C1, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80]);
  }
}
internal(Windows1252Decoder);

// Everything else: c/legacy.c decodes what is complete, the rest is brought again.
class LegacyDecoder {
  constructor(number, fatal) {
    this.number = number;
    this.fatal = fatal;
    this.tail = null;
    this.state = 0;
  }

  decode(bytes, stream) {
    const input = this.tail === null ? bytes : copyBytes([this.tail, bytes], typedArrayByteLength(this.tail) + typedArrayByteLength(bytes));
    const { state } = this;
    this.tail = null;
    this.state = 0;
    const decoded = host.legacyDecode(this.number, input, !stream, this.fatal, state);
    if (stream) {
      const end = typedArrayByteLength(input);
      if (decoded[1] > 0) this.tail = bytesCopy(bytesSubarray(input, end - decoded[1], end));
      this.state = decoded[2];
    }
    return decoded[0];
  }
}
internal(LegacyDecoder);

const LABEL_SPACE = regexp(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g);

function makeDecoder(encoding, fatal, ignoreBOM) {
  if (encoding === "utf-8") return new Utf8Decoder(fatal, ignoreBOM);
  if (encoding === "windows-1252") return new Windows1252Decoder();
  const legacy = LEGACY_DECODERS.get(encoding);
  if (legacy !== undefined) return new LegacyDecoder(legacy, fatal);
  return new Utf16Decoder(fatal, ignoreBOM, encoding === "utf-16be");
}

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #decoder;

  constructor(label = "utf-8", options = undefined) {
    const dictionary = toDictionary(options, "TextDecoder: the options");
    const encoding = ENCODING_LABELS.get(`${label}`.replace(LABEL_SPACE, "").toLowerCase());
    if (encoding === undefined || encoding === "replacement") throw new RangeError(`The "${label}" encoding is not supported`);
    this.#encoding = encoding;
    this.#fatal = !!dictionary.fatal;
    this.#ignoreBOM = !!dictionary.ignoreBOM;
    this.#decoder = makeDecoder(encoding, this.#fatal, this.#ignoreBOM);
  }

  get encoding() {
    return this.#encoding;
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input = undefined, options = undefined) {
    const decoder = this.#decoder;
    const bytes = input === undefined ? new U8(0) : bytesView(input, "TextDecoder.decode: the input");
    const stream = options === undefined || options === null ? false : !!toDictionary(options, "TextDecoder.decode: the options").stream;
    return decoder.decode(bytes, stream);
  }
}

defineInterface(TextEncoder);
defineInterface(TextDecoder);
