// Owns ReadableStream and its default controller (Streams standard, sections 4.2, 4.5 and 4.9). Must not know bytes (streams-byte.js), readers
// (streams-reader.js), pipes (streams-pipe.js) or tees (streams-tee.js) beyond calling them.
//
// A stream is a state object; the tenant's ReadableStream is a face over it. The runtime's own streams (bodies) get a face only when a tenant
// asks for one.

class ReadableState {}

internal(ReadableState, {
  // "readable", "closed" or "errored".
  state: "readable",
  reader: null,
  storedError: undefined,
  disturbed: false,
  controller: null,
  face: null,
  // The body source it was made from, for a consumer who finds it untouched (body.js).
  origin: null,
  // The number of bytes it will give, where that is known (FixedLengthStream).
  expectedLength: null,
});

let readableState;
let isReadableStream;

class ReadableStream {
  #s;

  constructor(source = undefined, strategy = undefined) {
    if (source instanceof ReadableState) {
      this.#s = source;
      return;
    }
    const state = new ReadableState();
    state.face = this;
    this.#s = state;
    if (source === null || (source !== undefined && !isObject(source))) throw new TypeError("ReadableStream: the source is not an object");
    const underlying = source === undefined ? NO_MEMBERS : source;
    const queuing = toDictionary(strategy, "ReadableStream: the strategy");
    const type = underlying.type;
    if (type !== undefined) toEnum(type, ["bytes"], "ReadableStream: the source's type");
    if (type !== undefined) {
      if (queuing.size !== undefined) throw new RangeError("ReadableStream: a byte stream's strategy has no size function");
      setUpByteControllerFromSource(state, underlying, extractHighWaterMark(queuing, 0));
    } else {
      const size = extractSize(queuing);
      setUpDefaultControllerFromSource(state, underlying, extractHighWaterMark(queuing, 1), size);
    }
  }

  static {
    readableState = (stream) => stream.#s;
    isReadableStream = (value) => isObject(value) && #s in value;
  }

  static from(iterable) {
    requireArguments("ReadableStream.from", arguments.length, 1);
    return readableFace(readableFromIterable(iterable));
  }

  get locked() {
    return this.#s.reader !== null;
  }

  cancel(reason = undefined) {
    if (!isReadableStream(this)) return promiseRejectedWith(new TypeError("Illegal invocation"));
    const state = this.#s;
    if (state.reader !== null) return promiseRejectedWith(new TypeError("The stream is locked to a reader"));
    return readableCancel(state, reason);
  }

  getReader(options = undefined) {
    const state = this.#s;
    const mode = toDictionary(options, "ReadableStream.getReader: the options").mode;
    if (mode === undefined) return new ReadableStreamDefaultReader(acquireReader(state));
    toEnum(mode, ["byob"], "ReadableStream.getReader: the mode");
    return new ReadableStreamBYOBReader(acquireByobReader(state));
  }

  pipeThrough(transform, options = undefined) {
    const state = this.#s;
    requireArguments("ReadableStream.pipeThrough", arguments.length, 1);
    if (!isObject(transform)) throw new TypeError("ReadableStream.pipeThrough: the transform is not an object");
    const { readable } = transform;
    if (!isReadableStream(readable)) throw new TypeError("ReadableStream.pipeThrough: transform.readable is not a ReadableStream");
    const { writable } = transform;
    if (!isWritableStream(writable)) throw new TypeError("ReadableStream.pipeThrough: transform.writable is not a WritableStream");
    const settings = pipeOptions(options);
    if (state.reader !== null) throw new TypeError("The stream is locked to a reader");
    if (writableState(writable).writer !== null) throw new TypeError("The writable side is locked to a writer");
    markHandled(readablePipeTo(state, writableState(writable), settings));
    return readable;
  }

  pipeTo(destination, options = undefined) {
    try {
      const state = this.#s;
      requireArguments("ReadableStream.pipeTo", arguments.length, 1);
      if (!isWritableStream(destination)) throw new TypeError("ReadableStream.pipeTo: the destination is not a WritableStream");
      const settings = pipeOptions(options);
      if (state.reader !== null) throw new TypeError("The stream is locked to a reader");
      if (writableState(destination).writer !== null) throw new TypeError("The destination is locked to a writer");
      return readablePipeTo(state, writableState(destination), settings);
    } catch (error) {
      return promiseRejectedWith(error);
    }
  }

