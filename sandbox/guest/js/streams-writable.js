// Owns WritableStream, its controller and its writer (Streams standard, section 5). Must not read from anything.

const CLOSE_SENTINEL = ObjectFreeze({});

class WritableState {
  constructor() {
    this.writeRequests = new Fifo();
  }
}

internal(WritableState, {
  // "writable", "closed", "erroring" or "errored".
  state: "writable",
  storedError: undefined,
  writer: null,
  controller: null,
  inFlightWrite: null,
  inFlightClose: null,
  closeRequest: null,
  // {deferred, reason, wasErroring} while an abort waits for what is under way.
  pendingAbort: null,
  backpressure: false,
  face: null,
});

let writableState;
let isWritableStream;

class WritableStream {
  #s;

  constructor(sink = undefined, strategy = undefined) {
    if (sink instanceof WritableState) {
      this.#s = sink;
      return;
    }
    if (sink === null || (sink !== undefined && !isObject(sink))) throw new TypeError("WritableStream: the sink is not an object");
    const underlying = sink === undefined ? NO_MEMBERS : sink;
    const queuing = toDictionary(strategy, "WritableStream: the strategy");
    if (underlying.type !== undefined) throw new RangeError("WritableStream: the sink's type must be undefined");
    const size = extractSize(queuing);
    const stream = new WritableState();
    stream.face = this;
    this.#s = stream;
    setUpWritableFromSink(stream, underlying, extractHighWaterMark(queuing, 1), size);
  }

  static {
    writableState = (stream) => stream.#s;
    isWritableStream = (value) => isObject(value) && #s in value;
  }

  get locked() {
    return this.#s.writer !== null;
  }

