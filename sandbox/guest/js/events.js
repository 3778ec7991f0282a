// Owns Event, CustomEvent, ErrorEvent, PromiseRejectionEvent and EventTarget (DOM standard, without a tree: the path of an event is its
// target alone). Must not report errors itself: a listener that throws goes to reportException.

class EventState {
  constructor(type, init, trusted) {
    this.type = type;
    this.bubbles = init === null ? false : !!init.bubbles;
    this.cancelable = init === null ? false : !!init.cancelable;
    this.composed = init === null ? false : !!init.composed;
    this.trusted = trusted;
    this.timeStamp = sinceStart();
    this.target = null;
    this.phase = 0;
    this.stopped = false;
    this.stoppedAtOnce = false;
    this.canceled = false;
    this.passive = false;
    this.dispatching = false;
  }
}
internal(EventState);

let eventState;

class Event {
  #s;

  constructor(type, init = undefined) {
    requireArguments("Event constructor", arguments.length, 1);
    if (type instanceof EventState) {
      this.#s = type;
      return;
    }
    const name = `${type}`;
    this.#s = new EventState(name, toDictionary(init, "Event: the init"), false);
  }

  static {
    eventState = (event) => event.#s;
  }

  get type() {
    return this.#s.type;
  }
  get target() {
    return this.#s.target;
  }
  get srcElement() {
    return this.#s.target;
  }
  get currentTarget() {
    return this.#s.dispatching ? this.#s.target : null;
  }
  composedPath() {
    return this.#s.dispatching ? [this.#s.target] : [];
  }
  get eventPhase() {
    return this.#s.phase;
  }
  stopPropagation() {
    this.#s.stopped = true;
  }
  get cancelBubble() {
    return this.#s.stopped;
  }
  set cancelBubble(value) {
    if (value) this.#s.stopped = true;
    else void this.#s;
  }
  stopImmediatePropagation() {
    this.#s.stopped = true;
    this.#s.stoppedAtOnce = true;
  }
  get bubbles() {
    return this.#s.bubbles;
  }
  get cancelable() {
    return this.#s.cancelable;
  }
  get returnValue() {
    return !this.#s.canceled;
  }
  set returnValue(value) {
    if (!value) cancelEvent(this.#s);
    else void this.#s;
  }
  preventDefault() {
    cancelEvent(this.#s);
  }
  get defaultPrevented() {
    return this.#s.canceled;
  }
  get composed() {
    return this.#s.composed;
  }
  get isTrusted() {
    return this.#s.trusted;
  }
  get timeStamp() {
    return this.#s.timeStamp;
  }
}

function cancelEvent(state) {
  if (state.cancelable && !state.passive) state.canceled = true;
}

class CustomEvent extends Event {
  #detail;
  constructor(type, init = undefined) {
    requireArguments("CustomEvent constructor", arguments.length, 1);
    super(type, init);
    const detail = toDictionary(init, "CustomEvent: the init").detail;
    this.#detail = detail === undefined ? null : detail;
  }
  get detail() {
    return this.#detail;
  }
}

class ErrorEvent extends Event {
  #init;
  constructor(type, init = undefined) {
    requireArguments("ErrorEvent constructor", arguments.length, 1);
    super(type, init);
    const given = toDictionary(init, "ErrorEvent: the init");
    this.#init = {
      message: given.message === undefined ? "" : `${given.message}`,
      filename: given.filename === undefined ? "" : `${given.filename}`,
      lineno: given.lineno === undefined ? 0 : given.lineno >>> 0,
      colno: given.colno === undefined ? 0 : given.colno >>> 0,
      error: given.error,
    };
  }
  get message() {
    return this.#init.message;
  }
  get filename() {
    return this.#init.filename;
  }
  get lineno() {
    return this.#init.lineno;
  }
  get colno() {
    return this.#init.colno;
  }
  get error() {
    return this.#init.error;
  }
}

class PromiseRejectionEvent extends Event {
  #promise;
  #reason;
  constructor(type, init) {
    requireArguments("PromiseRejectionEvent constructor", arguments.length, 2);
    super(type, init);
    this.#promise = init.promise;
    this.#reason = init.reason;
  }
  get promise() {
    return this.#promise;
  }
  get reason() {
    return this.#reason;
  }
}

// Listeners ------------------------------------------------------------------------------------------------------------------------------

class Listener {
  constructor(type, callback, capture, once, passive) {
    this.type = type;
    this.callback = callback;
    this.capture = capture;
    this.once = once;
    this.passive = passive;
    this.removed = false;
  }
}
internal(Listener);

let targetListeners;

class EventTarget {
  #listeners = null;

  constructor() {}

  static {
    targetListeners = {
      get: (target) => target.#listeners,
      set: (target, listeners) => {
        target.#listeners = listeners;
      },
      is: (value) => isObject(value) && #listeners in value,
    };
  }

  addEventListener(type, callback, options = undefined) {
    const target = targetOf(this);
    requireArguments("EventTarget.addEventListener", arguments.length, 2);
    addListener(target, `${type}`, callback, options);
  }

  removeEventListener(type, callback, options = undefined) {
    const target = targetOf(this);
    requireArguments("EventTarget.removeEventListener", arguments.length, 2);
    const capture = typeof options === "boolean" ? options : isObject(options) ? !!options.capture : false;
    removeListener(target, `${type}`, callback, capture);
  }

