// Owns fetch() and the calls it makes to the host: to the internet, to other workers and to dynamic ones. Must not decide what may be reached: the
// host does. A target is "" (the worker's outbound) or JSON.

const calls = new SafeMap();
// Calls have odd ids.
let nextCall = 1;

class Call {
  constructor(invocation) {
    this.id = nextCall;
    nextCall += 2;
    this.invocation = invocation;
    const { promise, resolve, reject } = promiseWithResolvers();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
    this.answered = false;
    this.inbound = null;
    this.outbound = null;
    this.forgetSignal = noop;
    // What answers NEED_CODE for a dynamic worker.
    this.factory = null;
  }
}
// What takes the answer to a CALL instead of the promise.
internal(Call, { replied: null });

// Takes the call off the books.
function closeCall(call) {
  if (!calls.delete(call.id)) return;
  call.invocation.calls--;
  call.forgetSignal();
  if (call.outbound !== null) call.outbound.drop(undefined);
}

function dropCalls(invocation) {
  calls.forEach((call) => {
    if (call.invocation === invocation) closeCall(call);
  });
}

// Whether an event for one of the request's calls could still wake it.
function awaitsCall(invocation) {
  let awaits = false;
  calls.forEach((call) => {
    if (call.invocation !== invocation) return;
    if (!call.answered || call.outbound !== null || (call.inbound !== null && call.inbound.waiting)) awaits = true;
  });
  return awaits;
}

let outboundAllowed = true;

const NO_OUTBOUND =
  "This worker is not permitted to access the internet via global functions like fetch(). It must use capabilities (such as bindings in " +
  "'env') to talk to the outside world.";

const fetchOperation = {
  fetch(input, init = undefined) {
    try {
      requireArguments("fetch", arguments.length, 1);
      requireRequest();
      if (!outboundAllowed) throw new Error(NO_OUTBOUND);
      return startFetch(input, init, "", null);
    } catch (error) {
      return promiseRejectedWith(error);
    }
  },
};

// `factory` answers the host's question for the code of a dynamic worker.
function startFetch(input, init, target, factory) {
  const invocation = requireRequest();
  const state = makeRequest(input, isRequest(input) ? requestState(input) : null, init);
  const url = requestTarget(state.url);
  const followed = followedBy(state);
  const signal = followed instanceof Invocation ? null : followed;
  if (signal !== null && signalAborted(signal)) throw signalState(signal).reason;
  const call = new Call(invocation);
  call.factory = factory;
  calls.set(call.id, call);
  invocation.calls++;
  emitFetch(call, state, target, url);
  if (signal !== null) call.forgetSignal = addAbortAlgorithm(signal, () => abortCall(call, signalState(signal).reason));
  return call.promise;
}

// The URL as it is asked for: http(s), without a fragment.
function requestTarget(url) {
  const colon = url.indexOf(":");
  const scheme = url.slice(0, colon);
  if (scheme !== "http" && scheme !== "https") throw new TypeError(`Fetch API cannot load: ${url}`);
  const hash = url.indexOf("#");
  return hash < 0 ? url : url.slice(0, hash);
}

