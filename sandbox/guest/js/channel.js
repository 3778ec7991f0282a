// Owns byte streams across the border: Inbound (host to guest) and Outbound (guest to host), with the protocol's back-pressure. Must not know
// what is carried, nor expose itself: bodies wrap it.

const EFFECT_RESPONSE = 0x41;
const EFFECT_BODY = 0x42;
const EFFECT_BODY_ERROR = 0x43;
const EFFECT_PULL = 0x44;
const EFFECT_CANCEL = 0x45;
const EFFECT_DONE = 0x46;
const EFFECT_EXCEPTION = 0x47;
const EFFECT_LOG = 0x48;
const EFFECT_FETCH = 0x49;
const EFFECT_WAKE_AT = 0x4a;
const EFFECT_LOADED = 0x4b;
const EFFECT_CALL = 0x4c;
const EFFECT_CODE = 0x4e;

const BODY_NONE = 0;
const BODY_INLINE = 1;
const BODY_STREAM = 2;

const INITIAL_CREDIT = 65536;
const LARGEST_CHUNK = 262144;
const LARGEST_INLINE = 1048576;

// Bytes the host sends. They wait here, never more than the credit we gave, until a consumer takes them.
class Inbound {
  constructor(id) {
    this.id = id;
    this.chunks = new Fifo();
    this.ended = false;
    this.error = null;
    this.cancelled = false;
    // Called when there is something new to take, or the end or an error to see.
    this.onReady = null;
  }

  get waiting() {
    return this.onReady !== null && !this.ended && this.error === null;
  }

  push(bytes, last) {
    if (this.ended || this.error !== null || this.cancelled) return;
    if (bytes !== undefined && bytes.length > 0) this.chunks.push(bytes);
    if (last) this.ended = true;
    this.wake();
  }

  fail(error) {
    if (this.ended || this.error !== null) return;
    this.error = error;
    this.wake();
  }

  wake() {
    const ready = this.onReady;
    if (ready !== null) {
      this.onReady = null;
      ready();
    }
  }

  // The next chunk, or null when there is none now. Taking one lets the host send as much again.
  take() {
    if (this.chunks.length === 0) return null;
    const chunk = this.chunks.shift();
    if (!this.ended && this.error === null) host.emit(EFFECT_PULL, 0, this.id, "u", chunk.length);
    return chunk;
  }

  get finished() {
    return this.ended && this.chunks.length === 0;
  }

  cancel() {
    if (this.cancelled) return;
    this.cancelled = true;
    this.chunks = new Fifo();
    if (!this.ended && this.error === null) host.emit(EFFECT_CANCEL, 0, this.id, "");
    this.ended = true;
    this.onReady = null;
  }

  // Everything up to the end, as one Uint8Array.
  readAll() {
    const { promise, resolve, reject } = promiseWithResolvers();
    const chunks = [];
    let total = 0;
    const collect = () => {
      for (let chunk = this.take(); chunk !== null; chunk = this.take()) {
        chunks[chunks.length] = chunk;
        total += chunk.length;
      }
      if (this.error !== null) reject(this.error);
      else if (this.ended) resolve(concatBytes(chunks, total));
      else this.onReady = collect;
    };
    collect();
    return promise;
  }

  // A byte stream that takes chunks as its reader wants them.
  toStream() {
    const stream = createReadableBytes(
      () => {
        const deliver = () => {
          const controller = stream.controller;
          const chunk = this.take();
          if (chunk !== null) {
            controller.enqueue(chunk);
          } else if (this.error !== null) {
            controller.error(this.error);
          } else if (this.ended) {
            controller.close();
            if (controller.pending.length > 0) controller.respond(0);
          } else {
            return false;
          }
          return true;
        };
        if (deliver()) return promiseResolvedWith(undefined);
        const { promise, resolve } = promiseWithResolvers();
        this.onReady = () => {
          deliver();
          resolve(undefined);
        };
        return promise;
      },
      () => {
        this.cancel();
        return promiseResolvedWith(undefined);
      },
    );
    return stream;
  }
}
internal(Inbound);

// Bytes we send. `onDrain` is called once when nothing is left to send.
class Outbound {
  constructor(id) {
    this.id = id;
    this.credit = INITIAL_CREDIT;
    this.pending = null;
    this.closed = false;
    this.onDrain = null;
    // Called once with a reason when the other side, or the request, is gone.
    this.onCancel = null;
  }

