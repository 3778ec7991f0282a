// Owns TransformStream and the transforms built on it: TextEncoderStream, TextDecoderStream, IdentityTransformStream and FixedLengthStream
// (Streams standard, section 6; Encoding standard, section 7). Must not compress: CompressionStream is a later matter.

class TransformState {}

internal(TransformState, { readable: null, writable: null, controller: null, backpressure: undefined, backpressureChange: null });

class TransformController {
  constructor(stream, transform, flush, cancel) {
    this.stream = stream;
    this.transform = transform;
    this.flush = flush;
    this.cancel = cancel;
  }

  clear() {
    this.transform = resolvedUndefined;
    this.flush = resolvedUndefined;
    this.cancel = resolvedUndefined;
  }

  enqueue(chunk) {
    const stream = this.stream;
    const controller = stream.readable.controller;
    if (!controller.canCloseOrEnqueue()) throw new TypeError("The readable side takes no more chunks: it is closed or errored");
    try {
      controller.enqueue(chunk);
    } catch (error) {
      this.errorWritable(error);
      throw stream.readable.storedError;
    }
    const backpressure = !controller.shouldPull();
    if (backpressure !== stream.backpressure) setTransformBackpressure(stream, true);
  }

  error(error) {
    this.stream.readable.controller.error(error);
    this.errorWritable(error);
  }

  errorWritable(error) {
    this.clear();
    this.stream.writable.controller.errorIfNeeded(error);
    this.unblock();
  }

  unblock() {
    if (this.stream.backpressure) setTransformBackpressure(this.stream, false);
  }

  terminate() {
    this.stream.readable.controller.close();
    this.errorWritable(new TypeError("The transform was terminated"));
  }

  perform(chunk) {
    return promiseThen(this.transform(chunk), undefined, (error) => {
      this.error(error);
      throw error;
    });
  }

  // The sink -----------------------------------------------------------------------------------------------------------------------------

  sinkWrite(chunk) {
    const stream = this.stream;
    if (!stream.backpressure) return this.perform(chunk);
    return promiseThen(stream.backpressureChange.promise, () => {
      if (stream.writable.state === "erroring") throw stream.writable.storedError;
      return this.perform(chunk);
    });
  }

  sinkAbort(reason) {
    return this.finish(
      () => this.cancel(reason),
      () => {
        const readable = this.stream.readable;
        if (readable.state === "errored") return readable.storedError;
        readable.controller.error(reason);
        return NO_ERROR;
      },
      (error) => this.stream.readable.controller.error(error),
    );
  }

  sinkClose() {
    return this.finish(
      () => this.flush(),
      () => {
        const readable = this.stream.readable;
        if (readable.state === "errored") return readable.storedError;
        readable.controller.close();
        return NO_ERROR;
      },
      (error) => this.stream.readable.controller.error(error),
    );
  }

  // The source ---------------------------------------------------------------------------------------------------------------------------

  sourcePull() {
    setTransformBackpressure(this.stream, false);
    return this.stream.backpressureChange.promise;
  }

  sourceCancel(reason) {
    return this.finish(
      () => this.cancel(reason),
      () => {
        const writable = this.stream.writable;
        if (writable.state === "errored") return writable.storedError;
        writable.controller.errorIfNeeded(reason);
        this.unblock();
        return NO_ERROR;
      },
      (error) => {
        this.stream.writable.controller.errorIfNeeded(error);
        this.unblock();
      },
    );
  }

  finish(action, succeeded, failed) {
    if (this.finished !== null) return this.finished.promise;
    const finished = new Deferred();
    this.finished = finished;
    const result = action();
    this.clear();
    uponPromise(
      result,
      () => {
        const error = succeeded();
        if (error === NO_ERROR) finished.fulfil(undefined);
        else finished.fail(error);
      },
      (error) => {
        failed(error);
        finished.fail(error);
      },
    );
    return finished.promise;
  }
}

// `finished` settles when flush or cancel has run: there is only one end.
internal(TransformController, { finished: null });

const NO_ERROR = ObjectFreeze({});

function setTransformBackpressure(stream, backpressure) {
  if (stream.backpressureChange !== null) stream.backpressureChange.fulfil(undefined);
  stream.backpressureChange = new Deferred();
  stream.backpressure = backpressure;
}

function setUpTransform(controller, started, writableMark = 1, writableSize = undefined, readableMark = 0, readableSize = undefined) {
  const stream = controller.stream;
  stream.controller = controller;
  stream.writable = createWritable(
    () => started,
    (chunk) => controller.sinkWrite(chunk),
    () => controller.sinkClose(),
    (reason) => controller.sinkAbort(reason),
    writableMark,
    writableSize,
  );
  stream.readable = createReadable(
    () => started,
    () => controller.sourcePull(),
    (reason) => controller.sourceCancel(reason),
    readableMark,
    readableSize,
  );
  setTransformBackpressure(stream, true);
}

