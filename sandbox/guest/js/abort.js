// Owns AbortController and AbortSignal (DOM standard, "aborting ongoing activities"). Must not know what is aborted: others register
// algorithms.
//
// The standard lets a signal hold its dependents weakly while nobody listens to them. Ours holds them strongly: signals of a request die
// with it, and reference counting would drop a listener's signal at once.

class SignalState {}

internal(SignalState, {
  aborted: false,
  reason: undefined,
  algorithms: null,
  dependents: null,
  // The non-dependent signals this one follows, or null when it follows none.
  sources: null,
});

let signalState;
let isAbortSignal;

class AbortSignal extends EventTarget {
  #s;

  constructor(state) {
    if (!(state instanceof SignalState)) throw new TypeError("Illegal constructor");
    super();
    this.#s = state;
  }

  static {
    signalState = (signal) => signal.#s;
    isAbortSignal = (value) => isObject(value) && #s in value;
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(new SignalState());
    const state = signal.#s;
    state.aborted = true;
    state.reason = reason === undefined ? abortError() : reason;
    return signal;
  }

  static timeout(milliseconds) {
    requireArguments("AbortSignal.timeout", arguments.length, 1);
    const delay = toUnsignedEnforced(milliseconds, "AbortSignal.timeout: the time");
    const signal = new AbortSignal(new SignalState());
    addTimer(() => signalAbort(signal, domException("TimeoutError", "The operation was aborted due to timeout")), delay, false);
    return signal;
  }

  static any(signals) {
    requireArguments("AbortSignal.any", arguments.length, 1);
    const method = isObject(signals) ? signals[Symbol.iterator] : undefined;
    if (typeof method !== "function") throw new TypeError("AbortSignal.any: the argument is not iterable");
    const sources = iterateToArray(signals, method);
    for (let i = 0; i < sources.length; i++) {
      if (!isAbortSignal(sources[i])) throw new TypeError("AbortSignal.any: an item is not an AbortSignal");
    }
    return dependentSignal(sources);
  }

  get aborted() {
    return this.#s.aborted;
  }

  get reason() {
    return this.#s.reason;
  }

  throwIfAborted() {
    const state = this.#s;
    if (state.aborted) throw state.reason;
  }
}

const abortError = () => domException("AbortError", "The operation was aborted");
const newSignal = () => new AbortSignal(new SignalState());
const signalAborted = (signal) => signalState(signal).aborted;

function dependentSignal(sources) {
  const signal = newSignal();
  const state = signalState(signal);
  for (let i = 0; i < sources.length; i++) {
    const source = signalState(sources[i]);
    if (source.aborted) {
      state.aborted = true;
      state.reason = source.reason;
      return signal;
    }
  }
  state.sources = [];
  for (let i = 0; i < sources.length; i++) {
    const source = signalState(sources[i]);
    if (source.sources === null) {
      linkSignals(sources[i], signal);
    } else {
      for (let j = 0; j < source.sources.length; j++) linkSignals(source.sources[j], signal);
    }
  }
  return signal;
}

function linkSignals(source, dependent) {
  const state = signalState(dependent);
  for (let i = 0; i < state.sources.length; i++) if (state.sources[i] === source) return;
  state.sources[state.sources.length] = source;
  const origin = signalState(source);
  if (origin.dependents === null) origin.dependents = [];
  origin.dependents[origin.dependents.length] = dependent;
}

// Runs `algorithm` when the signal aborts; the returned function takes it back.
function addAbortAlgorithm(signal, algorithm) {
  const state = signalState(signal);
  if (state.aborted) return noop;
  if (state.algorithms === null) state.algorithms = new SafeSet();
  state.algorithms.add(algorithm);
  return () => {
    if (state.algorithms !== null) state.algorithms.delete(algorithm);
  };
}

function signalAbort(signal, reason) {
  const state = signalState(signal);
  if (state.aborted) return;
  const why = reason === undefined ? abortError() : reason;
  state.aborted = true;
  state.reason = why;
  const affected = [];
  if (state.dependents !== null) {
    for (let i = 0; i < state.dependents.length; i++) {
      const dependent = signalState(state.dependents[i]);
      if (!dependent.aborted) {
        dependent.aborted = true;
        dependent.reason = why;
        affected[affected.length] = state.dependents[i];
      }
    }
    state.dependents = null;
  }
  runAbortSteps(signal);
  for (let i = 0; i < affected.length; i++) runAbortSteps(affected[i]);
}

function runAbortSteps(signal) {
  const state = signalState(signal);
  const algorithms = state.algorithms;
  state.algorithms = null;
  if (algorithms !== null) {
    algorithms.forEach((algorithm) => {
      algorithm();
    });
  }
  if (targetListeners.get(signal) !== null) dispatchTo(signal, new Event(new EventState("abort", null, true)));
}

class AbortController {
  #signal = newSignal();

  get signal() {
    return this.#signal;
  }

  abort(reason = undefined) {
    signalAbort(this.#signal, reason);
  }
}

defineHandlerAttribute(AbortSignal, "abort");
defineInterface(AbortSignal);
defineInterface(AbortController);
