// Owns the Worker Loader binding: stubs, entrypoints, and the code they hand to the host when it asks. Must not cache: whether a key is warm is the
// host's knowledge.

const LARGEST_CODE = 67108864;
const LARGEST_ENV = 1048576;

const MODULE_JS = 0;
const MODULE_TEXT = 1;
const MODULE_DATA = 2;
const MODULE_JSON = 3;
const MODULE_WASM = 4;
const MODULE_KEYS = ["js", "cjs", "py", "text", "data", "json", "wasm"];

let nextStub = 1;

class WorkerLoader {
  #binding;

  constructor(binding) {
    if (!(binding instanceof LoaderBinding)) throw new TypeError("Illegal constructor");
    this.#binding = binding;
  }

  get(name, getCode) {
    const binding = this.#binding;
    requireArguments("WorkerLoader.get", arguments.length, 2);
    if (typeof getCode !== "function") throw new TypeError("WorkerLoader.get: getCode is not a function");
    const key = name === null || name === undefined ? null : toUSVString(name);
    return new WorkerStub(new StubState(binding.name, key, getCode));
  }

  load(code) {
    const binding = this.#binding;
    requireArguments("WorkerLoader.load", arguments.length, 1);
    if (!isObject(code)) throw new TypeError("WorkerLoader.load: the code is not an object");
    return new WorkerStub(new StubState(binding.name, null, () => code));
  }
}

class LoaderBinding {
  constructor(name) {
    this.name = name;
  }
}
internal(LoaderBinding);

class StubState {
  constructor(binding, key, getCode) {
    this.binding = binding;
    this.key = key;
    this.getCode = getCode;
    this.id = nextStub++;
  }
}
internal(StubState);

class WorkerStub {
  #s;

  constructor(state) {
    if (!(state instanceof StubState)) throw new TypeError("Illegal constructor");
    this.#s = state;
  }

  getEntrypoint(name = undefined, options = undefined) {
    const stub = this.#s;
    const entrypoint = name === undefined || name === null || name === "default" ? null : toUSVString(name);
    const { limits, props } = toDictionary(options, "WorkerStub.getEntrypoint: the options");
    const target = {
      kind: "loader",
      binding: stub.binding,
      key: stub.key,
      stub: stub.id,
      entrypoint,
      limits: checkedLimits(limits, "WorkerStub.getEntrypoint"),
    };
    if (props !== undefined) target.props = checkedProps(props, "WorkerStub.getEntrypoint");
    return new Fetcher(new FetcherState(JSONStringify(target), (call) => provideCode(call, stub.getCode)));
  }

  getDurableObjectClass() {
    void this.#s;
    throw new Error("Durable Objects of dynamic workers are not supported yet.");
  }
}

function checkedLimits(limits, what) {
  const result = {};
  if (limits === undefined || limits === null) return result;
  if (!isObject(limits)) throw new TypeError(`${what}: limits is not an object`);
  for (let i = 0; i < LIMIT_NAMES.length; i++) {
    const name = LIMIT_NAMES[i];
    const value = limits[name];
    if (value === undefined) continue;
    if (typeof value !== "number" || !NumberIsInteger(value) || value < 0 || value > 4294967295) {
      throw new TypeError(`${what}: limits.${name} must be a whole number from 0 to 4294967295`);
    }
    result[name] = value;
  }
  return result;
}
const LIMIT_NAMES = ["cpuMs", "subRequests"];

// Props travel as JSON: what JSON cannot carry is refused rather than changed.
function checkedProps(props, what) {
  const text = JSONStringify(props);
  if (text === undefined) throw new TypeError(`${what}: props cannot be written as JSON`);
  return JSONParse(text);
}

// Answers NEED_CODE: runs the factory in the context of the request that called, and sends what it gives.
function provideCode(call, getCode) {
  const refuse = (error) => {
    host.emit(EFFECT_CODE, 1, call.id, "s", describeError(error));
    if (!calls.has(call.id) || call.answered) return;
    call.answered = true;
    call.reject(error);
    closeCall(call);
  };
  const send = (code) => {
    let fields;
    try {
      fields = codeFields(code);
    } catch (error) {
      refuse(error);
      return;
    }
    ReflectApply(host.emit, host, [EFFECT_CODE, 0, call.id, ...fields]);
  };
  let result;
  try {
    result = getCode();
  } catch (error) {
    refuse(error);
    return;
  }
  promiseThen(promiseResolvedWith(result), send, refuse);
}

// The fields of a CODE frame, its format first.
function codeFields(code) {
  if (!isObject(code)) throw new TypeError("The Worker Loader's getCode() must return an object.");
  const { allowExperimental, compatibilityDate, compatibilityFlags, env, globalOutbound, limits, mainModule, modules, streamingTails, tails } = code;
  if (typeof compatibilityDate !== "string") throw new TypeError("Dynamic Worker code: compatibilityDate is required and must be a string.");
  const flags = checkedFlags(compatibilityFlags);
  if (allowExperimental) throw new Error("Dynamic Worker code: allowExperimental is not supported.");
  if (typeof mainModule !== "string") throw new TypeError("Dynamic Worker code: mainModule is required and must be a string.");
  if (!isObject(modules)) throw new TypeError("Dynamic Worker code: modules is required and must be an object.");
  checkTails(tails, "tails");
  checkTails(streamingTails, "streamingTails");
  const json = {
    mainModule,
    compatibilityDate,
    compatibilityFlags: flags,
    limits: checkedLimits(limits, "Dynamic Worker code"),
    outbound: checkedOutbound(globalOutbound),
  };
  const fields = ["sbu", JSONStringify(json), serializedEnv(env), 0];
  appendModules(fields, modules);
  if (!hasOwn(modules, mainModule)) {
    throw new TypeError(`Dynamic Worker code: the main module ${JSONStringify(mainModule)} is not among the modules.`);
  }
  return fields;
}

