// Owns MessageEvent, MessageChannel and MessagePort (HTML standard, section 9.4), within one isolate. A message is cloned when it is posted and
// delivered in a task of its own; a port that has not been started keeps what arrives. Must not know what a message means.

class MessageEventState {
  constructor(init) {
    this.data = init.data === undefined ? null : init.data;
    this.origin = init.origin === undefined ? "" : toUSVString(init.origin);
    this.lastEventId = init.lastEventId === undefined ? "" : `${init.lastEventId}`;
    this.source = init.source === undefined ? null : init.source;
    this.ports = ObjectFreeze(init.ports === undefined ? [] : toSequence(init.ports, "MessageEvent: the ports"));
  }
}
internal(MessageEventState);

class MessageEvent extends Event {
  #m;

  constructor(type, init = undefined) {
    requireArguments("MessageEvent constructor", arguments.length, 1);
    if (init instanceof MessageEventState) {
      super(new EventState(type, null, true));
      this.#m = init;
      return;
    }
    super(type, init);
    const state = new MessageEventState(toDictionary(init, "MessageEvent: the init"));
    if (state.source !== null && !isMessagePort(state.source)) throw new TypeError("MessageEvent: the source is not a MessagePort");
    for (let i = 0; i < state.ports.length; i++) {
      if (!isMessagePort(state.ports[i])) throw new TypeError("MessageEvent: a port is not a MessagePort");
    }
    this.#m = state;
  }

  get data() {
    return this.#m.data;
  }
  get origin() {
    return this.#m.origin;
  }
  get lastEventId() {
    return this.#m.lastEventId;
  }
  get source() {
    return this.#m.source;
  }
  get ports() {
    return this.#m.ports;
  }

  initMessageEvent(type, bubbles = false, cancelable = false, data = null, origin = "", lastEventId = "", source = null, ports = []) {
    requireArguments("MessageEvent.initMessageEvent", arguments.length, 1);
    if (eventState(this).dispatching) return;
    this.initEvent(type, bubbles, cancelable);
    this.#m = new MessageEventState({ __proto__: null, data, origin, lastEventId, source, ports });
  }
}
defineInterface(MessageEvent);

class PortState {
  constructor() {
    // What has arrived and not been delivered: pairs of data and ports.
    this.queue = [];
  }
}
internal(PortState, { face: null, other: null, started: false, closed: false, moved: false, delivering: false });

let portState;
const isMessagePort = (value) => portState(value) !== null;

class MessagePort extends EventTarget {
  #p;

  constructor(state) {
    if (!(state instanceof PortState)) throw new TypeError("Illegal constructor");
    super();
    this.#p = state;
    state.face = this;
  }

  static {
    portState = (value) => (isObject(value) && #p in value ? value.#p : null);
  }

  postMessage(message, options = undefined) {
    const state = this.#p;
    requireArguments("MessagePort.postMessage", arguments.length, 1);
    const isList = isObject(options) && typeof options[Symbol.iterator] === "function";
    const transfer = isList ? options : toDictionary(options, "MessagePort.postMessage: the options").transfer;
    const list = transfer === undefined ? [] : toSequence(transfer, "MessagePort.postMessage: the transfer list");
    for (let i = 0; i < list.length; i++) if (list[i] === this) throw cloneError("The port that a message is posted to");
    const doomed = state.other !== null && list.indexOf(state.other.face) >= 0;
    const ports = [];
    const data = cloneWithTransfer(message, list, ports);
    const { other } = state;
    if (other === null || other.closed || doomed || state.moved) return;
    other.queue[other.queue.length] = { __proto__: null, data, ports };
    deliverMessages(other);
  }

  start() {
    const state = this.#p;
    state.started = true;
    deliverMessages(state);
  }

  close() {
    const state = this.#p;
    state.closed = true;
    state.queue.length = 0;
    const { other } = state;
    if (other !== null) {
      state.other = null;
      other.other = null;
      if (current !== null) addTimer(() => { if (other.face !== null && !other.closed) dispatchTo(other.face, new Event(new EventState("close", null, true))); }, 0, false);
    }
  }
}
for (const type of ["message", "messageerror", "close"]) defineHandlerAttribute(MessagePort, type);
{
  // To say what becomes of messages is to start the port.
  const { get, set } = ObjectGetOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
  const setter = {
    set onmessage(handler) {
      ReflectApply(set, this, [handler]);
      portState(this).started = true;
      deliverMessages(portState(this));
    },
  };
  const started = ObjectGetOwnPropertyDescriptor(setter, "onmessage").set;
  ObjectDefineProperty(MessagePort.prototype, "onmessage", { get, set: started, enumerable: true, configurable: true });
}
defineInterface(MessagePort);

// One message a task; there are no tasks without a request.
function deliverMessages(state) {
  if (!state.started || state.delivering || state.queue.length === 0 || current === null) return;
  state.delivering = true;
  addTimer(
    () => {
      state.delivering = false;
      const message = state.queue.length > 0 ? arraySplice(state.queue, 0, 1)[0] : null;
      if (message === null || state.closed || state.moved) return;
      deliverMessages(state);
      const event = new MessageEvent("message", new MessageEventState({ __proto__: null, data: message.data, ports: message.ports }));
      dispatchTo(state.face, event);
    },
    0,
    false,
  );
}

function requireMovable(face) {
  const state = portState(face);
  if (state.moved || state.closed) throw cloneError("A MessagePort that was transferred or closed");
}

// A port in another place: the old face is of no more use.
function movePort(face) {
  const old = portState(face);
  const state = new PortState();
  state.queue = old.queue;
  state.other = old.other;
  if (state.other !== null) state.other.other = state;
  old.moved = true;
  old.other = null;
  old.queue = [];
  return new MessagePort(state);
}

class MessageChannel {
  #one;
  #other;

  constructor() {
    const one = new PortState();
    const other = new PortState();
    one.other = other;
    other.other = one;
    this.#one = new MessagePort(one);
    this.#other = new MessagePort(other);
  }

  get port1() {
    return this.#one;
  }
  get port2() {
    return this.#other;
  }
}
defineInterface(MessageChannel);
hideArguments(MessagePort);
