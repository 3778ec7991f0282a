// Owns the controller of readable byte streams and BYOB requests (Streams standard, sections 4.7, 4.8 and 4.10.11). Must not read or release:
// readers do.

// A buffer a reader lent us and what it is to become. `kind` is "default", "byob" or, when its reader has left, "none".
class PullInto {
  constructor(buffer, byteOffset, byteLength, minimumFill, elementSize, View, kind) {
    this.buffer = buffer;
    this.bufferLength = bufferByteLength(buffer);
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.filled = 0;
    this.minimumFill = minimumFill;
    this.elementSize = elementSize;
    this.View = View;
    this.kind = kind;
  }
  view() {
    return new this.View(bufferTransfer(this.buffer), this.byteOffset, this.filled / this.elementSize);
  }
}
internal(PullInto);

const VIEWS = ObjectCreate(null);
for (const View of [
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array,
  BigUint64Array, globalThis.Float16Array,
]) {
  if (View !== undefined) VIEWS[View.name] = View;
}
const DataViewCtor = DataView;

class ByteController {
  constructor(stream, pull, cancel, highWaterMark, autoAllocate) {
    this.stream = stream;
    // Pieces {buffer, byteOffset, byteLength}.
    this.queue = new Fifo();
    this.pull = pull;
    this.cancel = cancel;
    this.highWaterMark = highWaterMark;
    this.autoAllocate = autoAllocate;
    this.pending = new Fifo();
  }

  cancelSteps(reason) {
    this.clearPending();
    this.resetQueue();
    const result = this.cancel(reason);
    this.clear();
    return result;
  }

  pullSteps(request) {
    if (this.total > 0) {
      this.fillFromQueue(request);
      return;
    }
    if (this.autoAllocate !== undefined) {
      let buffer;
      try {
        buffer = new AB(this.autoAllocate);
      } catch (error) {
        request.error(error);
        return;
      }
      this.pending.push(new PullInto(buffer, 0, this.autoAllocate, 1, 1, U8, "default"));
    }
    this.stream.reader.requests.push(request);
    this.pullIfNeeded();
  }

  releaseSteps() {
    if (this.pending.length === 0) return;
    const first = this.pending.peek();
    first.kind = "none";
    this.pending = new Fifo();
    this.pending.push(first);
  }

  clear() {
    this.pull = resolvedUndefined;
    this.cancel = resolvedUndefined;
  }

  resetQueue() {
    this.queue = new Fifo();
    this.total = 0;
  }

  clearPending() {
    this.invalidateRequest();
    this.pending = new Fifo();
  }

  invalidateRequest() {
    if (this.request === null) return;
    this.request.controller = null;
    this.request.view = null;
    this.request = null;
  }

  canCloseOrEnqueue() {
    return !this.closeRequested && this.stream.state === "readable";
  }

  desiredSize() {
    const state = this.stream.state;
    return state === "errored" ? null : state === "closed" ? 0 : this.highWaterMark - this.total;
  }

  shouldPull() {
    if (!this.canCloseOrEnqueue() || !this.started) return false;
    const reader = this.stream.reader;
    if (reader !== null && reader.requests.length > 0) return true;
    return this.highWaterMark - this.total > 0;
  }

  error(error) {
    if (this.stream.state !== "readable") return;
    this.clearPending();
    this.resetQueue();
    this.clear();
    readableError(this.stream, error);
  }

  close() {
    if (!this.canCloseOrEnqueue()) return;
    if (this.total > 0) {
      this.closeRequested = true;
      return;
    }
    if (this.pending.length > 0) {
      const first = this.pending.peek();
      if (first.filled % first.elementSize !== 0) {
        const error = new TypeError("The stream was closed with an element half filled");
        this.error(error);
        throw error;
      }
    }
    this.clear();
    readableClose(this.stream);
  }