  get ready() {
    return !this.closed && this.pending === null && this.credit > 0;
  }

  // Takes one chunk; the caller waits for onDrain before the next unless `ready` still holds.
  write(bytes) {
    if (this.closed || typedArrayByteLength(bytes) === 0) return;
    this.pending = bytes;
    this.send();
  }

  send() {
    let bytes = this.pending;
    while (bytes !== null && this.credit > 0) {
      const length = typedArrayByteLength(bytes);
      const count = MathMin(length, this.credit, LARGEST_CHUNK);
      this.credit -= count;
      if (count === length) {
        host.emit(EFFECT_BODY, 0, this.id, "b", bytes);
        bytes = null;
      } else {
        host.emit(EFFECT_BODY, 0, this.id, "b", bytesSubarray(bytes, 0, count));
        bytes = bytesSubarray(bytes, count, length);
      }
    }
    this.pending = bytes;
  }

  grant(bytes) {
    if (this.closed) return;
    this.credit += bytes;
    if (this.pending !== null) this.send();
    if (this.pending === null && this.onDrain !== null) {
      const drain = this.onDrain;
      this.onDrain = null;
      drain();
    }
  }

  end() {
    if (this.closed) return;
    if (this.pending !== null) throw new TypeError("hostel: a body was ended with bytes left to send");
    this.closed = true;
    host.emit(EFFECT_BODY, 1, this.id, "b", undefined);
  }

  fail(message) {
    if (this.closed) return;
    this.closed = true;
    this.pending = null;
    host.emit(EFFECT_BODY_ERROR, 0, this.id, "s", message);
  }

  // Nobody wants the rest: stops without a word to the host.
  drop(reason) {
    if (this.closed) return;
    this.closed = true;
    this.pending = null;
    const cancel = this.onCancel;
    if (cancel !== null) cancel(reason);
  }
}
internal(Outbound);

// Pumps: each sends a body through `out` and calls finished(error) once, with undefined when all went well. ------------------------------

function pumpBytes(bytes, out, finished) {
  out.onCancel = () => finished(undefined);
  const end = () => {
    out.end();
    finished(undefined);
  };
  out.write(bytes);
  if (out.pending === null) end();
  else out.onDrain = end;
}

function pumpInbound(inbound, out, finished) {
  out.onCancel = () => {
    inbound.cancel();
    finished(undefined);
  };
  const step = () => {
    for (;;) {
      // What credit has cut off goes before anything else, the end included.
      if (out.pending !== null || (!inbound.finished && !out.ready)) {
        if (!out.closed) out.onDrain = step;
        return;
      }
      if (inbound.finished) {
        out.end();
        finished(undefined);
        return;
      }
      const chunk = inbound.take();
      if (chunk !== null) {
        out.write(chunk);
      } else if (inbound.error !== null) {
        out.fail(inbound.error.message);
        finished(inbound.error);
        return;
      } else {
        inbound.onReady = step;
        return;
      }
    }
  };
  step();
}

function pumpStream(stream, out, finished) {
  const reader = acquireReader(stream);
  out.onCancel = (reason) => {
    markHandled(readableCancel(stream, reason));
    finished(undefined);
  };
  const fail = (error) => {
    if (out.closed) return;
    out.fail(describeError(error));
    finished(error);
  };
  const request = {
    chunk(value) {
      if (out.closed) return;
      let bytes;
      if (typeof value === "string") {
        bytes = host.utf8Encode(value);
      } else if (isBufferSource(value)) {
        bytes = bytesView(value);
      } else {
        const error = new TypeError("This ReadableStream did not return bytes: a body's chunks must be strings, ArrayBuffers or views.");
        fail(error);
        markHandled(readableCancel(stream, error));
        return;
      }
      out.write(bytes);
      step();
    },
    close() {
      if (out.closed) return;
      out.end();
      finished(undefined);
    },
    error: fail,
  };
  // A read may be answered at once: a loop, or a long queue of chunks would be a deep recursion.
  let running = false;
  let again = false;
  const step = () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      if (out.ready) readerRead(reader, request);
      else if (!out.closed) out.onDrain = step;
    }
    running = false;
  };
  step();
}
