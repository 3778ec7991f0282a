// Owns the readers of a ReadableStream: default, BYOB, and the asynchronous iterator (Streams standard, sections 4.3, 4.4 and 4.2.5). Must not
// know where chunks come from: it asks the stream's controller.
//
// A read request has chunk(value), close(value) and error(reason).

class ReaderState {
  constructor(stream, byob) {
    this.stream = stream;
    this.byob = byob;
    this.requests = new Fifo();
    if (stream.state === "readable") this.closed = new Deferred();
    else if (stream.state === "closed") this.closed = Deferred.fulfilled(undefined);
    else this.closed = Deferred.failed(stream.storedError);
    stream.reader = this;
  }
}
internal(ReaderState);

function acquireReader(stream) {
  if (stream.reader !== null) throw new TypeError("The stream is locked to a reader already");
  return new ReaderState(stream, false);
}

function acquireByobReader(stream) {
  if (stream.reader !== null) throw new TypeError("The stream is locked to a reader already");
  if (!(stream.controller instanceof ByteController)) throw new TypeError("Only a byte stream can be read with a BYOB reader");
  return new ReaderState(stream, true);
}

function releaseReader(reader) {
  const stream = reader.stream;
  const error = new TypeError("The reader was released");
  if (stream.state === "readable") {
    reader.closed.fail(error);
  } else {
    reader.closed = Deferred.failed(error);
  }
  stream.controller.releaseSteps();
  stream.reader = null;
  reader.stream = null;
  failRequests(reader, error);
}

function readerRead(reader, request) {
  const stream = reader.stream;
  stream.disturbed = true;
  if (stream.state === "closed") request.close();
  else if (stream.state === "errored") request.error(stream.storedError);
  else stream.controller.pullSteps(request);
}

// A read request that settles a promise of {value, done}.
class PromiseRequest {
  constructor() {
    const { promise, resolve, reject } = promiseWithResolvers();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
  }
  chunk(value) {
    this.resolve({ value, done: false });
  }
  close(value) {
    this.resolve({ value, done: true });
  }
  error(reason) {
    this.reject(reason);
  }
}
internal(PromiseRequest);

// The next chunk for the runtime itself: {value, done}.
function readNext(reader) {
  const request = new PromiseRequest();
  readerRead(reader, request);
  return request.promise;
}

const released = () => promiseRejectedWith(new TypeError("The reader has been released"));

function readerCancel(reader, reason) {
  return reader.stream === null ? released() : readableCancel(reader.stream, reason);
}

const badReceiver = () => promiseRejectedWith(new TypeError("Illegal invocation"));

class ReadableStreamDefaultReader {
  #r;

  constructor(stream) {
    if (stream instanceof ReaderState) {
      this.#r = stream;
      return;
    }
    requireArguments("ReadableStreamDefaultReader constructor", arguments.length, 1);
    if (!isReadableStream(stream)) throw new TypeError("ReadableStreamDefaultReader: the argument is not a ReadableStream");
    this.#r = acquireReader(readableState(stream));
  }

  get closed() {
    return isObject(this) && #r in this ? this.#r.closed.promise : badReceiver();
  }

  cancel(reason = undefined) {
    return isObject(this) && #r in this ? readerCancel(this.#r, reason) : badReceiver();
  }

