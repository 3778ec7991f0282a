// Owns bodies (Fetch standard, sections 2.2.4 and 5.3): what a BodyInit becomes, reading one to its end, cloning, and the members that Request and
// Response share. Must not know requests or responses.
//
// A body has one source: text, bytes or an Inbound. A stream is made over it only when somebody asks for `.body`; until then nothing of the
// streams machinery runs.

class BodyState {}

internal(BodyState, {
  text: null,
  bytes: null,
  inbound: null,
  stream: null,
  // Consumed without a stream ever having been made.
  used: false,
  // The Content-Type a BodyInit brings, or null.
  type: null,
  // `bytes` is handed out to nobody else, so a consumer may have it as it is.
  owned: false,
});

function textBody(text) {
  const body = new BodyState();
  body.text = text;
  return body;
}

function bytesBody(bytes, owned) {
  const body = new BodyState();
  body.bytes = bytes;
  body.owned = owned;
  return body;
}

function inboundBody(inbound) {
  const body = new BodyState();
  body.inbound = inbound;
  return body;
}

function streamBody(stream) {
  const body = new BodyState();
  body.stream = stream;
  return body;
}

// "Extract a body"; `init` is neither null nor undefined.
function extractBody(init) {
  let body;
  if (typeof init === "string") {
    body = textBody(stringToWellFormed(init));
    body.type = "text/plain;charset=UTF-8";
  } else if (!isObject(init)) {
    body = textBody(toUSVString(init));
    body.type = "text/plain;charset=UTF-8";
  } else if (isReadableStream(init)) {
    const stream = readableState(init);
    if (stream.disturbed) throw new TypeError("This ReadableStream is disturbed (has already been read from), and cannot be used as a body.");
    if (stream.reader !== null) throw new TypeError("This ReadableStream is currently locked to a reader, and cannot be used as a body.");
    body = streamBody(stream);
  } else if (isBufferSource(init)) {
    body = bytesBody(bytesCopy(bytesView(init)), true);
  } else if (isBlob(init)) {
    const blob = blobState(init);
    body = bytesBody(blob.bytes, false);
    if (blob.type !== "") body.type = blob.type;
  } else if (isFormData(init)) {
    const { bytes, boundary } = serializeMultipart(init);
    body = bytesBody(bytes, true);
    body.type = `multipart/form-data; boundary=${boundary}`;
  } else if (isSearchParams(init)) {
    body = textBody(formSerialize(paramsState(init).pairs));
    body.type = "application/x-www-form-urlencoded;charset=UTF-8";
  } else {
    body = textBody(toUSVString(init));
    body.type = "text/plain;charset=UTF-8";
  }
  return body;
}

const bodyUsed = (body) => body !== null && (body.used || (body.stream !== null && body.stream.disturbed));

const bodyUnusable = (body) => body !== null && (body.used || (body.stream !== null && (body.stream.disturbed || body.stream.reader !== null)));

const USED_MESSAGE = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";

// The stream behind `.body`.
function bodyStream(body) {
  if (body.stream !== null) return body.stream;
  let stream;
  if (body.used) {
    stream = createReadableBytes(resolvedUndefined, resolvedUndefined);
    stream.controller.close();
    stream.disturbed = true;
    acquireReader(stream);
  } else if (body.inbound !== null) {
    stream = body.inbound.toStream();
  } else {
    stream = streamOfBytes(sourceBytes(body, true));
  }
  if (!body.used) {
    // What the stream was made from, for a consumer who finds it untouched.
    const origin = new BodyState();
    origin.text = body.text;
    origin.bytes = body.bytes;
    origin.inbound = body.inbound;
    stream.origin = origin;
  }
  body.stream = stream;
  return stream;
}

// The bytes of a text or bytes source; `own` when the caller will let them out of its hands.
function sourceBytes(body, own) {
  if (body.text !== null) return host.utf8Encode(body.text);
  return own && !body.owned ? bytesCopy(body.bytes) : body.bytes;
}

// Takes a usable body out of the hands of its owner: a BodyState with a source (text, bytes or inbound), or with a stream that must be read.
function takeBody(body) {
  const stream = body.stream;
  if (stream === null) {
    body.used = true;
    return body;
  }
  const origin = stream.origin;
  if (origin === null || stream.disturbed) return body;
  acquireReader(stream);
  stream.disturbed = true;
  return origin;
}

// All of a usable body as bytes.
function consumeBytes(body) {
  const source = takeBody(body);
  if (source.inbound !== null) return source.inbound.readAll();
  if (source.text !== null || source.bytes !== null) return promiseResolvedWith(sourceBytes(source, true));
  return readAllBytes(source.stream);
}

// Reads a stream to its end without promises between the chunks: what a tenant puts on Object.prototype ("then") stays out of it.
class WholeBody {
  constructor(stream) {
    const { promise, resolve, reject } = promiseWithResolvers();
    this.stream = stream;
    this.reader = acquireReader(stream);
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
    this.chunks = [];
    this.total = 0;
    this.reading = false;
    this.ready = false;
  }

  // A chunk that is there at once comes before read() returns: then it is the loop that goes on, not a call inside a call.
  read() {
    if (this.reading) {
      this.ready = true;
      return;
    }
    this.reading = true;
    do {
      this.ready = false;
      readerRead(this.reader, this);
    } while (this.ready);
    this.reading = false;
  }