  tee() {
    const branches = readableTee(this.#s, false);
    return [readableFace(branches[0]), readableFace(branches[1])];
  }

  values(options = undefined) {
    const state = this.#s;
    const preventCancel = !!toDictionary(options, "ReadableStream.values: the options").preventCancel;
    return new ReadableStreamAsyncIterator(acquireReader(state), preventCancel);
  }
}

alias(ReadableStream, Symbol.asyncIterator, "values");

function readableFace(state) {
  if (state.face === null) state.face = new ReadableStream(state);
  return state.face;
}

// Stream operations ----------------------------------------------------------------------------------------------------------------------

function readableCancel(stream, reason) {
  stream.disturbed = true;
  if (stream.state === "closed") return promiseResolvedWith(undefined);
  if (stream.state === "errored") return promiseRejectedWith(stream.storedError);
  readableClose(stream);
  const reader = stream.reader;
  if (reader !== null && reader.byob) {
    const requests = reader.requests;
    reader.requests = new Fifo();
    while (requests.length > 0) requests.shift().close(undefined);
  }
  return promiseThen(stream.controller.cancelSteps(reason), noop);
}

function readableClose(stream) {
  stream.state = "closed";
  const reader = stream.reader;
  if (reader === null) return;
  reader.closed.fulfil(undefined);
  if (!reader.byob) {
    const requests = reader.requests;
    reader.requests = new Fifo();
    while (requests.length > 0) requests.shift().close();
  }
}

function readableError(stream, error) {
  stream.state = "errored";
  stream.storedError = error;
  const reader = stream.reader;
  if (reader === null) return;
  reader.closed.fail(error);
  failRequests(reader, error);
}

function failRequests(reader, error) {
  const requests = reader.requests;
  reader.requests = new Fifo();
  while (requests.length > 0) requests.shift().error(error);
}

const hasDefaultReader = (stream) => stream.reader !== null && !stream.reader.byob;
const hasByobReader = (stream) => stream.reader !== null && stream.reader.byob;
const pendingReads = (stream) => stream.reader.requests.length;

function fulfilRead(stream, chunk, done) {
  const request = stream.reader.requests.shift();
  if (done) request.close(chunk);
  else request.chunk(chunk);
}

// Default controller ---------------------------------------------------------------------------------------------------------------------

class DefaultController {
  constructor(stream, pull, cancel, highWaterMark, size) {
    this.stream = stream;
    this.queue = new SizedQueue();
    this.pull = pull;
    this.cancel = cancel;
    this.highWaterMark = highWaterMark;
    this.size = size;
  }

  cancelSteps(reason) {
    this.queue.reset();
    const result = this.cancel(reason);
    this.clear();
    return result;
  }

  pullSteps(request) {
    if (this.queue.length > 0) {
      const chunk = this.queue.dequeue();
      if (this.closeRequested && this.queue.length === 0) {
        this.clear();
        readableClose(this.stream);
      } else {
        this.pullIfNeeded();
      }
      request.chunk(chunk);
      return;
    }
    this.stream.reader.requests.push(request);
    this.pullIfNeeded();
  }

  releaseSteps() {}

  // Lets go of the source's functions, so that they can be collected.
  clear() {
    this.pull = resolvedUndefined;
    this.cancel = resolvedUndefined;
    this.size = undefined;
  }

  canCloseOrEnqueue() {
    return !this.closeRequested && this.stream.state === "readable";
  }

  desiredSize() {
    const state = this.stream.state;
    return state === "errored" ? null : state === "closed" ? 0 : this.highWaterMark - this.queue.total;
  }

  shouldPull() {
    if (!this.canCloseOrEnqueue() || !this.started) return false;
    if (hasDefaultReader(this.stream) && pendingReads(this.stream) > 0) return true;
    return this.desiredSize() > 0;
  }

  pullIfNeeded() {
    if (!this.shouldPull()) return;
    if (this.pulling) {
      this.pullAgain = true;
      return;
    }
    this.pulling = true;
    uponPromise(
      this.pull(),
      () => {
        this.pulling = false;
        if (this.pullAgain) {
          this.pullAgain = false;
          this.pullIfNeeded();
        }
      },
      (error) => this.error(error),
    );
  }