  abort(reason = undefined) {
    if (!(isObject(this) && #s in this)) return badReceiver();
    if (this.#s.writer !== null) return promiseRejectedWith(new TypeError("The stream is locked to a writer"));
    return writableAbort(this.#s, reason);
  }

  close() {
    if (!(isObject(this) && #s in this)) return badReceiver();
    const stream = this.#s;
    if (stream.writer !== null) return promiseRejectedWith(new TypeError("The stream is locked to a writer"));
    if (closeQueuedOrInFlight(stream)) return promiseRejectedWith(new TypeError("The stream is being closed already"));
    return writableClose(stream);
  }

  getWriter() {
    return new WritableStreamDefaultWriter(acquireWriter(this.#s));
  }
}

function writableFace(state) {
  if (state.face === null) state.face = new WritableStream(state);
  return state.face;
}

// Stream operations ----------------------------------------------------------------------------------------------------------------------

const closeQueuedOrInFlight = (stream) => stream.closeRequest !== null || stream.inFlightClose !== null;

function writableAbort(stream, reason) {
  if (stream.state === "closed" || stream.state === "errored") return promiseResolvedWith(undefined);
  signalAbort(stream.controller.signal(), reason);
  if (stream.state === "closed" || stream.state === "errored") return promiseResolvedWith(undefined);
  if (stream.pendingAbort !== null) return stream.pendingAbort.deferred.promise;
  const wasErroring = stream.state === "erroring";
  const deferred = new Deferred();
  stream.pendingAbort = { deferred, reason: wasErroring ? undefined : reason, wasErroring };
  if (!wasErroring) startErroring(stream, reason);
  return deferred.promise;
}

function writableClose(stream) {
  if (stream.state === "closed" || stream.state === "errored") {
    return promiseRejectedWith(new TypeError(`The stream is ${stream.state}: it cannot be closed`));
  }
  const deferred = new Deferred();
  stream.closeRequest = deferred;
  const writer = stream.writer;
  if (writer !== null && stream.backpressure && stream.state === "writable") writer.ready.fulfil(undefined);
  stream.controller.close();
  return deferred.promise;
}

function startErroring(stream, reason) {
  stream.state = "erroring";
  stream.storedError = reason;
  if (stream.writer !== null) rejectReady(stream.writer, reason);
  if (stream.inFlightWrite === null && stream.inFlightClose === null && stream.controller.started) finishErroring(stream);
}

function finishErroring(stream) {
  stream.state = "errored";
  stream.controller.queue.reset();
  const error = stream.storedError;
  while (stream.writeRequests.length > 0) stream.writeRequests.shift().failLoudly(error);
  const abort = stream.pendingAbort;
  if (abort === null) {
    rejectCloseAndClosed(stream);
    return;
  }
  stream.pendingAbort = null;
  if (abort.wasErroring) {
    abort.deferred.failLoudly(error);
    rejectCloseAndClosed(stream);
    return;
  }
  uponPromise(
    stream.controller.abortSteps(abort.reason),
    () => {
      abort.deferred.fulfil(undefined);
      rejectCloseAndClosed(stream);
    },
    (reason) => {
      abort.deferred.failLoudly(reason);
      rejectCloseAndClosed(stream);
    },
  );
}

function rejectCloseAndClosed(stream) {
  if (stream.closeRequest !== null) {
    stream.closeRequest.failLoudly(stream.storedError);
    stream.closeRequest = null;
  }
  if (stream.writer !== null) stream.writer.closed.fail(stream.storedError);
}

function dealWithRejection(stream, error) {
  if (stream.state === "writable") startErroring(stream, error);
  else finishErroring(stream);
}

function finishInFlightWrite(stream, failed, error) {
  const request = stream.inFlightWrite;
  stream.inFlightWrite = null;
  if (failed) {
    request.failLoudly(error);
    dealWithRejection(stream, error);
  } else {
    request.fulfil(undefined);
  }
}

function finishInFlightClose(stream) {
  stream.inFlightClose.fulfil(undefined);
  stream.inFlightClose = null;
  if (stream.state === "erroring") {
    stream.storedError = undefined;
    if (stream.pendingAbort !== null) {
      stream.pendingAbort.deferred.fulfil(undefined);
      stream.pendingAbort = null;
    }
  }
  stream.state = "closed";
  if (stream.writer !== null) stream.writer.closed.fulfil(undefined);
}

function finishInFlightCloseWithError(stream, error) {
  stream.inFlightClose.failLoudly(error);
  stream.inFlightClose = null;
  if (stream.pendingAbort !== null) {
    stream.pendingAbort.deferred.failLoudly(error);
    stream.pendingAbort = null;
  }
  dealWithRejection(stream, error);
}

function updateBackpressure(stream, backpressure) {
  const writer = stream.writer;
  if (writer !== null && backpressure !== stream.backpressure) {
    if (backpressure) writer.ready = new Deferred();
    else writer.ready.fulfil(undefined);
  }
  stream.backpressure = backpressure;
}

// Controller -----------------------------------------------------------------------------------------------------------------------------

class WritableController {
  constructor(stream, write, close, abort, highWaterMark, size) {
    this.stream = stream;
    this.queue = new SizedQueue();
    this.write = write;
    this.closeSink = close;
    this.abort = abort;
    this.highWaterMark = highWaterMark;
    this.size = size;
  }

  signal() {
    if (this.abortSignal === null) this.abortSignal = newSignal();
    return this.abortSignal;
  }

  clear() {
    this.write = resolvedUndefined;
    this.closeSink = resolvedUndefined;
    this.abort = resolvedUndefined;
    this.size = undefined;
  }

  abortSteps(reason) {
    const result = this.abort(reason);
    this.clear();
    return result;
  }

  desiredSize() {
    return this.highWaterMark - this.queue.total;
  }

  chunkSize(chunk) {
    if (this.size === undefined) return 1;
    try {
      return this.size(chunk);
    } catch (error) {
      this.errorIfNeeded(error);
      return 1;
    }
  }

  enqueue(chunk, size) {
    try {
      this.queue.enqueue(chunk, size);
    } catch (error) {
      this.errorIfNeeded(error);
      return;
    }
    const stream = this.stream;
    if (!closeQueuedOrInFlight(stream) && stream.state === "writable") updateBackpressure(stream, this.desiredSize() <= 0);
    this.advance();
  }

  close() {
    this.queue.enqueue(CLOSE_SENTINEL, 0);
    this.advance();
  }

  errorIfNeeded(error) {
    if (this.stream.state !== "writable") return;
    this.clear();
    startErroring(this.stream, error);
  }

  advance() {
    const stream = this.stream;
    if (!this.started || stream.inFlightWrite !== null) return;
    if (stream.state === "erroring") {
      finishErroring(stream);
      return;
    }
    if (this.queue.length === 0) return;
    const chunk = this.queue.peek();
    if (chunk === CLOSE_SENTINEL) this.processClose();
    else this.processWrite(chunk);
  }

  processClose() {
    const stream = this.stream;
    stream.inFlightClose = stream.closeRequest;
    stream.closeRequest = null;
    this.queue.dequeue();
    const closed = this.closeSink();
    this.clear();
    uponPromise(
      closed,
      () => finishInFlightClose(stream),
      (error) => finishInFlightCloseWithError(stream, error),
    );
  }

  processWrite(chunk) {
    const stream = this.stream;
    stream.inFlightWrite = stream.writeRequests.shift();
    uponPromise(
      this.write(chunk),
      () => {
        finishInFlightWrite(stream, false);
        const state = stream.state;
        this.queue.dequeue();
        if (!closeQueuedOrInFlight(stream) && state === "writable") updateBackpressure(stream, this.desiredSize() <= 0);
        this.advance();
      },
      (error) => {
        if (stream.state === "writable") this.clear();
        finishInFlightWrite(stream, true, error);
      },
    );
  }
}

internal(WritableController, { started: false, abortSignal: null });

function startWritable(controller, started) {
  const stream = controller.stream;
  updateBackpressure(stream, controller.desiredSize() <= 0);
  uponPromise(
    started,
    () => {
      controller.started = true;
      controller.advance();
    },
    (error) => {
      controller.started = true;
      dealWithRejection(stream, error);
    },
  );
}

function createWritable(start, write, close, abort, highWaterMark = 1, size = undefined) {
  const stream = new WritableState();
  const controller = new WritableController(stream, write, close, abort, highWaterMark, size);
  stream.controller = controller;
  startWritable(controller, promiseResolvedWith(start === null ? undefined : start()));
  return stream;
}

function setUpWritableFromSink(stream, sink, highWaterMark, size) {
  const abort = promiseMethod(sink, "abort", "sink");
  const close = promiseMethod(sink, "close", "sink");
  const start = toCallback(sink.start, "sink.start");
  const write = promiseMethod(sink, "write", "sink");
  const controller = new WritableController(stream, resolvedUndefined, resolvedUndefined, resolvedUndefined, highWaterMark, size);
  const face = new WritableStreamDefaultController(controller);
  stream.controller = controller;
  if (write !== undefined) controller.write = (chunk) => write([chunk, face]);
  if (close !== undefined) controller.closeSink = () => close([]);
  if (abort !== undefined) controller.abort = (reason) => abort([reason]);
  const result = start === undefined ? undefined : ReflectApply(start, sink, [face]);
  startWritable(controller, promiseResolvedWith(result));
}

class WritableStreamDefaultController {
  #c;

  constructor(controller) {
    if (!(controller instanceof WritableController)) throw new TypeError("Illegal constructor");
    this.#c = controller;
  }

  get signal() {
    return this.#c.signal();
  }

  error(error = undefined) {
    this.#c.errorIfNeeded(error);
  }
}

// Writer ---------------------------------------------------------------------------------------------------------------------------------

class WriterState {
  constructor(stream) {
    this.stream = stream;
    stream.writer = this;
    const state = stream.state;
    if (state === "writable") {
      this.ready = !closeQueuedOrInFlight(stream) && stream.backpressure ? new Deferred() : Deferred.fulfilled(undefined);
      this.closed = new Deferred();
    } else if (state === "erroring") {
      this.ready = Deferred.failed(stream.storedError);
      this.closed = new Deferred();
    } else if (state === "closed") {
      this.ready = Deferred.fulfilled(undefined);
      this.closed = Deferred.fulfilled(undefined);
    } else {
      this.ready = Deferred.failed(stream.storedError);
      this.closed = Deferred.failed(stream.storedError);
    }
  }
}
internal(WriterState);

function acquireWriter(stream) {
  if (stream.writer !== null) throw new TypeError("The stream is locked to a writer already");
  return new WriterState(stream);
}

function rejectReady(writer, error) {
  if (writer.ready.pending) writer.ready.fail(error);
  else writer.ready = Deferred.failed(error);
}

function writerWrite(writer, chunk) {
  const stream = writer.stream;
  const controller = stream.controller;
  const size = controller.chunkSize(chunk);
  if (stream !== writer.stream) return promiseRejectedWith(new TypeError("The writer was released"));
  if (stream.state === "errored") return promiseRejectedWith(stream.storedError);
  if (closeQueuedOrInFlight(stream) || stream.state === "closed") {
    return promiseRejectedWith(new TypeError("The stream is closed or being closed: it cannot be written to"));
  }
  if (stream.state === "erroring") return promiseRejectedWith(stream.storedError);
  const deferred = new Deferred();
  stream.writeRequests.push(deferred);
  controller.enqueue(chunk, size);
  return deferred.promise;
}

function writerCloseWithErrorPropagation(writer) {
  const stream = writer.stream;
  if (closeQueuedOrInFlight(stream) || stream.state === "closed") return promiseResolvedWith(undefined);
  if (stream.state === "errored") return promiseRejectedWith(stream.storedError);
  return writableClose(stream);
}

function releaseWriter(writer) {
  const stream = writer.stream;
  const error = new TypeError("The writer was released");
  rejectReady(writer, error);
  if (writer.closed.pending) writer.closed.fail(error);
  else writer.closed = Deferred.failed(error);
  stream.writer = null;
  writer.stream = null;
}

class WritableStreamDefaultWriter {
  #w;

  constructor(stream) {
    if (stream instanceof WriterState) {
      this.#w = stream;
      return;
    }
    requireArguments("WritableStreamDefaultWriter constructor", arguments.length, 1);
    if (!isWritableStream(stream)) throw new TypeError("WritableStreamDefaultWriter: the argument is not a WritableStream");
    this.#w = acquireWriter(writableState(stream));
  }

  get closed() {
    return isObject(this) && #w in this ? this.#w.closed.promise : badReceiver();
  }

  get ready() {
    return isObject(this) && #w in this ? this.#w.ready.promise : badReceiver();
  }

  get desiredSize() {
    const stream = this.#w.stream;
    if (stream === null) throw new TypeError("The writer has been released");
    if (stream.state === "errored" || stream.state === "erroring") return null;
    return stream.state === "closed" ? 0 : stream.controller.desiredSize();
  }

  abort(reason = undefined) {
    if (!(isObject(this) && #w in this)) return badReceiver();
    const stream = this.#w.stream;
    return stream === null ? released() : writableAbort(stream, reason);
  }

  close() {
    if (!(isObject(this) && #w in this)) return badReceiver();
    const stream = this.#w.stream;
    if (stream === null) return released();
    if (closeQueuedOrInFlight(stream)) return promiseRejectedWith(new TypeError("The stream is being closed already"));
    return writableClose(stream);
  }

  releaseLock() {
    if (this.#w.stream !== null) releaseWriter(this.#w);
  }

  write(chunk = undefined) {
    if (!(isObject(this) && #w in this)) return badReceiver();
    return this.#w.stream === null ? released() : writerWrite(this.#w, chunk);
  }
}

defineInterface(WritableStream);
defineInterface(WritableStreamDefaultController);
defineInterface(WritableStreamDefaultWriter);
