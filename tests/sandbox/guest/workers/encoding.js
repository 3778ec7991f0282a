// TextEncoder, TextDecoder, atob and btoa.
import { deep, eq, text, throws } from "./check.js";

export async function encodes_utf8() {
  deep([...new TextEncoder().encode("aé€😀\ud800x")], [97, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xef, 0xbf, 0xbd, 120]);
  eq(new TextEncoder().encode().length, 0);
  eq(new TextEncoder().encode(null).length, 4);
  eq(new TextEncoder().encoding, "utf-8");
}

export async function encode_into_never_splits_a_character() {
  const target = new Uint8Array(5);
  deep(new TextEncoder().encodeInto("aé€x", target), { read: 2, written: 3 });
  deep([...target], [97, 0xc3, 0xa9, 0, 0]);
  deep(new TextEncoder().encodeInto("😀😀", new Uint8Array(7)), { read: 2, written: 4 });
  deep(new TextEncoder().encodeInto("", new Uint8Array(0)), { read: 0, written: 0 });
  deep(new TextEncoder().encodeInto("\ud800", new Uint8Array(3)), { read: 1, written: 3 });
  throws(() => new TextEncoder().encodeInto("a", new ArrayBuffer(3)), "TypeError");
}

export async function decodes_utf8_with_replacement() {
  const decode = (...bytes) => new TextDecoder().decode(new Uint8Array(bytes));
  eq(decode(0xef, 0xbb, 0xbf, 97), "a");
  eq(decode(0xff, 97), "\ufffda");
  eq(decode(0xe2, 0x82), "\ufffd");
  eq(decode(0xe2, 0x82, 97), "\ufffda");
  eq(decode(0xf0, 0x80, 0x80, 0x80), "\ufffd\ufffd\ufffd\ufffd");
  eq(decode(0xed, 0xa0, 0x80), "\ufffd\ufffd\ufffd");
  eq(decode(0xc0, 0x80), "\ufffd\ufffd");
  eq(new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf])), "\ufeff");
  throws(() => new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([0xff])), "TypeError");
  eq(new TextDecoder().decode(), "");
  eq(new TextDecoder().decode(new DataView(new Uint8Array([104, 105]).buffer, 1)), "i");
  throws(() => new TextDecoder().decode("a"), "TypeError");
}

export async function decodes_piece_by_piece() {
  const whole = "a\ufeffé€😀z";
  const bytes = new TextEncoder().encode(`\ufeff${whole}`);
  for (let size = 1; size <= 5; size++) {
    const decoder = new TextDecoder();
    let out = "";
    for (let i = 0; i < bytes.length; i += size) out += decoder.decode(bytes.subarray(i, i + size), { stream: true });
    eq(out + decoder.decode(), whole, `pieces of ${size}`);
    eq(decoder.decode(new Uint8Array([97])), "a");
  }
  const open = new TextDecoder();
  eq(open.decode(new Uint8Array([0xe2, 0x82]), { stream: true }), "");
  eq(open.decode(), "\ufffd");
  const fatal = new TextDecoder("utf-8", { fatal: true });
  eq(fatal.decode(new Uint8Array([0xe2, 0x82]), { stream: true }), "");
  throws(() => fatal.decode(), "TypeError");
  eq(fatal.decode(new Uint8Array([97])), "a");
}

export async function decodes_utf16_and_windows_1252() {
  const le = new Uint8Array([0xff, 0xfe, 0x61, 0, 0x3d, 0xd8, 0, 0xde, 0x00, 0xd8]);
  eq(new TextDecoder("utf-16le").decode(le), "a😀\ufffd");
  eq(new TextDecoder("utf-16be").decode(new Uint8Array([0xfe, 0xff, 0, 0x61])), "a");
  const pieces = new TextDecoder("utf-16");
  let out = "";
  for (const byte of le) out += pieces.decode(new Uint8Array([byte]), { stream: true });
  eq(out + pieces.decode(), "a😀\ufffd");
  throws(() => new TextDecoder("utf-16le", { fatal: true }).decode(new Uint8Array([0])), "TypeError");
  eq(new TextDecoder("latin1").decode(new Uint8Array([0x80, 0xe9, 0x9f])), "€éŸ");
}

export async function knows_its_labels() {
  eq(new TextDecoder(" UTF8\n").encoding, "utf-8");
  eq(new TextDecoder("ISO-8859-1").encoding, "windows-1252");
  eq(new TextDecoder("unicode").encoding, "utf-16le");
  for (const label of ["nope", "", "utf-8\0"]) throws(() => new TextDecoder(label), "RangeError", label);
}

export async function base64_both_ways() {
  eq(btoa("\xff\0a"), "/wBh");
  eq(atob(" /wBh\n"), "\xff\0a");
  eq(atob("YQ"), "a");
  throws(() => btoa("€"), "InvalidCharacterError");
  throws(() => atob("a"), "InvalidCharacterError");
  throws(() => atob("YQ=a"), "InvalidCharacterError");
}

export async function streams_encode_and_decode() {
  const parts = ["h", "\ud83d", "\ude00", "", "é"];
  const encoded = ReadableStream.from(parts).pipeThrough(new TextEncoderStream());
  const chunks = [];
  for await (const chunk of encoded) chunks.push(...chunk);
  eq(text(new Uint8Array(chunks)), "h😀é");
  const bytes = ReadableStream.from(chunks.map((byte) => new Uint8Array([byte])));
  let out = "";
  for await (const piece of bytes.pipeThrough(new TextDecoderStream())) out += piece;
  eq(out, "h😀é");
}
