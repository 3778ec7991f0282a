// Owns CompressionStream and DecompressionStream (Compression standard): a readable and a writable side with the host's codec between them. Must not
// take more out of the codec than is read: what a small input decompresses to may be a thousand times as long.

const COMPRESSION_FORMATS = ["deflate", "deflate-raw", "gzip"];
let nextCodec = 1;

class CodecState {
  constructor(operation, format) {
    this.operation = operation;
    this.format = format;
    this.id = nextCodec++;
    this.readable = createReadable(null, () => this.pull(), (reason) => this.cancel(reason), 0);
    this.writable = createWritable(
      null,
      (chunk) => this.write(chunk),
      () => this.run(new U8(0), true),
      (reason) => this.abort(reason),
    );
  }

  write(chunk) {
    let bytes;
    try {
      if (!isBufferSource(chunk)) throw new TypeError("This stream takes ArrayBuffers and views of them");
      bytes = bytesCopy(bytesView(chunk));
    } catch (error) {
      this.readable.controller.error(error);
      return promiseRejectedWith(error);
    }
    return this.run(bytes, false);
  }

  // Feeds the codec and gives a promise for the moment when all that came of it has been queued.
  run(bytes, last) {
    const done = new Deferred();
    this.ask(bytes, last, done);
    return done.promise;
  }

  ask(bytes, last, done) {
    const failed = (error) => {
      this.readable.controller.error(error);
      done.fail(error);
    };
    const parameters = { __proto__: null, format: this.format, id: this.id, last };
    try {
      askCrypto(
        this.operation,
        parameters,
        [bytes],
        (text, output) => {
          // It was cancelled meanwhile.
          if (this.readable.state !== "readable") {
            done.fulfil(undefined);
            return;
          }
          if (typedArrayLength(output) > 0) this.readable.controller.enqueue(output);
          if (text === "more") {
            const next = () => this.ask(new U8(0), last, done);
            if (hasDefaultReader(this.readable) && pendingReads(this.readable) > 0) {
              next();
            } else {
              this.next = next;
              this.waiting = done;
            }
            return;
          }
          if (last) this.readable.controller.close();
          done.fulfil(undefined);
        },
        failed,
      );
    } catch (error) {
      failed(error);
    }
  }

  pull() {
    const { next } = this;
    if (next !== null) {
      this.next = null;
      this.waiting = null;
      next();
    }
    return promiseResolvedWith(undefined);
  }

  cancel(reason) {
    this.writable.controller.errorIfNeeded(reason);
    this.discard();
    return promiseResolvedWith(undefined);
  }

  abort(reason) {
    this.readable.controller.error(reason);
    this.discard();
    return promiseResolvedWith(undefined);
  }

  // What waits for a reader waits no longer.
  discard() {
    this.next = null;
    if (this.waiting !== null) this.waiting.fulfil(undefined);
    this.waiting = null;
    if (current !== null) askCrypto("discard", { __proto__: null, id: this.id }, [], noop, noop);
  }
}
internal(CodecState, { next: null, waiting: null });

class CompressionStream {
  #s;

  constructor(format) {
    requireArguments("CompressionStream constructor", arguments.length, 1);
    this.#s = new CodecState("compress", toEnum(format, COMPRESSION_FORMATS, "CompressionStream: the format"));
  }
  get readable() {
    return readableFace(this.#s.readable);
  }
  get writable() {
    return writableFace(this.#s.writable);
  }
}

class DecompressionStream {
  #s;

  constructor(format) {
    requireArguments("DecompressionStream constructor", arguments.length, 1);
    this.#s = new CodecState("decompress", toEnum(format, COMPRESSION_FORMATS, "DecompressionStream: the format"));
  }
  get readable() {
    return readableFace(this.#s.readable);
  }
  get writable() {
    return writableFace(this.#s.writable);
  }
}

defineInterface(CompressionStream);
defineInterface(DecompressionStream);