// A transform of the runtime's own: `transform(chunk, controller)` and `flush(controller)` may throw.
function createTransform(transform, flush) {
  const stream = new TransformState();
  const attempt = (action) => {
    try {
      action();
      return promiseResolvedWith(undefined);
    } catch (error) {
      return promiseRejectedWith(error);
    }
  };
  const controller = new TransformController(
    stream,
    (chunk) => attempt(() => transform(chunk, controller)),
    () => attempt(() => flush(controller)),
    resolvedUndefined,
  );
  setUpTransform(controller, promiseResolvedWith(undefined));
  return stream;
}

class TransformStream {
  #s;

  constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
    if (transformer === null || (transformer !== undefined && !isObject(transformer))) {
      throw new TypeError("TransformStream: the transformer is not an object");
    }
    const object = transformer === undefined ? NO_MEMBERS : transformer;
    if (object.readableType !== undefined) throw new RangeError("TransformStream: readableType must be undefined");
    if (object.writableType !== undefined) throw new RangeError("TransformStream: writableType must be undefined");
    const writableQueuing = toDictionary(writableStrategy, "TransformStream: the writable strategy");
    const readableQueuing = toDictionary(readableStrategy, "TransformStream: the readable strategy");
    const readableMark = extractHighWaterMark(readableQueuing, 0);
    const readableSize = extractSize(readableQueuing);
    const writableMark = extractHighWaterMark(writableQueuing, 1);
    const writableSize = extractSize(writableQueuing);
    const cancel = promiseMethod(object, "cancel", "transformer");
    const flush = promiseMethod(object, "flush", "transformer");
    const start = toCallback(object.start, "transformer.start");
    const transform = promiseMethod(object, "transform", "transformer");
    const stream = new TransformState();
    const passThrough = (chunk) => {
      try {
        controller.enqueue(chunk);
        return promiseResolvedWith(undefined);
      } catch (error) {
        return promiseRejectedWith(error);
      }
    };
    const controller = new TransformController(stream, passThrough, resolvedUndefined, resolvedUndefined);
    const face = new TransformStreamDefaultController(controller);
    if (transform !== undefined) controller.transform = (chunk) => transform([chunk, face]);
    if (flush !== undefined) controller.flush = () => flush([face]);
    if (cancel !== undefined) controller.cancel = (reason) => cancel([reason]);
    const started = new Deferred();
    setUpTransform(controller, started.promise, writableMark, writableSize, readableMark, readableSize);
    this.#s = stream;
    started.fulfil(start === undefined ? undefined : ReflectApply(start, object, [face]));
  }

  get readable() {
    return readableFace(this.#s.readable);
  }

  get writable() {
    return writableFace(this.#s.writable);
  }
}

class TransformStreamDefaultController {
  #c;

  constructor(controller) {
    if (!(controller instanceof TransformController)) throw new TypeError("Illegal constructor");
    this.#c = controller;
  }

  get desiredSize() {
    return this.#c.stream.readable.controller.desiredSize();
  }

  enqueue(chunk = undefined) {
    this.#c.enqueue(chunk);
  }

  error(reason = undefined) {
    this.#c.error(reason);
  }

  terminate() {
    this.#c.terminate();
  }
}

// Text -----------------------------------------------------------------------------------------------------------------------------------

class TextEncoderStream {
  #s;

  constructor() {
    // A lead surrogate at the end of a chunk waits for its partner.
    let lead = "";
    this.#s = createTransform(
      (chunk, controller) => {
        let text = `${lead}${chunk}`;
        lead = "";
        const last = text.charCodeAt(text.length - 1);
        if (last >= 0xd800 && last <= 0xdbff) {
          lead = text[text.length - 1];
          text = text.slice(0, -1);
        }
        if (text !== "") controller.enqueue(host.utf8Encode(text));
      },
      (controller) => {
        if (lead !== "") controller.enqueue(host.utf8Encode("\ufffd"));
      },
    );
  }

  get encoding() {
    void this.#s;
    return "utf-8";
  }
  get readable() {
    return readableFace(this.#s.readable);
  }
  get writable() {
    return writableFace(this.#s.writable);
  }
}

class TextDecoderStream {
  #s;
  #decoder;

  constructor(label = "utf-8", options = undefined) {
    const decoder = new TextDecoder(label, options);
    this.#decoder = decoder;
    const pieces = makeDecoder(decoder.encoding, decoder.fatal, decoder.ignoreBOM);
    this.#s = createTransform(
      (chunk, controller) => {
        const text = pieces.decode(bytesView(chunk, "TextDecoderStream: a chunk"), true);
        if (text !== "") controller.enqueue(text);
      },
      (controller) => {
        const text = pieces.decode(new U8(0), false);
        if (text !== "") controller.enqueue(text);
      },
    );
  }

  get encoding() {
    return this.#decoder.encoding;
  }
  get fatal() {
    return this.#decoder.fatal;
  }
  get ignoreBOM() {
    return this.#decoder.ignoreBOM;
  }
  get readable() {
    return readableFace(this.#s.readable);
  }
  get writable() {
    return writableFace(this.#s.writable);
  }
}

defineInterface(TransformStream);
defineInterface(TransformStreamDefaultController);
defineInterface(TextEncoderStream);
defineInterface(TextDecoderStream);