  read() {
    if (!(isObject(this) && #r in this)) return badReceiver();
    const reader = this.#r;
    return reader.stream === null ? released() : readNext(reader);
  }

  releaseLock() {
    const reader = this.#r;
    if (reader.stream !== null) releaseReader(reader);
  }
}

class ReadableStreamBYOBReader {
  #r;

  constructor(stream) {
    if (stream instanceof ReaderState) {
      this.#r = stream;
      return;
    }
    requireArguments("ReadableStreamBYOBReader constructor", arguments.length, 1);
    if (!isReadableStream(stream)) throw new TypeError("ReadableStreamBYOBReader: the argument is not a ReadableStream");
    this.#r = acquireByobReader(readableState(stream));
  }

  get closed() {
    return isObject(this) && #r in this ? this.#r.closed.promise : badReceiver();
  }

  cancel(reason = undefined) {
    return isObject(this) && #r in this ? readerCancel(this.#r, reason) : badReceiver();
  }

  read(view, options = undefined) {
    if (!(isObject(this) && #r in this)) return badReceiver();
    const reader = this.#r;
    try {
      requireArguments("ReadableStreamBYOBReader.read", arguments.length, 1);
      return byobRead(reader, view, readMinimum(view, options));
    } catch (error) {
      return promiseRejectedWith(error);
    }
  }

  // Workers' older form of read(view, {min}).
  readAtLeast(minimum, view) {
    if (!(isObject(this) && #r in this)) return badReceiver();
    const reader = this.#r;
    try {
      requireArguments("ReadableStreamBYOBReader.readAtLeast", arguments.length, 2);
      return byobRead(reader, view, readMinimum(view, { min: minimum }));
    } catch (error) {
      return promiseRejectedWith(error);
    }
  }

  releaseLock() {
    const reader = this.#r;
    if (reader.stream !== null) releaseReader(reader);
  }
}

// Checks the view of a BYOB read; returns the least number of elements to wait for.
function readMinimum(view, options) {
  if (!isObject(view) || !bufferIsView(view)) throw new TypeError("ReadableStreamBYOBReader.read: the argument is not a view");
  const given = toDictionary(options, "ReadableStreamBYOBReader.read: the options").min;
  const minimum = given === undefined ? 1 : toUnsignedEnforced(given, "ReadableStreamBYOBReader.read: min");
  const typed = typedArrayTag(view) !== undefined;
  const buffer = typed ? typedArrayBuffer(view) : dataViewBuffer(view);
  if ((typed ? typedArrayByteLength(view) : dataViewByteLength(view)) === 0) throw new TypeError("The view is empty");
  if (bufferByteLength(buffer) === 0) throw new TypeError("The view's buffer is empty or detached");
  if (minimum === 0) throw new TypeError("min must not be 0");
  if (minimum > (typed ? typedArrayLength(view) : dataViewByteLength(view))) throw new RangeError("min is larger than the view");
  return minimum;
}

function byobRead(reader, view, minimum) {
  if (reader.stream === null) return released();
  const request = new PromiseRequest();
  const stream = reader.stream;
  stream.disturbed = true;
  if (stream.state === "errored") request.error(stream.storedError);
  else stream.controller.pullInto(view, minimum, request);
  return request.promise;
}

// for await ------------------------------------------------------------------------------------------------------------------------------

class ReadableStreamAsyncIterator {
  #reader;
  #preventCancel;
  #ongoing = null;
  #finished = false;

  constructor(reader, preventCancel) {
    this.#reader = reader;
    this.#preventCancel = preventCancel;
  }

  next() {
    if (!(isObject(this) && #reader in this)) return badReceiver();
    const step = () => this.#next();
    this.#ongoing = this.#ongoing === null ? step() : promiseThen(this.#ongoing, step, step);
    return this.#ongoing;
  }

  return(value) {
    if (!(isObject(this) && #reader in this)) return badReceiver();
    const step = () => this.#return(value);
    this.#ongoing = this.#ongoing === null ? step() : promiseThen(this.#ongoing, step, step);
    return this.#ongoing;
  }

  #next() {
    if (this.#finished) return promiseResolvedWith({ value: undefined, done: true });
    const reader = this.#reader;
    return promiseThen(
      readNext(reader),
      (result) => {
        if (result.done) {
          this.#finished = true;
          if (reader.stream !== null) releaseReader(reader);
        }
        return result;
      },
      (error) => {
        this.#finished = true;
        if (reader.stream !== null) releaseReader(reader);
        throw error;
      },
    );
  }

  #return(value) {
    const result = { value, done: true };
    if (this.#finished) return promiseResolvedWith(result);
    this.#finished = true;
    const reader = this.#reader;
    if (this.#preventCancel) {
      releaseReader(reader);
      return promiseResolvedWith(result);
    }
    const cancelled = readableCancel(reader.stream, value);
    releaseReader(reader);
    return promiseThen(cancelled, () => result);
  }
}

delete ReadableStreamAsyncIterator.prototype.constructor;
ObjectSetPrototypeOf(ReadableStreamAsyncIterator.prototype, AsyncIteratorPrototype);
defineInterface(ReadableStreamAsyncIterator, "ReadableStreamAsyncIterator");
delete ReadableStreamAsyncIterator.prototype[Symbol.toStringTag];
defineInterface(ReadableStreamDefaultReader);
defineInterface(ReadableStreamBYOBReader);
