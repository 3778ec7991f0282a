// Owns node:process and the global `process`: what a worker can know of its process, which is nearly nothing.
import { emitWarning as emitLine, env as bindings, reportException } from "hostel:internal";
import { EventEmitter } from "node:events";

export const registry = new Map();

// Text bindings, as Node's environment has them (compatibility flag nodejs_compat_populate_process_env).
export const env = {};
for (const [name, value] of Object.entries(bindings)) {
  if (typeof value === "string") env[name] = value;
  else if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) env[name] = JSON.stringify(value);
}
env.NODE_ENV ??= "production";

export function nextTick(callback, ...args) {
  if (typeof callback !== "function") throw new TypeError('The "callback" argument must be of type function.');
  queueMicrotask(() => callback(...args));
}

const start = 0;
export function hrtime(previous = undefined) {
  const now = performance.now() - start;
  let seconds = Math.floor(now / 1000);
  let nanoseconds = Math.floor((now % 1000) * 1e6);
  if (previous !== undefined) {
    seconds -= previous[0];
    nanoseconds -= previous[1];
    if (nanoseconds < 0) {
      seconds--;
      nanoseconds += 1e9;
    }
  }
  return [seconds, nanoseconds];
}
hrtime.bigint = () => BigInt(Math.floor(performance.now() * 1e6));

export const version = "v22.14.0";
export const versions = { node: "22.14.0" };
export const platform = "linux";
export const arch = "x64";
export const title = "workerd";
export const pid = 1;
export const ppid = 0;
export const argv = ["workerd"];
export const argv0 = "workerd";
export const execArgv = [];
export const execPath = "";
export const exitCode = undefined;
export const release = { name: "node", lts: true };
export const features = { __proto__: null, inspector: false, debug: false, uv: false, ipv6: false, tls: true };
export const config = { target_defaults: {}, variables: {} };
export const cwd = () => "/bundle";
export const chdir = () => {};
export const umask = () => 18;
export const uptime = () => performance.now() / 1000;
export const memoryUsage = () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 });
memoryUsage.rss = () => 0;
export const cpuUsage = () => ({ user: 0, system: 0 });
export const exit = (code = 0) => {
  throw new Error(`process.exit(${code}) was called`);
};
export const abort = () => exit(134);
export const kill = () => {
  throw new Error("process.kill() is not available");
};
export function emitWarning(warning, options = undefined) {
  const type = typeof options === "string" ? options : (options?.type ?? "Warning");
  const text = warning instanceof Error ? `${warning.name}: ${warning.message}` : `${type}: ${warning}`;
  emitLine(text);
  process.emit("warning", warning instanceof Error ? warning : Object.assign(new Error(warning), { name: type }));
}
// Modules that the worker names somewhere; others are not there.
export const getBuiltinModule = (name) => registry.get(String(name).replace(/^node:/, ""));

const output = (write) => ({ isTTY: false, fd: 1, writable: true, columns: 80, write: (text) => (write(String(text).replace(/\n$/, "")), true), on: () => {}, once: () => {}, emit: () => false, end: () => {} });
export const stdout = output((text) => console.log(text));
export const stderr = output((text) => console.error(text));
export const stdin = { isTTY: false, fd: 0, on: () => {}, read: () => null };

const process = Object.assign(new EventEmitter(), {
  abort, arch, argv, argv0, chdir, config, cpuUsage, cwd, emitWarning, env, execArgv, execPath, exit, exitCode, features, getBuiltinModule, hrtime,
  kill, memoryUsage, nextTick, pid, platform, ppid, release, stderr, stdin, stdout, title, umask, uptime, version, versions,
});
Object.defineProperty(process, Symbol.toStringTag, { value: "process", configurable: true });
addEventListener("unhandledrejection", (event) => {
  if (process.listenerCount("unhandledRejection") === 0) return;
  event.preventDefault();
  try {
    process.emit("unhandledRejection", event.reason, event.promise);
  } catch (error) {
    reportException(error);
  }
});
export default process;
