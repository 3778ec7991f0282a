// Owns the life of one request in the guest: its record, its context object, the way from the handler's answer to RESPONSE, and DONE. Must not find
// handlers (load.js) nor decode frames (dispatch.js).

// The request whose frames are being handled; null at start-up. Every continuation of a turn runs under it.
let current = null;

const invocations = new SafeMap();

// The stages of a request.
const RUNNING = 0;
// The handler has answered or failed.
const RESPONDED = 1;
// The answer has been sent to its end; waitUntil() may go on.
const ENDED = 2;
const FINISHED = 3;

class Invocation {
  constructor(id, method, meta) {
    this.id = id;
    this.start = wallClock();
    this.method = method;
    // JSON of the host's metadata.
    this.meta = meta;
  }
}

internal(Invocation, {
  stage: RUNNING,
  inbound: null,
  outbound: null,
  timers: null,
  wakeAt: NO_WAKE,
  // The incoming request's AbortSignal, once somebody has asked for it.
  signal: null,
  aborted: false,
  // waitUntil promises that are not settled, and calls that are not over.
  tasks: 0,
  calls: 0,
  failsOpen: false,
  props: undefined,
  version: undefined,
  exports: undefined,
});

const clientGone = () => domException("AbortError", "The client disconnected before the response was complete");

// ctx ------------------------------------------------------------------------------------------------------------------------------------

class ExecutionContext {
  #invocation;

  constructor(invocation) {
    if (!(invocation instanceof Invocation)) throw new TypeError("Illegal constructor");
    this.#invocation = invocation;
  }

  waitUntil(promise) {
    const invocation = this.#invocation;
    requireArguments("ExecutionContext.waitUntil", arguments.length, 1);
    addTask(invocation, promise);
  }

  // Hostel has no origin to fall back to; that the worker asked is remembered.
  passThroughOnException() {
    this.#invocation.failsOpen = true;
  }

  get props() {
    const invocation = this.#invocation;
    if (invocation.props === undefined) {
      const props = invocation.meta === "" ? undefined : JSONParse(invocation.meta).props;
      invocation.props = props === undefined || props === null ? {} : props;
    }
    return invocation.props;
  }

  // Which version of the worker this is, and what it was chosen by (Cloudflare's shape). A dynamic worker has none.
  get version() {
    const invocation = this.#invocation;
    if (invocation.version === undefined) {
      const meta = invocation.meta === "" ? {} : JSONParse(invocation.meta);
      const choice = meta.choice ?? {};
      invocation.version =
        meta.version === undefined
          ? null
          : { cohort: choice.cohort, override: choice.override ?? false, key: choice.key, metadata: meta.version };
    }
    return invocation.version ?? undefined;
  }

  get exports() {
    const invocation = this.#invocation;
    if (invocation.exports === undefined) invocation.exports = ownExports();
    return invocation.exports;
  }
}

defineInterface(ExecutionContext);

function addTask(invocation, promise) {
  invocation.tasks++;
  promiseThen(
    promiseResolvedWith(promise),
    () => taskSettled(invocation),
    (error) => {
      emitException(invocation.id, FLAG_WAIT_UNTIL, error);
      emitLine(LEVEL_ERROR, `A waitUntil() promise was rejected: ${inspectValue(error)}`);
      taskSettled(invocation);
    },
  );
}

function taskSettled(invocation) {
  invocation.tasks--;
  finishIfDone(invocation);
}

const contextOperations = {
  // cloudflare:workers has it as a function of its own.
  waitUntil(promise) {
    requireArguments("waitUntil", arguments.length, 1);
    addTask(requireRequest(), promise);
  },
};

// From handler to response ---------------------------------------------------------------------------------------------------------------

// Takes what a fetch handler returned.
function settleWith(invocation, result) {
  if (isResponse(result)) {
    sendResponse(invocation, responseState(result));
    return;
  }
  if (!isObject(result)) {
    failInvocation(invocation, notAResponse());
    return;
  }
  let promise = result;
  if (host.classOf(result) === "Promise") {
    // An async handler that awaited nothing is answered on the spot.
    if (host.promiseState(result) === 1) {
      const value = host.promiseResult(result);
      if (isResponse(value)) sendResponse(invocation, responseState(value));
      else failInvocation(invocation, notAResponse());
      return;
    }
  } else {
    promise = promiseResolvedWith(result);
  }
  promiseThen(
    promise,
    (value) => {
      if (isResponse(value)) sendResponse(invocation, responseState(value));
      else failInvocation(invocation, notAResponse());
    },
    (error) => failInvocation(invocation, error),
  );
}

const notAResponse = () => new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");

function failInvocation(invocation, error) {
  if (invocation.stage === FINISHED) return;
  emitException(invocation.id, FLAG_HANDLER, error);
  endResponse(invocation);
}

// An event's handler has settled: there is nothing to answer but that.
// An event's handler may have decided something: JSON.
function settleEvent(invocation, decided) {
  if (invocation.stage !== RUNNING) return;
  if (!invocation.aborted && decided !== null) host.emit(EFFECT_RESPONSE, 0, invocation.id, "ushus", 200, "", [], BODY_INLINE, decided);
  else if (!invocation.aborted) host.emit(EFFECT_RESPONSE, 0, invocation.id, "ushub", 204, "", [], BODY_NONE, undefined);
  endResponse(invocation);
}