  // Takes the bytes of `view`, whose buffer is detached from its owner.
  enqueue(view) {
    if (!this.canCloseOrEnqueue()) return;
    const typed = typedArrayTag(view) !== undefined;
    const byteOffset = typed ? typedArrayByteOffset(view) : dataViewByteOffset(view);
    const byteLength = typed ? typedArrayByteLength(view) : dataViewByteLength(view);
    const buffer = bufferTransfer(typed ? typedArrayBuffer(view) : dataViewBuffer(view));
    const stream = this.stream;
    if (this.pending.length > 0) {
      const first = this.pending.peek();
      if (bufferDetached(first.buffer)) throw new TypeError("The buffer of the pending BYOB request is detached");
      this.invalidateRequest();
      first.buffer = bufferTransfer(first.buffer);
      if (first.kind === "none") this.requeueDetached(first);
    }
    if (hasDefaultReader(stream)) {
      const requests = stream.reader.requests;
      while (requests.length > 0 && this.total > 0) this.fillFromQueue(requests.shift());
      if (pendingReadsOf(stream) === 0) {
        this.push(buffer, byteOffset, byteLength);
      } else {
        if (this.pending.length > 0) this.pending.shift();
        fulfilRead(stream, new U8(buffer, byteOffset, byteLength), false);
      }
    } else {
      this.push(buffer, byteOffset, byteLength);
      if (hasByobReader(stream)) this.commitAll(this.fillPending());
    }
    this.pullIfNeeded();
  }

  push(buffer, byteOffset, byteLength) {
    this.queue.push({ buffer, byteOffset, byteLength });
    this.total += byteLength;
  }

  pushCopy(buffer, byteOffset, byteLength) {
    let copy;
    try {
      copy = bufferSlice(buffer, byteOffset, byteOffset + byteLength);
    } catch (error) {
      this.error(error);
      throw error;
    }
    this.push(copy, 0, byteLength);
  }

  requeueDetached(descriptor) {
    if (descriptor.filled > 0) this.pushCopy(descriptor.buffer, descriptor.byteOffset, descriptor.filled);
    this.pending.shift();
  }

  fillFromQueue(request) {
    const piece = this.queue.shift();
    this.total -= piece.byteLength;
    this.afterDrain();
    request.chunk(new U8(piece.buffer, piece.byteOffset, piece.byteLength));
  }

  afterDrain() {
    if (this.total === 0 && this.drained !== null) this.drained();
    if (this.total === 0 && this.closeRequested) {
      this.clear();
      readableClose(this.stream);
    } else {
      this.pullIfNeeded();
    }
  }

  // Copies queued bytes into a lent buffer; true when it holds enough to be given back.
  fill(descriptor) {
    const most = descriptor.filled + MathMin(this.total, descriptor.byteLength - descriptor.filled);
    const aligned = most - (most % descriptor.elementSize);
    const ready = aligned >= descriptor.minimumFill;
    let left = (ready ? aligned : most) - descriptor.filled;
    while (left > 0) {
      const piece = this.queue.peek();
      const count = MathMin(left, piece.byteLength);
      const into = new U8(descriptor.buffer, descriptor.byteOffset + descriptor.filled, count);
      bytesSet(into, new U8(piece.buffer, piece.byteOffset, count));
      if (piece.byteLength === count) {
        this.queue.shift();
      } else {
        piece.byteOffset += count;
        piece.byteLength -= count;
      }
      this.total -= count;
      descriptor.filled += count;
      left -= count;
    }
    return ready;
  }

  fillPending() {
    const done = [];
    while (this.pending.length > 0 && this.total > 0) {
      const first = this.pending.peek();
      if (!this.fill(first)) continue;
      this.pending.shift();
      done[done.length] = first;
    }
    return done;
  }

  commitAll(descriptors) {
    for (let i = 0; i < descriptors.length; i++) this.commit(descriptors[i]);
  }

  commit(descriptor) {
    fulfilRead(this.stream, descriptor.view(), this.stream.state === "closed");
  }