function emitFetch(call, state, target, url) {
  const { id } = call;
  const request = call.invocation.id;
  const { body, method, redirect } = state;
  const headers = headerList(state.headers);
  if (body === null) {
    host.emit(EFFECT_FETCH, 0, id, "ussshsub", request, target, method, url, headers, redirect, BODY_NONE, undefined);
    return;
  }
  const source = takeBody(body);
  if (source.text !== null && source.text.length * 3 <= LARGEST_INLINE) {
    host.emit(EFFECT_FETCH, 0, id, "ussshsus", request, target, method, url, headers, redirect, BODY_INLINE, source.text);
    return;
  }
  const bytes = source.text !== null ? host.utf8Encode(source.text) : source.bytes;
  if (bytes !== null && typedArrayByteLength(bytes) <= LARGEST_INLINE) {
    host.emit(EFFECT_FETCH, 0, id, "ussshsub", request, target, method, url, headers, redirect, BODY_INLINE, bytes);
    return;
  }
  const sent = withLength(headers, body);
  host.emit(EFFECT_FETCH, 0, id, "ussshsub", request, target, method, url, sent, redirect, BODY_STREAM, undefined);
  const out = new Outbound(id);
  call.outbound = out;
  pumpBody(source, bytes, out, (error) => {
    call.outbound = null;
    // A request whose body breaks off has failed.
    if (error !== undefined && !call.answered) {
      call.answered = true;
      call.reject(error);
      host.emit(EFFECT_CANCEL, 0, id, "");
      closeCall(call);
    } else if (call.answered && (call.inbound === null || call.inbound.ended)) {
      closeCall(call);
    }
  });
}

function abortCall(call, reason) {
  if (!calls.has(call.id)) return;
  if (call.inbound === null || !call.inbound.ended) host.emit(EFFECT_CANCEL, 0, call.id, "");
  if (call.inbound !== null) call.inbound.fail(reason);
  call.answered = true;
  call.reject(reason);
  closeCall(call);
}

// Answers from the host ------------------------------------------------------------------------------------------------------------------

function callAnswered(call, status, statusText, url, redirected, headers, kind, bytes) {
  if (call.answered) return;
  call.answered = true;
  let body = null;
  if (kind === BODY_INLINE) {
    body = bytesBody(bytes === undefined ? new U8(0) : bytes, true);
  } else if (kind === BODY_STREAM) {
    call.inbound = new Inbound(call.id);
    body = inboundBody(call.inbound);
  }
  const state = new ResponseState(status, statusText, new HeadersState(null, headers, GUARD_IMMUTABLE), body);
  state.url = url;
  state.redirected = redirected !== 0;
  call.resolve(new Response(state));
  if (call.inbound === null && call.outbound === null) closeCall(call);
}

const ERROR_CLASSES = CLONEABLE_ERRORS;

function callFailed(call, name, message) {
  const error = makeError(name, message);
  if (call.inbound !== null) call.inbound.fail(error);
  call.answered = true;
  call.reject(error);
  closeCall(call);
}

function makeError(name, message) {
  const Class = ERROR_CLASSES.get(name);
  if (Class !== undefined) return new Class(message);
  if (name.endsWith("Error")) {
    const exception = domException(name, message);
    if (exception.code !== 0) return exception;
  }
  const error = new Error(message);
  if (name !== "") hide(error, "name", name);
  return error;
}

function callBody(call, bytes, last) {
  if (call.inbound === null) return;
  call.inbound.push(bytes, last);
  if (last && call.outbound === null) closeCall(call);
}

function callBodyFailed(call, message) {
  if (call.inbound !== null) call.inbound.fail(new TypeError(message));
  if (call.outbound === null) closeCall(call);
}

// Fetcher --------------------------------------------------------------------------------------------------------------------------------

// A target that can be called: a service binding or an entrypoint of a dynamic worker.
class FetcherState {
  constructor(target, factory) {
    this.target = target;
    this.factory = factory;
  }
}
internal(FetcherState);

let isFetcher;
let fetcherState;

class Fetcher {
  #s;

  constructor(state) {
    if (!(state instanceof FetcherState)) throw new TypeError("Illegal constructor");
    this.#s = state;
  }

  static {
    isFetcher = (value) => isObject(value) && #s in value;
    fetcherState = (fetcher) => fetcher.#s;
  }

  fetch(input, init = undefined) {
    try {
      const { target, factory } = this.#s;
      requireArguments("Fetcher.fetch", arguments.length, 1);
      return startFetch(input, init, target, factory);
    } catch (error) {
      return promiseRejectedWith(error);
    }
  }
}

defineInterface(Fetcher);
