// Owns node:string_decoder: text out of chunks that may end inside a character.
import { Buffer } from "node:buffer";

const NAMES = { utf8: "utf8", "utf-8": "utf8", utf16le: "utf16le", "utf-16le": "utf16le", ucs2: "utf16le", "ucs-2": "utf16le", base64: "base64", base64url: "base64url", latin1: "latin1", binary: "latin1", ascii: "ascii", hex: "hex" };

export class StringDecoder {
  #rest = Buffer.alloc(0);

  constructor(encoding = "utf8") {
    const name = NAMES[String(encoding ?? "utf8").toLowerCase()];
    if (name === undefined) throw Object.assign(new TypeError(`Unknown encoding: ${encoding}`), { code: "ERR_UNKNOWN_ENCODING" });
    this.encoding = name;
  }

  write(chunk) {
    if (typeof chunk === "string") return chunk;
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const whole = bytes.length - this.#open(bytes);
    this.#rest = Buffer.from(bytes.subarray(whole));
    return bytes.toString(this.encoding, 0, whole);
  }

  end(chunk = undefined) {
    const text = chunk === undefined ? "" : this.write(chunk);
    const rest = this.#rest.toString(this.encoding);
    this.#rest = Buffer.alloc(0);
    return text + rest;
  }

  // How many bytes at the end belong to what comes next.
  #open(bytes) {
    const { length } = bytes;
    switch (this.encoding) {
      case "utf8":
        for (let back = 1; back <= Math.min(3, length); back++) {
          const byte = bytes[length - back];
          if ((byte & 0xc0) === 0x80) continue;
          const size = byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 ? (byte < 0xf0 ? 3 : 1) : byte >= 0xc2 ? 2 : 1;
          return size > back ? back : 0;
        }
        return 0;
      case "utf16le": {
        const odd = length % 2;
        if (length - odd >= 2) {
          const high = bytes[length - odd - 1];
          if (high >= 0xd8 && high <= 0xdb) return odd + 2;
        }
        return odd;
      }
      case "base64":
      case "base64url":
        return length % 3;
      default:
        return 0;
    }
  }
}
export default { StringDecoder };
