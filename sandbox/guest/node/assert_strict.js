// Owns node:assert/strict: the same with strict comparisons under the short names.
import { strict } from "node:assert";
export { AssertionError, ok, fail, strictEqual, notStrictEqual, deepStrictEqual, notDeepStrictEqual, match, doesNotMatch, ifError, throws, doesNotThrow, rejects, doesNotReject, strict } from "node:assert";
export { strictEqual as equal, notStrictEqual as notEqual, deepStrictEqual as deepEqual, notDeepStrictEqual as notDeepEqual } from "node:assert";
export default strict;