function checkedFlags(flags) {
  if (flags === undefined || flags === null) return [];
  if (!ArrayIsArray(flags)) throw new TypeError("Dynamic Worker code: compatibilityFlags must be an array of strings.");
  const result = [];
  for (let i = 0; i < flags.length; i++) {
    if (typeof flags[i] !== "string") throw new TypeError("Dynamic Worker code: compatibilityFlags must be an array of strings.");
    result[i] = flags[i];
  }
  return result;
}

function checkTails(tails, name) {
  if (tails === undefined || tails === null) return;
  if (!ArrayIsArray(tails)) throw new TypeError(`Dynamic Worker code: ${name} must be an array.`);
  if (tails.length > 0) throw new Error(`Dynamic Worker code: ${name} is not supported yet.`);
}

// Omitted: the parent's own. Null: nothing at all.
function checkedOutbound(globalOutbound) {
  if (globalOutbound === undefined) return outboundAllowed;
  if (globalOutbound === null) return false;
  if (isFetcher(globalOutbound)) throw new Error("Dynamic Worker code: a Fetcher as globalOutbound is not supported yet; use null or leave it out.");
  throw new TypeError("Dynamic Worker code: globalOutbound must be a Fetcher or null.");
}

function serializedEnv(env) {
  if (env === undefined || env === null) return undefined;
  if (!isObject(env)) throw new TypeError("Dynamic Worker code: env must be an object.");
  const bytes = host.serialize(structuredCloneValue(env));
  if (bytes.length > LARGEST_ENV) {
    throw new Error(`Dynamic Worker env size (${bytes.length} bytes) exceeds the maximum allowed size of ${LARGEST_ENV} bytes.`);
  }
  return bytes;
}

function appendModules(fields, modules) {
  const names = ObjectKeys(modules);
  let total = 0;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const { content, type } = checkedModule(name, modules[name]);
    const isText = typeof content === "string";
    total += isText ? utf8Length(content) : typedArrayByteLength(content);
    fields[0] += isText ? "sus" : "sub";
    fields[fields.length] = name;
    fields[fields.length] = type;
    fields[fields.length] = content;
  }
  fields[3] = names.length;
  if (names.length === 0) throw new TypeError("Dynamic Worker code: modules is empty.");
  if (total > LARGEST_CODE) {
    throw new Error(`Dynamic Worker code size (${total} bytes) exceeds the maximum allowed size of ${LARGEST_CODE} bytes.`);
  }
}

const NO_PYTHON = "Python workers are not supported yet";

function checkedModule(name, module) {
  if (typeof module === "string") {
    if (name.endsWith(".py")) throw new Error(NO_PYTHON);
    if (!name.endsWith(".js")) {
      throw new TypeError(`Module name must end with '.js' or '.py' (or the content must be an object that names the type): ${JSONStringify(name)}`);
    }
    return { content: module, type: MODULE_JS };
  }
  if (!isObject(module)) throw new TypeError(`The module ${JSONStringify(name)} must be a string or an object.`);
  let key = null;
  for (let i = 0; i < MODULE_KEYS.length; i++) {
    if (module[MODULE_KEYS[i]] === undefined) continue;
    if (key !== null) key = "";
    else key = MODULE_KEYS[i];
    if (key === "") break;
  }
  if (key === null || key === "") {
    throw new TypeError(`The module ${JSONStringify(name)} must have exactly one of: ${arrayJoin(MODULE_KEYS, ", ")}.`);
  }
  return typedModule(name, key, module[key]);
}

function typedModule(name, key, value) {
  switch (key) {
    case "js":
    case "text":
      if (typeof value !== "string") throw new TypeError(`The ${key} of the module ${JSONStringify(name)} must be a string.`);
      return { content: value, type: key === "js" ? MODULE_JS : MODULE_TEXT };
    case "json": {
      const text = JSONStringify(value);
      if (text === undefined) throw new TypeError(`The json of the module ${JSONStringify(name)} cannot be written as JSON.`);
      return { content: text, type: MODULE_JSON };
    }
    case "data":
    case "wasm":
      return { content: bytesView(value, `The ${key} of the module ${JSONStringify(name)}`), type: key === "data" ? MODULE_DATA : MODULE_WASM };
    case "py":
      throw new Error(NO_PYTHON);
    default:
      throw new Error(`CommonJS modules are not supported yet: ${JSONStringify(name)}`);
  }
}

defineInterface(WorkerLoader);
defineInterface(WorkerStub);
