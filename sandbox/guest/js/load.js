// Owns start-up: the environment, the cloudflare:workers module, and the table of handlers that requests are given to. Must not run before LOAD nor
// after the snapshot: what it leaves is what every instance starts from.

class WorkerEntrypoint {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

class DurableObject {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

class RpcTarget {}

let workerEnv = {};

// What answers requests for one entrypoint: an object with handlers, or a class of which each request gets its own instance.
class Entry {
  constructor(self, isClass) {
    this.self = self;
    this.isClass = isClass;
    this.fetch = isClass ? undefined : self.fetch;
  }
}
internal(Entry);

// By entrypoint name; "" is the default export.
const entries = new SafeMap();

const HANDLER_NAMES = ["fetch", "scheduled", "queue", "tail", "email", "trace", "test"];

function handlersOf(object) {
  const names = [];
  for (let i = 0; i < HANDLER_NAMES.length; i++) {
    if (typeof object[HANDLER_NAMES[i]] === "function") names[names.length] = HANDLER_NAMES[i];
  }
  return names;
}

const isEntrypointClass = (value) => typeof value === "function" && (value === WorkerEntrypoint || inherits(value, WorkerEntrypoint));

function inherits(Class, Base) {
  for (let proto = ObjectGetPrototypeOf(Class); proto !== null; proto = ObjectGetPrototypeOf(proto)) if (proto === Base) return true;
  return false;
}

// Registers an export; the names of its handlers, or null when it is no entrypoint.
function registerEntry(name, value) {
  if (isEntrypointClass(value)) {
    entries.set(name, new Entry(value, true));
    return handlersOf(value.prototype);
  }
  if (typeof value !== "object" || value === null) return null;
  const handlers = handlersOf(value);
  if (name !== "" && handlers.length === 0) return null;
  entries.set(name, new Entry(value, false));
  return handlers;
}

function load(json, serialized) {
  const config = JSONParse(json);
  try {
    outboundAllowed = config.outbound !== false;
    workerEnv = buildEnv(config.env, serialized);
    const flags = applyFlags(config.flags);
    const env = flags.has("disallow_importable_env") ? {} : workerEnv;
    host.setBuiltin("cloudflare:workers", { DurableObject, RpcTarget, WorkerEntrypoint, env, waitUntil: contextOperations.waitUntil });
    if (config.node === true) {
      host.setBuiltin("hostel:internal", nodeInternals(config.process_env));
      const imported = promiseThen(host.importMain("node:_start"), () => host.importMain(config.main));
      promiseThen(imported, loaded, startupFailed);
      return;
    }
    promiseThen(host.importMain(config.main), loaded, startupFailed);
  } catch (error) {
    startupFailed(error);
  }
}

function startupFailed(error) {
  emitException(0, FLAG_STARTUP, error);
}

function loaded(namespace) {
  try {
    const report = { handlers: [], entrypoints: {} };
    const names = ReflectOwnKeys(namespace);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (typeof name === "symbol") continue;
      const handlers = registerEntry(name === "default" ? "" : name, namespace[name]);
      if (handlers === null) continue;
      if (name === "default") report.handlers = handlers;
      else report.entrypoints[name] = handlers;
    }
    host.emit(EFFECT_LOADED, 0, 0, "s", JSONStringify(report));
  } catch (error) {
    startupFailed(error);
  }
}

function buildEnv(descriptors, serialized) {
  const env = {};
  for (let i = 0; i < descriptors.length; i++) {
    const descriptor = descriptors[i];
    ObjectDefineProperty(env, descriptor.name, { value: bindingValue(descriptor), writable: true, enumerable: true, configurable: true });
  }
  if (serialized !== undefined) {
    const given = host.deserialize(serialized);
    const names = ObjectKeys(given);
    for (let i = 0; i < names.length; i++) {
      ObjectDefineProperty(env, names[i], { value: given[names[i]], writable: true, enumerable: true, configurable: true });
    }
  }
  return env;
}

function bindingValue(descriptor) {
  switch (descriptor.type) {
    case "plain_text":
    case "secret_text":
      return descriptor.text;
    case "json":
      return descriptor.json;
    case "version_metadata":
      return { id: descriptor.id, tag: descriptor.tag, timestamp: descriptor.timestamp };
    case "worker_loader":
      return new WorkerLoader(new LoaderBinding(descriptor.name));
    case "service":
      return new Fetcher(new FetcherState(JSONStringify({ kind: "service", binding: descriptor.name }), null));
    case "dispatch_namespace":
      return dispatchBinding(descriptor);
    case "flags":
      return new Flagship(new FlagsBinding(descriptor.name));
    default:
      throw new Error(`The binding ${JSONStringify(descriptor.name)} has a type this runtime does not know: ${JSONStringify(descriptor.type)}`);
  }
}

// Requests -------------------------------------------------------------------------------------------------------------------------------

const NO_FETCH = "Handler does not export a fetch() function.";

// Calls the fetch handler of an entrypoint; what it throws is the caller's.
function callHandler(name, request, invocation) {
  const entry = entries.get(name);
  if (entry === undefined) {
    if (name === "") throw new TypeError(NO_FETCH);
    throw new TypeError(`The worker has no entrypoint called ${JSONStringify(name)}.`);
  }
  const ctx = new ExecutionContext(invocation);
  const env = environmentOf(invocation);
  if (entry.isClass) {
    const instance = new entry.self(ctx, env);
    const { fetch } = instance;
    if (typeof fetch !== "function") throw new TypeError(NO_FETCH);
    return ReflectApply(fetch, instance, [request]);
  }
  if (typeof entry.fetch !== "function") throw new TypeError(NO_FETCH);
  return ReflectApply(entry.fetch, entry.self, [request, env, ctx]);
}

// Calls the handler of an event that is no request.
function callEventHandler(name, handler, argument, invocation) {
  const entry = entries.get(name);
  const ctx = new ExecutionContext(invocation);
  const self = entry === undefined ? undefined : entry.isClass ? new entry.self(ctx, workerEnv) : entry.self;
  const method = self === undefined ? undefined : self[handler];
  if (typeof method !== "function") throw new TypeError(`Handler does not export a ${handler}() function.`);
  return ReflectApply(method, self, entry.isClass ? [argument] : [argument, workerEnv, ctx]);
}
