// Owns setTimeout, setInterval, setImmediate, scheduler.wait and the clock that performance shows. Timers belong to the request that made
// them and end with it. Must not wait: it tells the host with WAKE_AT when to come back.
//
// One WAKE runs one due timer: the microtasks a callback queues must run before the next callback, and the queue is drained between turns
// alone. Timers due together therefore ask to be woken again at once.

const NO_WAKE = Infinity;
// The longest delay of a browser's timer; longer ones fire at once there, and in Workers.
const MAX_DELAY = 2147483647;

let nextTimerId = 1;

class Timer {
  constructor(id, due, callback, args, interval) {
    this.id = id;
    this.due = due;
    this.callback = callback;
    this.args = args;
    // Milliseconds between calls, or -1 for a single one.
    this.interval = interval;
    this.cancelled = false;
    this.context = host.asyncContext();
  }
}
internal(Timer);

// The request whose code is running, or the error Workers throws at the top level.
function requireRequest() {
  if (current === null) {
    throw new Error(
      "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), setting a timeout, and generating " +
        "random values are not allowed within global scope. To fix this error, perform this operation within a handler.",
    );
  }
  return current;
}

function toDelay(value) {
  if (value === undefined) return 0;
  const delay = MathTrunc(+value);
  return delay > 0 && delay <= MAX_DELAY ? delay : 0;
}

function addTimer(callback, delay, repeat, args = null) {
  const request = requireRequest();
  const id = nextTimerId++;
  insertTimer(request, new Timer(id, host.now() + delay, callback, args, repeat ? MathMax(delay, 1) : -1));
  return id;
}

// A binary heap by time, then by age (the id of a timer grows): ten thousand timers must not cost a hundred million steps.
function timerBefore(one, other) {
  return one.due < other.due || (one.due === other.due && one.id < other.id);
}

function insertTimer(request, timer) {
  if (request.timers === null) request.timers = [];
  const timers = request.timers;
  let at = timers.length;
  timers[at] = timer;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (!timerBefore(timer, timers[above])) break;
    timers[at] = timers[above];
    at = above;
  }
  timers[at] = timer;
}

// Takes the timer at a place out of the heap; the last one fills its place.
function takeTimer(timers, at) {
  const taken = timers[at];
  const last = timers[timers.length - 1];
  timers.length--;
  if (last === taken) return taken;
  const count = timers.length;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (!timerBefore(last, timers[above])) break;
    timers[at] = timers[above];
    at = above;
  }
  for (;;) {
    let below = 2 * at + 1;
    if (below >= count) break;
    if (below + 1 < count && timerBefore(timers[below + 1], timers[below])) below++;
    if (!timerBefore(timers[below], last)) break;
    timers[at] = timers[below];
    at = below;
  }
  timers[at] = last;
  return taken;
}

function removeTimer(id) {
  if (current === null || current.timers === null) return;
  const timers = current.timers;
  for (let i = 0; i < timers.length; i++) {
    if (timers[i].id === id) {
      takeTimer(timers, i).cancelled = true;
      return;
    }
  }
}

function runDueTimer(request) {
  const timers = request.timers;
  if (timers === null || timers.length === 0 || timers[0].due > host.now()) {
    // The host came early or for a timer that is gone: the wish stands, or is taken back, at the end of the turn.
    request.wakeAt = NO_WAKE;
    return;
  }
  request.wakeAt = NO_WAKE;
  const timer = takeTimer(timers, 0);
  if (timer.interval >= 0) {
    timer.due = host.now() + timer.interval;
    insertTimer(request, timer);
  }
  host.setAsyncContext(timer.context);
  try {
    if (timer.args === null) ReflectApply(timer.callback, globalThis, []);
    else ReflectApply(timer.callback, globalThis, timer.args);
  } catch (error) {
    reportException(error);
  }
}