  // A BYOB read.
  pullInto(view, minimum, request) {
    const tag = typedArrayTag(view);
    const typed = tag !== undefined;
    const View = typed ? VIEWS[tag] : DataViewCtor;
    const elementSize = typed ? View.BYTES_PER_ELEMENT : 1;
    const byteOffset = typed ? typedArrayByteOffset(view) : dataViewByteOffset(view);
    const byteLength = typed ? typedArrayByteLength(view) : dataViewByteLength(view);
    let buffer;
    try {
      buffer = bufferTransfer(typed ? typedArrayBuffer(view) : dataViewBuffer(view));
    } catch (error) {
      request.error(error);
      return;
    }
    const descriptor = new PullInto(buffer, byteOffset, byteLength, minimum * elementSize, elementSize, View, "byob");
    const requests = this.stream.reader.requests;
    if (this.pending.length > 0) {
      this.pending.push(descriptor);
      requests.push(request);
      return;
    }
    if (this.stream.state === "closed") {
      request.close(new View(descriptor.buffer, descriptor.byteOffset, 0));
      return;
    }
    if (this.total > 0) {
      if (this.fill(descriptor)) {
        const filled = descriptor.view();
        this.afterDrain();
        request.chunk(filled);
        return;
      }
      if (this.closeRequested) {
        const error = new TypeError("The stream ended with an element half filled");
        this.error(error);
        request.error(error);
        return;
      }
    }
    this.pending.push(descriptor);
    requests.push(request);
    this.pullIfNeeded();
  }

  respond(written) {
    const first = this.pending.peek();
    if (this.stream.state === "closed") {
      if (written !== 0) throw new TypeError("The stream is closed: only respond(0) is allowed");
    } else {
      if (written === 0) throw new TypeError("respond(0) is allowed once the stream is closed only");
      if (first.filled + written > first.byteLength) throw new RangeError("More bytes than the view holds");
    }
    first.buffer = bufferTransfer(first.buffer);
    this.respondInternal(written);
  }

  respondWithNewView(view) {
    const first = this.pending.peek();
    const bytes = bytesView(view);
    const length = typedArrayByteLength(bytes);
    if (this.stream.state === "closed") {
      if (length !== 0) throw new TypeError("The stream is closed: the view must be empty");
    } else if (length === 0) {
      throw new TypeError("An empty view is allowed once the stream is closed only");
    }
    if (first.byteOffset + first.filled !== typedArrayByteOffset(bytes)) throw new RangeError("The view does not start where the request's does");
    if (first.bufferLength !== bufferByteLength(typedArrayBuffer(bytes))) throw new RangeError("The view's buffer has another length");
    if (first.filled + length > first.byteLength) throw new RangeError("The view is longer than the request's");
    first.buffer = bufferTransfer(typedArrayBuffer(bytes));
    this.respondInternal(length);
  }

  respondInternal(written) {
    const first = this.pending.peek();
    this.invalidateRequest();
    if (this.stream.state === "closed") this.respondClosed(first);
    else this.respondReadable(written, first);
    this.pullIfNeeded();
  }

  respondClosed(first) {
    if (first.kind === "none") this.pending.shift();
    if (!hasByobReader(this.stream)) return;
    const done = [];
    const count = pendingReadsOf(this.stream);
    while (done.length < count) done[done.length] = this.pending.shift();
    this.commitAll(done);
  }

  respondReadable(written, first) {
    first.filled += written;
    if (first.kind === "none") {
      this.requeueDetached(first);
      this.commitAll(this.fillPending());
      return;
    }
    if (first.filled < first.minimumFill) return;
    this.pending.shift();
    const rest = first.filled % first.elementSize;
    if (rest > 0) {
      this.pushCopy(first.buffer, first.byteOffset + first.filled - rest, rest);
      first.filled -= rest;
    }
    const done = this.fillPending();
    this.commit(first);
    this.commitAll(done);
  }

  byobRequest() {
    if (this.request === null && this.pending.length > 0) {
      const first = this.pending.peek();
      const view = new U8(first.buffer, first.byteOffset + first.filled, first.byteLength - first.filled);
      this.request = new ByobRequest(this, view);
    }
    return this.request;
  }
}

internal(ByteController, {
  total: 0,
  started: false,
  closeRequested: false,
  pulling: false,
  pullAgain: false,
  request: null,
  // Called when a reader has emptied the queue (IdentityTransformStream).
  drained: null,
});

const pendingReadsOf = (stream) => stream.reader.requests.length;

// Pulling is the same for both controllers.
ByteController.prototype.pullIfNeeded = DefaultController.prototype.pullIfNeeded;

