// Owns IdentityTransformStream and FixedLengthStream, the byte pipes Workers adds to the standard's transforms. Must not queue: a write is done
// when a reader has taken its bytes.

class IdentityState {
  constructor(expected) {
    this.expected = expected;
    this.written = 0;
    this.readable = createReadableBytes(resolvedUndefined, (reason) => this.cancel(reason));
    this.readable.expectedLength = expected;
    this.readable.controller.drained = () => this.drained();
    this.writable = createWritable(
      null,
      (chunk) => this.write(chunk),
      () => this.close(),
      (reason) => this.abort(reason),
    );
    // Settles when a reader has taken the bytes of the write under way.
    this.taken = null;
  }

  drained() {
    if (this.taken === null) return;
    const taken = this.taken;
    this.taken = null;
    taken.fulfil(undefined);
  }

  write(chunk) {
    let bytes;
    try {
      if (!isBufferSource(chunk)) throw new TypeError("This stream carries bytes: write ArrayBuffers or views of them");
      bytes = bytesCopy(bytesView(chunk));
      this.written += bytes.length;
      if (this.expected !== null && this.written > this.expected) {
        throw new TypeError("Attempt to write too many bytes through a FixedLengthStream.");
      }
    } catch (error) {
      this.readable.controller.error(error);
      return promiseRejectedWith(error);
    }
    if (bytes.length === 0) return promiseResolvedWith(undefined);
    const controller = this.readable.controller;
    controller.enqueue(bytes);
    if (controller.total === 0) return promiseResolvedWith(undefined);
    this.taken = new Deferred();
    return this.taken.promise;
  }

  close() {
    if (this.expected !== null && this.written < this.expected) {
      const error = new TypeError("FixedLengthStream did not see all expected bytes before close().");
      this.readable.controller.error(error);
      return promiseRejectedWith(error);
    }
    const controller = this.readable.controller;
    controller.close();
    if (controller.pending.length > 0) controller.respond(0);
    return promiseResolvedWith(undefined);
  }

  abort(reason) {
    this.readable.controller.error(reason);
    return promiseResolvedWith(undefined);
  }

  cancel(reason) {
    this.writable.controller.errorIfNeeded(reason);
    this.drained();
    return promiseResolvedWith(undefined);
  }
}
internal(IdentityState);

class IdentityTransformStream {
  #s;

  constructor(expected = null) {
    this.#s = new IdentityState(expected instanceof FixedLength ? expected.bytes : null);
  }
  get readable() {
    return readableFace(this.#s.readable);
  }
  get writable() {
    return writableFace(this.#s.writable);
  }
}

class FixedLength {
  constructor(bytes) {
    this.bytes = bytes;
  }
}
internal(FixedLength);

class FixedLengthStream extends IdentityTransformStream {
  constructor(expectedLength) {
    requireArguments("FixedLengthStream constructor", arguments.length, 1);
    const bytes = typeof expectedLength === "bigint" ? Number(expectedLength) : expectedLength;
    super(new FixedLength(toUnsignedEnforced(bytes, "FixedLengthStream: the length")));
  }
}

defineInterface(IdentityTransformStream);
defineInterface(FixedLengthStream);
