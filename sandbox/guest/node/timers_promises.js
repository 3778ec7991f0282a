// Owns node:timers/promises.
import { AbortError } from "node:events";

const { setTimeout: later, clearTimeout: stop, setImmediate: soon } = globalThis;

function waiting(start, value, options) {
  const signal = options?.signal;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new AbortError(undefined, { cause: signal.reason }));
      return;
    }
    const timer = start(() => resolve(value));
    signal?.addEventListener("abort", () => {
      stop(timer);
      reject(new AbortError(undefined, { cause: signal.reason }));
    });
  });
}

export const setTimeout = (delay = 1, value = undefined, options = undefined) => waiting((done) => later(done, delay), value, options);
export const setImmediate = (value = undefined, options = undefined) => waiting((done) => (options?.signal === undefined ? soon(done) : later(done, 0)), value, options);
export async function* setInterval(delay = 1, value = undefined, options = undefined) {
  for (;;) yield await setTimeout(delay, value, options);
}
export const scheduler = { wait: (delay, options) => setTimeout(delay, undefined, options), yield: () => setImmediate() };
export default { setTimeout, setImmediate, setInterval, scheduler };