class ByobRequest {
  constructor(controller, view) {
    this.controller = controller;
    this.view = view;
    this.face = null;
  }
}
internal(ByobRequest);

class ReadableStreamBYOBRequest {
  #b;

  constructor(request) {
    if (!(request instanceof ByobRequest)) throw new TypeError("Illegal constructor");
    this.#b = request;
  }

  get view() {
    return this.#b.view;
  }

  respond(bytesWritten) {
    const request = this.#b;
    requireArguments("ReadableStreamBYOBRequest.respond", arguments.length, 1);
    const written = toUnsignedEnforced(bytesWritten, "ReadableStreamBYOBRequest.respond: bytesWritten");
    if (request.controller === null) throw new TypeError("The BYOB request has been answered");
    if (bufferDetached(typedArrayBuffer(request.view))) throw new TypeError("The BYOB request's buffer is detached");
    request.controller.respond(written);
  }

  respondWithNewView(view) {
    const request = this.#b;
    requireArguments("ReadableStreamBYOBRequest.respondWithNewView", arguments.length, 1);
    if (!isObject(view) || !bufferIsView(view)) throw new TypeError("respondWithNewView: the argument is not a view");
    if (request.controller === null) throw new TypeError("The BYOB request has been answered");
    if (bufferDetached(typedArrayTag(view) === undefined ? dataViewBuffer(view) : typedArrayBuffer(view))) {
      throw new TypeError("The view's buffer is detached");
    }
    request.controller.respondWithNewView(view);
  }
}

class ReadableByteStreamController {
  #c;

  constructor(controller) {
    if (!(controller instanceof ByteController)) throw new TypeError("Illegal constructor");
    this.#c = controller;
  }

  get byobRequest() {
    const request = this.#c.byobRequest();
    if (request === null) return null;
    if (request.face === null) request.face = new ReadableStreamBYOBRequest(request);
    return request.face;
  }

  get desiredSize() {
    return this.#c.desiredSize();
  }

  close() {
    const controller = this.#c;
    if (!controller.canCloseOrEnqueue()) throw new TypeError("The stream cannot be closed: it is closed or errored already");
    controller.close();
  }

  enqueue(chunk) {
    const controller = this.#c;
    requireArguments("ReadableByteStreamController.enqueue", arguments.length, 1);
    if (!isObject(chunk) || !bufferIsView(chunk)) throw new TypeError("A byte stream takes views only");
    const bytes = bytesView(chunk);
    if (typedArrayByteLength(bytes) === 0) throw new TypeError("A byte stream takes no empty chunks");
    if (!controller.canCloseOrEnqueue()) throw new TypeError("The stream takes no more chunks: it is closed or errored");
    controller.enqueue(bytes);
  }

  error(error = undefined) {
    this.#c.error(error);
  }
}

function createReadableBytes(pull, cancel) {
  const stream = new ReadableState();
  const controller = new ByteController(stream, pull, cancel, 0, undefined);
  stream.controller = controller;
  startController(controller, promiseResolvedWith(undefined));
  return stream;
}

function setUpByteControllerFromSource(stream, source, highWaterMark) {
  const start = toCallback(source.start, "source.start");
  const pull = promiseMethod(source, "pull", "source");
  const cancel = promiseMethod(source, "cancel", "source");
  const given = source.autoAllocateChunkSize;
  const autoAllocate = given === undefined ? undefined : toUnsignedEnforced(given, "source.autoAllocateChunkSize");
  if (autoAllocate === 0) throw new TypeError("source.autoAllocateChunkSize must not be 0");
  const controller = new ByteController(stream, resolvedUndefined, resolvedUndefined, highWaterMark, autoAllocate);
  stream.controller = controller;
  const args = [new ReadableByteStreamController(controller)];
  if (pull !== undefined) controller.pull = () => pull(args);
  if (cancel !== undefined) controller.cancel = (reason) => cancel([reason]);
  const result = start === undefined ? undefined : ReflectApply(start, source, args);
  startController(controller, promiseResolvedWith(result));
}

defineInterface(ReadableStreamBYOBRequest);
defineInterface(ReadableByteStreamController);