  chunk(value) {
    if (!isObject(value) || !bufferIsView(value) || typedArrayTag(value) !== "Uint8Array") {
      const error = new TypeError("The body's stream gave something that is not a Uint8Array");
      this.reject(error);
      markHandled(readableCancel(this.stream, error));
      return;
    }
    // Its owner may write to it before we are done.
    this.chunks[this.chunks.length] = bytesCopy(value);
    this.total += typedArrayByteLength(value);
    this.read();
  }

  close() {
    this.resolve(concatBytes(this.chunks, this.total));
  }

  error(reason) {
    this.reject(reason);
  }
}
internal(WholeBody);

function readAllBytes(stream) {
  const whole = new WholeBody(stream);
  whole.read();
  return whole.promise;
}

// All of a usable body as text; nothing is encoded when it was text.
function consumeText(body) {
  const source = takeBody(body);
  if (source.text !== null) return promiseResolvedWith(source.text.charCodeAt(0) === 0xfeff ? source.text.slice(1) : source.text);
  if (source.bytes !== null) return promiseResolvedWith(host.utf8Decode(source.bytes, false, false));
  const bytes = source.inbound !== null ? source.inbound.readAll() : readAllBytes(source.stream);
  return promiseThen(bytes, (all) => host.utf8Decode(all, false, false));
}

// "Clone a body": `body` stays usable and so is the result.
function cloneBody(body) {
  if (body.stream === null && body.inbound === null) {
    body.owned = false;
    const copy = new BodyState();
    copy.text = body.text;
    copy.bytes = body.bytes;
    return copy;
  }
  const branches = readableTee(bodyStream(body), true);
  body.stream = branches[0];
  body.inbound = null;
  body.text = null;
  body.bytes = null;
  return streamBody(branches[1]);
}

// Moves a usable body to a new owner; the old one counts as used.
function moveBody(body) {
  const source = takeBody(body);
  const moved = new BodyState();
  moved.text = source.text;
  moved.bytes = source.bytes;
  moved.owned = source.owned;
  moved.inbound = source.inbound;
  if (moved.text !== null || moved.bytes !== null || moved.inbound !== null) return moved;
  const proxy = createTransform(
    (chunk, controller) => controller.enqueue(chunk),
    () => {},
  );
  markHandled(readablePipeTo(source.stream, proxy.writable, { preventAbort: false, preventCancel: false, preventClose: false }));
  moved.stream = proxy.readable;
  return moved;
}

// Members of Request and Response --------------------------------------------------------------------------------------------------------

const EMPTY_TEXT = "";

// `stateOf(instance)` throws for a foreign receiver; a state has `body` (BodyState or null) and `headers`.
function defineBodyMembers(Class, stateOf) {
  const usable = (self) => {
    const body = stateOf(self).body;
    if (bodyUnusable(body)) throw new TypeError(USED_MESSAGE);
    return body;
  };
  const textOf = (self) => {
    const body = usable(self);
    return body === null ? promiseResolvedWith(EMPTY_TEXT) : consumeText(body);
  };
  const bytesOf = (self) => {
    const body = usable(self);
    return body === null ? promiseResolvedWith(new U8(0)) : consumeBytes(body);
  };
  const members = {
    get body() {
      const body = stateOf(this).body;
      return body === null ? null : readableFace(bodyStream(body));
    },
    get bodyUsed() {
      return bodyUsed(stateOf(this).body);
    },
    arrayBuffer() {
      try {
        return promiseThen(bytesOf(this), typedArrayBuffer1);
      } catch (error) {
        return promiseRejectedWith(error);
      }
    },
    bytes() {
      try {
        return bytesOf(this);
      } catch (error) {
        return promiseRejectedWith(error);
      }
    },
    text() {
      try {
        return textOf(this);
      } catch (error) {
        return promiseRejectedWith(error);
      }
    },
    json() {
      try {
        return promiseThen(textOf(this), parseJSON1);
      } catch (error) {
        return promiseRejectedWith(error);
      }
    },
    async blob() {
      const mime = mimeTypeOf(headerList(stateOf(this).headers));
      const bytes = await bytesOf(this);
      return new Blob(new BlobState(bytes, mime === null ? "" : serializeMimeType(mime)));
    },
    async formData() {
      const mime = mimeTypeOf(headerList(stateOf(this).headers));
      const bytes = await bytesOf(this);
      if (mime !== null && mime.essence === "multipart/form-data") {
        const boundary = listGet(mime.parameters, "boundary");
        if (boundary === null) throw new TypeError("The Content-Type header has no multipart boundary");
        return parseMultipart(bytes, boundary);
      }
      if (mime !== null && mime.essence === "application/x-www-form-urlencoded") {
        return parseUrlencodedForm(host.utf8Decode(bytes, false, false));
      }
      throw new TypeError("The Content-Type header is neither multipart/form-data nor application/x-www-form-urlencoded");
    },
  };
  const names = ObjectKeys(members);
  for (let i = 0; i < names.length; i++) {
    ObjectDefineProperty(Class.prototype, names[i], ObjectGetOwnPropertyDescriptor(members, names[i]));
  }
}

// A body's buffer holds its bytes and nothing else, or is copied.
function typedArrayBuffer1(bytes) {
  const buffer = typedArrayBuffer(bytes);
  return bufferByteLength(buffer) === bytes.length ? buffer : typedArrayBuffer(bytesCopy(bytes));
}

const parseJSON1 = (text) => JSONParse(text);
