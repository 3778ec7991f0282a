// Owns Blob and File (File API). A blob's bytes are in memory, in one piece; slices share them. Must not hand out that memory: every read copies.

class BlobState {
  constructor(bytes, type) {
    this.bytes = bytes;
    this.type = type;
  }
}
internal(BlobState);

let blobState;
let isBlob;

const NOT_TYPE = regexp(/[^\x20-\x7e]/);

function normalizeBlobType(type) {
  const string = `${type}`;
  return NOT_TYPE.test(string) ? "" : string.toLowerCase();
}

const LINE_ENDINGS = regexp(/\r\n|\r|\n/g);

// A part that is neither a blob nor bytes is a string at once: a later part's getter may change it.
const toBlobPart = (part) => (isBlob(part) || isBufferSource(part) ? part : toUSVString(part));

function blobBytes(parts, endings) {
  const chunks = [];
  let total = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    let bytes;
    if (isBlob(part)) bytes = blobState(part).bytes;
    else if (isBufferSource(part)) bytes = bytesView(part);
    else {
      const text = toUSVString(part);
      bytes = host.utf8Encode(endings === "native" ? text.replace(LINE_ENDINGS, "\n") : text);
    }
    chunks[i] = bytes;
    total += typedArrayByteLength(bytes);
  }
  return copyBytes(chunks, total);
}

class Blob {
  #s;

  constructor(parts = undefined, options = undefined) {
    if (parts instanceof BlobState) {
      this.#s = parts;
      return;
    }
    let items = [];
    if (parts !== undefined) {
      const method = isObject(parts) ? parts[Symbol.iterator] : undefined;
      if (typeof method !== "function") throw new TypeError("Blob: the parts are not a sequence");
      items = iterateToArray(parts, method, toBlobPart);
    }
    const dictionary = toDictionary(options, "Blob: the options");
    const endings = dictionary.endings === undefined ? "transparent" : toEnum(dictionary.endings, ["transparent", "native"], "Blob: endings");
    const type = dictionary.type === undefined ? "" : normalizeBlobType(dictionary.type);
    this.#s = new BlobState(blobBytes(items, endings), type);
  }

  static {
    blobState = (blob) => blob.#s;
    isBlob = (value) => isObject(value) && #s in value;
  }

  get size() {
    return this.#s.bytes.length;
  }

  get type() {
    return this.#s.type;
  }

  slice(start = undefined, end = undefined, type = undefined) {
    const state = this.#s;
    const size = state.bytes.length;
    const from = relativeIndex(start, 0, size);
    const to = MathMax(relativeIndex(end, size, size), from);
    return new Blob(new BlobState(bytesSubarray(state.bytes, from, to), type === undefined ? "" : normalizeBlobType(type)));
  }

  stream() {
    return readableFace(streamOfBytes(bytesCopy(this.#s.bytes)));
  }

  async text() {
    return host.utf8Decode(this.#s.bytes, false, false);
  }

  async arrayBuffer() {
    return typedArrayBuffer(bytesCopy(this.#s.bytes));
  }

  async bytes() {
    return bytesCopy(this.#s.bytes);
  }
}

// What [Clamp] does with fractions.
function roundHalfEven(number) {
  const floor = MathFloor(number);
  const rest = number - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

// A [Clamp] index that counts from the end when negative.
function relativeIndex(value, fallback, size) {
  if (value === undefined) return fallback;
  const number = +value;
  if (NumberIsNaN(number)) return 0;
  const index = roundHalfEven(MathMax(MathMin(number, 9007199254740991), -9007199254740991));
  return index < 0 ? MathMax(size + index, 0) : MathMin(index, size);
}

// A byte stream over bytes that nobody else holds.
function streamOfBytes(bytes) {
  const length = typedArrayByteLength(bytes);
  let at = 0;
  const stream = createReadableBytes(() => {
    const controller = stream.controller;
    if (at < length) {
      const end = MathMin(at + STREAM_PIECE, length);
      // The first enqueue takes the buffer from us, so pieces of a large one are copies.
      controller.enqueue(at === 0 && end === length ? bytes : bytesCopy(bytesSubarray(bytes, at, end)));
      at = end;
    }
    if (at >= length) {
      controller.close();
      if (controller.pending.length > 0) controller.respond(0);
    }
    return promiseResolvedWith(undefined);
  }, resolvedUndefined);
  return stream;
}
const STREAM_PIECE = 65536;

class File extends Blob {
  #name;
  #lastModified;

  constructor(parts, name, options = undefined) {
    requireArguments("File constructor", arguments.length, 2);
    super(parts, options);
    this.#name = toUSVString(name);
    const modified = toDictionary(options, "File: the options").lastModified;
    this.#lastModified = modified === undefined ? wallClock() : MathTrunc(+modified) || 0;
  }

  get name() {
    return this.#name;
  }

  get lastModified() {
    return this.#lastModified;
  }
}

defineInterface(Blob);
defineInterface(File);