  dispatchEvent(event) {
    const target = targetOf(this);
    requireArguments("EventTarget.dispatchEvent", arguments.length, 1);
    if (!(event instanceof Event)) throw new TypeError("EventTarget.dispatchEvent: the argument is not an Event");
    const state = eventState(event);
    if (state.dispatching) throw domException("InvalidStateError", "The event is already being dispatched");
    state.trusted = false;
    return dispatchTo(target, event);
  }
}

// The global object is an EventTarget too, though not an instance of ours.
let globalTarget = null;
const targetOf = (self) => ((self === undefined || self === null || self === globalThis) && globalTarget !== null ? globalTarget : self);

function addListener(target, type, callback, options) {
  let capture = false;
  let once = false;
  let passive = false;
  let signal;
  if (typeof options === "boolean") {
    capture = options;
  } else if (options !== undefined && options !== null) {
    if (!isObject(options)) throw new TypeError("addEventListener: the options are not an object");
    capture = !!options.capture;
    once = !!options.once;
    passive = !!options.passive;
    signal = options.signal;
    if (signal !== undefined && !isAbortSignal(signal)) throw new TypeError("addEventListener: the signal is not an AbortSignal");
  }
  let listeners = targetListeners.get(target);
  if (callback === null || callback === undefined) return;
  if (!isObject(callback)) throw new TypeError("addEventListener: the listener is neither a function nor an object");
  if (signal !== undefined && signalAborted(signal)) return;
  if (listeners === null) {
    listeners = [];
    targetListeners.set(target, listeners);
  }
  for (let i = 0; i < listeners.length; i++) {
    const known = listeners[i];
    if (known.type === type && known.callback === callback && known.capture === capture) return;
  }
  listeners[listeners.length] = new Listener(type, callback, capture, once, passive);
  if (signal !== undefined) addAbortAlgorithm(signal, () => removeListener(target, type, callback, capture));
}

function removeListener(target, type, callback, capture) {
  const listeners = targetListeners.get(target);
  if (listeners === null) return;
  for (let i = 0; i < listeners.length; i++) {
    const known = listeners[i];
    if (known.type === type && known.callback === callback && known.capture === capture) {
      known.removed = true;
      // A fresh array, so that a dispatch under way keeps its own.
      targetListeners.set(target, withoutIndex(listeners, i));
      return;
    }
  }
}

function withoutIndex(array, index) {
  const rest = [];
  for (let i = 0; i < array.length; i++) if (i !== index) rest[rest.length] = array[i];
  return rest;
}

// Calls the listeners of `event`; false when one prevented the default. `target` gets the event as its `target`.
function dispatchTo(target, event) {
  const state = eventState(event);
  const listeners = targetListeners.get(target);
  state.target = target === globalTarget ? globalThis : target;
  if (listeners === null) return !state.canceled;
  state.dispatching = true;
  state.phase = 2;
  // Listeners added from now on are not called; removed ones neither.
  const count = listeners.length;
  for (let pass = 0; pass < 2 && !state.stopped; pass++) {
    for (let i = 0; i < count && !state.stoppedAtOnce; i++) {
      const listener = listeners[i];
      if (listener.removed || listener.type !== state.type || listener.capture !== (pass === 0)) continue;
      if (listener.once) removeListener(target, listener.type, listener.callback, listener.capture);
      state.passive = listener.passive;
      try {
        const callback = listener.callback;
        if (typeof callback === "function") {
          ReflectApply(callback, state.target, [event]);
        } else {
          const method = callback.handleEvent;
          if (typeof method !== "function") throw new TypeError("The event listener has no handleEvent function");
          ReflectApply(method, callback, [event]);
        }
      } catch (error) {
        reportException(error);
      }
      state.passive = false;
    }
  }
  state.dispatching = false;
  state.phase = 0;
  state.stopped = false;
  state.stoppedAtOnce = false;
  return !state.canceled;
}

// An `on…` attribute of a prototype: a listener whose place in the order is that of its first assignment.
function defineHandlerAttribute(Class, type) {
  const handlers = new SafeWeakMap();
  ObjectDefineProperty(Class.prototype, `on${type}`, {
    get() {
      targetListeners.get(this);
      const entry = handlers.get(this);
      return entry === undefined ? null : entry.handler;
    },
    set(value) {
      targetListeners.get(this);
      const handler = isObject(value) ? value : null;
      const entry = handlers.get(this);
      if (entry === undefined) {
        if (handler === null) return;
        const fresh = { handler, listener: null };
        fresh.listener = function (event) {
          if (typeof fresh.handler === "function" && ReflectApply(fresh.handler, this, [event]) === false) event.preventDefault();
        };
        handlers.set(this, fresh);
        addListener(this, type, fresh.listener, undefined);
      } else if (handler === null) {
        handlers.delete(this);
        removeListener(this, type, entry.listener, false);
      } else {
        entry.handler = handler;
      }
    },
    enumerable: true,
    configurable: true,
  });
}

const EVENT_PHASES = { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 };
defineConstants(Event, EVENT_PHASES);
defineInterface(Event);
defineInterface(CustomEvent);
defineInterface(ErrorEvent);
defineInterface(PromiseRejectionEvent);
defineInterface(EventTarget);
