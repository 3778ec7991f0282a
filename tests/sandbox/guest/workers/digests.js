// Digests against the standards' own examples: RFC 1321 A.5, FIPS 180 examples, and lengths at every border of a block.
import { bytes, eq, rejects, throws } from "./check.js";

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const digest = async (name, data) => hex(await crypto.subtle.digest(name, typeof data === "string" ? bytes(data) : data));

const LONG = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
const EXAMPLES = {
  MD5: [
    ["", "d41d8cd98f00b204e9800998ecf8427e"],
    ["abc", "900150983cd24fb0d6963f7d28e17f72"],
    ["12345678901234567890123456789012345678901234567890123456789012345678901234567890", "57edf4a22be3c955ac49da2e2107b67a"],
  ],
  "SHA-1": [
    ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"],
  ],
  "SHA-256": [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"],
  ],
  "SHA-384": [
    ["abc", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"],
    [LONG, "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039"],
  ],
  "SHA-512": [
    ["abc", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"],
    [LONG, "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"],
  ],
};

export async function digests_give_the_standards_examples() {
  for (const [name, examples] of Object.entries(EXAMPLES)) for (const [input, expected] of examples) eq(await digest(name, input), expected, name);
}

export async function a_million_letters() {
  const data = new Uint8Array(1_000_000).fill(97);
  eq(await digest("SHA-1", data), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  eq(await digest({ name: "sha-256" }, data), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  eq(await digest("MD5", data), "7707d6ae4e027c70eea2a935c2296f21");
}

// A stream cut at every place gives the digest of the whole, whatever lies on a block's border.
export async function streams_of_pieces_give_the_digest_of_the_whole() {
  for (const name of Object.keys(EXAMPLES)) {
    for (const length of [1, 55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 300]) {
      const data = Uint8Array.from({ length }, (_, i) => i * 7);
      const whole = await digest(name, data);
      const stream = new crypto.DigestStream(name);
      const writer = stream.getWriter();
      const cut = length >> 1;
      await writer.write(data.subarray(0, cut));
      await writer.write(data.subarray(cut).slice().buffer);
      await writer.close();
      eq(hex(await stream.digest), whole, `${name} of ${length}`);
      eq(stream.bytesWritten, BigInt(length));
    }
  }
}

export async function digest_streams_that_break_reject() {
  const stream = new crypto.DigestStream("SHA-256");
  await stream.abort(new RangeError("no more"));
  await rejects(stream.digest, "RangeError");
  throws(() => new crypto.DigestStream("SHA-3"), "NotSupportedError");
}

export async function what_is_no_digest_is_refused() {
  await rejects(crypto.subtle.digest("SHA-3", new Uint8Array(1)), "NotSupportedError");
  await rejects(crypto.subtle.digest("SHA-256", "text"), "TypeError");
  await rejects(crypto.subtle.digest({}, new Uint8Array(1)), "TypeError");
  await rejects(crypto.subtle.digest("__proto__", new Uint8Array(1)), "NotSupportedError");
}

export async function timing_safe_equal_compares_bytes() {
  eq(crypto.subtle.timingSafeEqual(bytes("abc"), bytes("abc").buffer), true);
  eq(crypto.subtle.timingSafeEqual(bytes("abc"), bytes("abd")), false);
  eq(crypto.subtle.timingSafeEqual(bytes(""), bytes("")), true);
  throws(() => crypto.subtle.timingSafeEqual(bytes("abc"), bytes("ab")), "TypeError");
}
