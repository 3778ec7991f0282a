// Owns the way in: what each event of the protocol does. Must not do the work: it finds the record an event is for, makes its request the current
// one, and calls.

const EVENT_LOAD = 0x02;
const EVENT_REQUEST = 0x03;
const EVENT_BODY = 0x04;
const EVENT_BODY_ERROR = 0x05;
const EVENT_CREDIT = 0x06;
const EVENT_REPLY = 0x07;
const EVENT_FETCH_HEAD = 0x08;
const EVENT_FETCH_ERROR = 0x09;
const EVENT_WAKE = 0x0a;
const EVENT_ABORT = 0x0b;
const EVENT_NEED_CODE = 0x0c;

// What a turn with no request of its own (an event for one that is over) runs under.
const NOBODY = null;

// A frame for something that is over already crossed with its end on the way: it is dropped.
host.dispatch = (op, flags, id, a, b, c, d, e, f, g) => {
  if (op === EVENT_REQUEST) {
    if ((flags & 1) === 1 && a === "rpc") startRpc(id, d, e, g);
    else if ((flags & 1) === 1) startEvent(id, a, d, e, g);
    else startRequest(id, a, b, c, d, e, f, g);
    return;
  }
  if (op === EVENT_LOAD) {
    current = NOBODY;
    load(a, b);
    return;
  }
  if ((id & 1) === 0) {
    const invocation = invocations.get(id);
    current = invocation === undefined ? NOBODY : invocation;
    if (invocation !== undefined) requestEvent(invocation, op, flags, a);
    return;
  }
  const call = calls.get(id);
  current = call === undefined ? NOBODY : call.invocation;
  if (call !== undefined) callEvent(call, op, flags, a, b, c, d, e, f, g);
};

function startRequest(id, method, url, headers, meta, entrypoint, kind, bytes) {
  const invocation = new Invocation(id, method, meta);
  invocations.set(id, invocation);
  current = invocation;
  let body = null;
  if (kind === BODY_INLINE) {
    body = bytesBody(bytes === undefined ? new U8(0) : bytes, true);
  } else if (kind === BODY_STREAM) {
    invocation.inbound = new Inbound(id);
    body = inboundBody(invocation.inbound);
  }
  const state = new RequestState(method, url, new HeadersState(null, headers, GUARD_IMMUTABLE), body);
  state.redirect = "manual";
  state.follows = invocation;
  if (meta !== "") state.meta = meta;
  try {
    settleWith(invocation, callHandler(entrypoint === "default" ? "" : entrypoint, new Request(state), invocation));
  } catch (error) {
    failInvocation(invocation, error);
  }
}

// Something that happened and is no HTTP request: its handler's name and argument (JSON) stand where method and body do.
function startEvent(id, handler, meta, entrypoint, bytes) {
  const invocation = new Invocation(id, handler, meta);
  invocations.set(id, invocation);
  current = invocation;
  try {
    const event = new EventData(JSONParse(host.utf8Decode(bytes, false, false)));
    const result = callEventHandler(entrypoint === "default" ? "" : entrypoint, handler, handlerArgument(handler, event), invocation);
    promiseThen(
      promiseResolvedWith(result),
      () => settleEvent(invocation, event.outcome === null ? null : JSONStringify(event.outcome())),
      (error) => failInvocation(invocation, error),
    );
  } catch (error) {
    failInvocation(invocation, error);
  }
}

function requestEvent(invocation, op, flags, a) {
  switch (op) {
    case EVENT_BODY:
      if (invocation.inbound !== null) invocation.inbound.push(a, (flags & 1) === 1);
      break;
    case EVENT_BODY_ERROR:
      if (invocation.inbound !== null) invocation.inbound.fail(new TypeError(a));
      break;
    case EVENT_CREDIT:
      if (invocation.outbound !== null) invocation.outbound.grant(a);
      break;
    case EVENT_WAKE:
      runDueTimer(invocation);
      break;
    case EVENT_ABORT:
      abortInvocation(invocation);
      break;
    default:
      break;
  }
}

function callEvent(call, op, flags, a, b, c, d, e, f, g) {
  switch (op) {
    case EVENT_FETCH_HEAD:
      callAnswered(call, a, b, c, d, e, f, g);
      break;
    case EVENT_REPLY:
      callReplied(call, (flags & 1) === 1, a, b);
      break;
    case EVENT_FETCH_ERROR:
      callFailed(call, a, b);
      break;
    case EVENT_BODY:
      callBody(call, a, (flags & 1) === 1);
      break;
    case EVENT_BODY_ERROR:
      callBodyFailed(call, a);
      break;
    case EVENT_CREDIT:
      if (call.outbound !== null) call.outbound.grant(a);
      break;
    case EVENT_NEED_CODE:
      if (call.factory !== null) call.factory(call);
      break;
    default:
      break;
  }
}

host.endTurn = () => {
  flushRejections();
  if (current !== null) closeTurn(current);
  // The one that is left may have waited for what the others would have done.
  if (invocations.size === 1) invocations.forEach(closeLone);
  current = null;
};

function closeLone(invocation) {
  if (invocation === current) return;
  current = invocation;
  closeTurn(invocation);
}
