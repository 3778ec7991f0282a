// One program of tests/applications: nanoid-and-uuid, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { customAlphabet, nanoid } from "nanoid";
import { v1, v3, v4, v5, v6, v7, validate, version, parse, stringify } from "uuid";
const NAMESPACE = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
var small_default = { fetch() {
  return Response.json({ nano: [nanoid().length, /^[\w-]+$/.test(nanoid(50)), customAlphabet("ab", 9)().length, new Set(Array.from({ length: 500 }, () => nanoid())).size], v3: v3("hello", NAMESPACE), v5: v5("hello.example.com", NAMESPACE), versions: [v1(), v4(), v6(), v7()].map(version), valid: [validate(v4()), validate("x")], bytes: [...parse(NAMESPACE)], text: stringify(parse(NAMESPACE)), fixed: v4({ random: new Uint8Array(16).fill(7) }) });
} };
export {
  small_default as default
};