function sendResponse(invocation, state) {
  if (invocation.stage !== RUNNING) return;
  const body = state.body;
  if (invocation.aborted) {
    if (body !== null && !bodyUnusable(body)) discardBody(body);
    endResponse(invocation);
    return;
  }
  if (state.type === "error") {
    failInvocation(invocation, new TypeError("The handler returned Response.error(), which stands for a network error and cannot be sent."));
    return;
  }
  if (bodyUnusable(body)) {
    failInvocation(invocation, new TypeError(USED_MESSAGE));
    return;
  }
  const { id } = invocation;
  const { status, statusText } = state;
  const headers = headerList(state.headers);
  if (body === null) {
    host.emit(EFFECT_RESPONSE, 0, id, "ushub", status, statusText, headers, BODY_NONE, undefined);
    endResponse(invocation);
    return;
  }
  if (invocation.method === "HEAD" || isNullBodyStatus(status)) {
    host.emit(EFFECT_RESPONSE, 0, id, "ushub", status, statusText, withLength(headers, body), BODY_NONE, undefined);
    discardBody(body);
    endResponse(invocation);
    return;
  }
  const source = takeBody(body);
  if (source.text !== null && source.text.length * 3 <= LARGEST_INLINE) {
    host.emit(EFFECT_RESPONSE, 0, id, "ushus", status, statusText, headers, BODY_INLINE, source.text);
    endResponse(invocation);
    return;
  }
  const bytes = source.text !== null ? host.utf8Encode(source.text) : source.bytes;
  if (bytes !== null && typedArrayByteLength(bytes) <= LARGEST_INLINE) {
    host.emit(EFFECT_RESPONSE, 0, id, "ushub", status, statusText, headers, BODY_INLINE, bytes);
    endResponse(invocation);
    return;
  }
  host.emit(EFFECT_RESPONSE, 0, id, "ushub", status, statusText, withLength(headers, body), BODY_STREAM, undefined);
  const out = new Outbound(id);
  invocation.stage = RESPONDED;
  invocation.outbound = out;
  pumpBody(source, bytes, out, (error) => {
    invocation.outbound = null;
    if (error !== undefined && invocation.stage !== FINISHED) emitException(id, FLAG_HANDLER, error);
    // After an abort the turn's end closes the books.
    if (!invocation.aborted) endResponse(invocation);
  });
}

function pumpBody(source, bytes, out, finished) {
  if (bytes !== null) pumpBytes(bytes, out, finished);
  else if (source.inbound !== null) pumpInbound(source.inbound, out, finished);
  else pumpStream(source.stream, out, finished);
}

// The headers, with the length of a body whose length is known and whose frames will not tell.
function withLength(headers, body) {
  let length = null;
  if (body.text !== null) length = utf8Length(body.text);
  else if (body.bytes !== null) length = typedArrayByteLength(body.bytes);
  else if (body.stream !== null) length = body.stream.expectedLength;
  if (length === null || listHas(headers, "content-length")) return headers;
  const copy = arraySlice(headers);
  copy[copy.length] = "content-length";
  copy[copy.length] = `${length}`;
  return copy;
}

// Nobody will read this body.
function discardBody(body) {
  const source = takeBody(body);
  if (source.inbound !== null) source.inbound.cancel();
  else if (source.text === null && source.bytes === null) markHandled(readableCancel(source.stream, undefined));
}

function endResponse(invocation) {
  if (invocation.stage < ENDED) invocation.stage = ENDED;
  finishIfDone(invocation);
}

function finishIfDone(invocation) {
  if (invocation.stage === ENDED && invocation.tasks === 0) finishInvocation(invocation);
}

function finishInvocation(invocation) {
  invocation.stage = FINISHED;
  if (invocation.timers !== null) invocation.timers = null;
  if (invocation.inbound !== null) invocation.inbound.cancel();
  if (invocation.calls > 0) dropCalls(invocation);
  invocations.delete(invocation.id);
  host.emit(EFFECT_DONE, 0, invocation.id, "");
}

// The visitor has gone: whatever is on its way to them stops. The turn's end closes the books, so that listeners may still call waitUntil().
function abortInvocation(invocation) {
  if (invocation.aborted || invocation.stage === FINISHED) return;
  invocation.aborted = true;
  const reason = clientGone();
  if (invocation.inbound !== null) invocation.inbound.fail(reason);
  if (invocation.signal !== null) signalAbort(invocation.signal, reason);
  if (invocation.outbound !== null) invocation.outbound.drop(reason);
}

// Called when a turn has nothing left to run.
function closeTurn(invocation) {
  if (invocation.stage === FINISHED) return;
  if (invocation.aborted) endResponse(invocation);
  if (invocation.stage !== RESPONDED && invocation.stage !== FINISHED && isStuck(invocation)) {
    if (invocation.stage === RUNNING) {
      failInvocation(invocation, new Error(STUCK_MESSAGE));
    } else {
      emitLine(LEVEL_WARN, "waitUntil() promises are still pending, and nothing is left that could settle them: the request ends without them.");
      finishInvocation(invocation);
    }
  }
  if (invocation.stage !== FINISHED) announceTimers(invocation);
}

const STUCK_MESSAGE =
  "The Workers runtime canceled this request because it detected that your Worker's code had hung and would never generate a response.";

// True when no event can come for the request any more. Another request's turn could still settle a promise of this one, so it must be alone.
function isStuck(invocation) {
  if (invocations.size > 1 || (invocation.timers !== null && invocation.timers.length > 0)) return false;
  if (invocation.outbound !== null || (invocation.inbound !== null && invocation.inbound.waiting)) return false;
  return invocation.calls === 0 || !awaitsCall(invocation);
}