  close() {
    if (!this.canCloseOrEnqueue()) return;
    this.closeRequested = true;
    if (this.queue.length === 0) {
      this.clear();
      readableClose(this.stream);
    }
  }

  enqueue(chunk) {
    if (!this.canCloseOrEnqueue()) return;
    const stream = this.stream;
    if (hasDefaultReader(stream) && pendingReads(stream) > 0) {
      fulfilRead(stream, chunk, false);
    } else {
      try {
        this.queue.enqueue(chunk, this.size === undefined ? 1 : this.size(chunk));
      } catch (error) {
        this.error(error);
        throw error;
      }
    }
    this.pullIfNeeded();
  }

  error(error) {
    if (this.stream.state !== "readable") return;
    this.queue.reset();
    this.clear();
    readableError(this.stream, error);
  }
}

internal(DefaultController, { started: false, closeRequested: false, pulling: false, pullAgain: false });

function startController(controller, started) {
  uponPromise(
    started,
    () => {
      controller.started = true;
      controller.pullIfNeeded();
    },
    (error) => controller.error(error),
  );
}

// A stream of the runtime's own; `start` returns a promise or undefined.
function createReadable(start, pull, cancel, highWaterMark = 1, size = undefined) {
  const stream = new ReadableState();
  const controller = new DefaultController(stream, pull, cancel, highWaterMark, size);
  stream.controller = controller;
  startController(controller, promiseResolvedWith(start === null ? undefined : start(controller)));
  return stream;
}

function setUpDefaultControllerFromSource(stream, source, highWaterMark, size) {
  const start = toCallback(source.start, "source.start");
  const pull = promiseMethod(source, "pull", "source");
  const cancel = promiseMethod(source, "cancel", "source");
  const controller = new DefaultController(stream, resolvedUndefined, resolvedUndefined, highWaterMark, size);
  stream.controller = controller;
  if (cancel !== undefined) controller.cancel = (reason) => cancel([reason]);
  let result;
  if (start !== undefined || pull !== undefined) {
    const args = [new ReadableStreamDefaultController(controller)];
    if (pull !== undefined) controller.pull = () => pull(args);
    if (start !== undefined) result = ReflectApply(start, source, args);
  }
  startController(controller, promiseResolvedWith(result));
}

class ReadableStreamDefaultController {
  #c;

  constructor(controller) {
    if (!(controller instanceof DefaultController)) throw new TypeError("Illegal constructor");
    this.#c = controller;
  }

  get desiredSize() {
    return this.#c.desiredSize();
  }

  close() {
    const controller = this.#c;
    if (!controller.canCloseOrEnqueue()) throw new TypeError("The stream cannot be closed: it is closed or errored already");
    controller.close();
  }

  enqueue(chunk = undefined) {
    const controller = this.#c;
    if (!controller.canCloseOrEnqueue()) throw new TypeError("The stream takes no more chunks: it is closed or errored");
    controller.enqueue(chunk);
  }

  error(error = undefined) {
    this.#c.error(error);
  }
}

// ReadableStream.from --------------------------------------------------------------------------------------------------------------------

function readableFromIterable(iterable) {
  if (iterable === null || iterable === undefined) throw new TypeError("ReadableStream.from: the argument is not iterable");
  let method = iterable[Symbol.asyncIterator];
  if (method === undefined || method === null) method = iterable[Symbol.iterator];
  if (typeof method !== "function") throw new TypeError("ReadableStream.from: the argument is not iterable");
  const iterator = ReflectApply(method, iterable, []);
  if (!isObject(iterator)) throw new TypeError("ReadableStream.from: the iterator is not an object");
  const next = iterator.next;
  const stepOf = async () => {
    const step = await ReflectApply(next, iterator, []);
    if (!isObject(step)) throw new TypeError("ReadableStream.from: the iterator's result is not an object");
    return step;
  };
  const stream = createReadable(
    null,
    async () => {
      const step = await stepOf();
      if (step.done) stream.controller.close();
      else stream.controller.enqueue(await step.value);
    },
    async (reason) => {
      const back = iterator.return;
      if (back === undefined || back === null) return;
      const result = await ReflectApply(back, iterator, [reason]);
      if (!isObject(result)) throw new TypeError("ReadableStream.from: the iterator's return() gave no object");
    },
    0,
  );
  return stream;
}

defineInterface(ReadableStream);
defineInterface(ReadableStreamDefaultController);