// Tells the host about the request's earliest timer when that has changed since it was last told.
function announceTimers(request) {
  const timers = request.timers;
  const earliest = timers === null || timers.length === 0 ? NO_WAKE : timers[0].due;
  if (earliest !== request.wakeAt) {
    request.wakeAt = earliest;
    host.emit(EFFECT_WAKE_AT, 0, request.id, "d", earliest);
  }
}

function timerArguments(all, from) {
  return all.length <= from ? null : arraySlice(all, from);
}

function checkedCallback(callback, what) {
  if (typeof callback !== "function") throw new TypeError(`${what}: the callback is not a function`);
  return callback;
}

// Methods rather than functions: an operation of the global cannot be called with `new`.
const timerOperations = {
  setTimeout(callback, delay = undefined) {
    requireArguments("setTimeout", arguments.length, 1);
    return addTimer(checkedCallback(callback, "setTimeout"), toDelay(delay), false, timerArguments(arguments, 2));
  },

  setInterval(callback, delay = undefined) {
    requireArguments("setInterval", arguments.length, 1);
    return addTimer(checkedCallback(callback, "setInterval"), toDelay(delay), true, timerArguments(arguments, 2));
  },

  clearTimeout(id = undefined) {
    if (id !== undefined && id !== null) removeTimer(+id);
  },

  clearInterval(id = undefined) {
    if (id !== undefined && id !== null) removeTimer(+id);
  },
};

// Node's form: an object, so that it cannot be taken for a timeout's number.
class Immediate {
  #id;
  constructor(id) {
    this.#id = id;
  }
  static id(immediate) {
    return isObject(immediate) && #id in immediate ? immediate.#id : undefined;
  }
}
const immediateId = Immediate.id;
delete Immediate.id;
delete Immediate.prototype.constructor;

const taskOperations = {
  setImmediate(callback) {
    requireArguments("setImmediate", arguments.length, 1);
    return new Immediate(addTimer(checkedCallback(callback, "setImmediate"), 0, false, timerArguments(arguments, 1)));
  },

  clearImmediate(immediate = undefined) {
    const id = immediateId(immediate);
    if (id !== undefined) removeTimer(id);
  },

  queueMicrotask(callback) {
    requireArguments("queueMicrotask", arguments.length, 1);
    checkedCallback(callback, "queueMicrotask");
    promiseThen(promiseResolvedWith(undefined), () => {
      try {
        callback();
      } catch (error) {
        reportException(error);
      }
    });
  },
};

class Scheduler {
  async wait(delay, options = undefined) {
    requireArguments("scheduler.wait", arguments.length, 1);
    const signal = toDictionary(options, "scheduler.wait: the options").signal;
    if (signal !== undefined && !isAbortSignal(signal)) throw new TypeError("scheduler.wait: the signal is not an AbortSignal");
    if (signal !== undefined && signalAborted(signal)) throw signalState(signal).reason;
    const { promise, resolve, reject } = promiseWithResolvers();
    const id = addTimer(resolve, toDelay(delay), false);
    if (signal !== undefined) {
      addAbortAlgorithm(signal, () => {
        removeTimer(id);
        reject(signalState(signal).reason);
      });
    }
    return promise;
  }
}
const scheduler = new Scheduler();
delete Scheduler.prototype.constructor;

// The clock ------------------------------------------------------------------------------------------------------------------------------

// Whole milliseconds, as Date shows them: a finer clock would help to measure what others do.
const wallClock = () => MathFloor(host.now());

// Milliseconds since the current request began. Time stands still while a worker computes, so this moves at I/O alone.
const sinceStart = () => (current === null ? 0 : wallClock() - current.start);

let performance;

class Performance extends EventTarget {
  #brand = undefined;

  constructor() {
    if (performance !== undefined) throw new TypeError("Illegal constructor");
    super();
  }
  now() {
    this.#brand;
    return sinceStart();
  }
  get timeOrigin() {
    this.#brand;
    return current === null ? 0 : current.start;
  }
  toJSON() {
    this.#brand;
    return { timeOrigin: this.timeOrigin };
  }
}
performance = new Performance();

defineInterface(Scheduler);
defineInterface(Performance);
