// Owns node:timers: the runtime's timers, as objects the way Node has them.

class Timeout {
  #id;
  #clear;
  #again;
  constructor(start, clear) {
    this.#again = start;
    this.#clear = clear;
    this.#id = start();
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }
  hasRef() {
    return true;
  }
  refresh() {
    this.#clear(this.#id);
    this.#id = this.#again();
    return this;
  }
  close() {
    this.#clear(this.#id);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.#id;
  }
}

const started = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval };
const stop = globalThis.clearTimeout;
export const setTimeout = (callback, delay = 1, ...args) => new Timeout(() => started.setTimeout(callback, delay, ...args), stop);
export const setInterval = (callback, delay = 1, ...args) => new Timeout(() => started.setInterval(callback, delay, ...args), stop);
export const clearTimeout = (timer) => (timer instanceof Timeout ? void timer.close() : stop(timer));
export const clearInterval = clearTimeout;
export const { setImmediate, clearImmediate } = globalThis;
export const active = () => {};
export const enroll = () => {};
export const unenroll = () => {};
import promises from "node:timers/promises";
export { promises };
export default { setTimeout, setInterval, clearTimeout, clearInterval, setImmediate, clearImmediate, active, enroll, unenroll, promises };
