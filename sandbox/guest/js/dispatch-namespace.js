// Owns the dispatch namespace binding: what a dispatcher asks for, checked and written down for the host. Must not look workers up: the host does,
// when the request is made.

// Of the JSON of props and of outbound parameters, together, in UTF-16 code units.
const LARGEST_DISPATCH = 65536;
const LARGEST_WORKER_NAME = 255;

class DispatchBinding {
  constructor(name, parameters) {
    this.name = name;
    // Names the outbound worker takes; null when there is no outbound worker.
    this.parameters = parameters;
  }
}
internal(DispatchBinding);

function dispatchBinding(descriptor) {
  const { outbound } = descriptor;
  let parameters = null;
  if (outbound !== undefined && outbound !== null) {
    parameters = [];
    const declared = outbound.params;
    for (let i = 0; i < declared.length; i++) parameters[i] = declared[i].name;
  }
  return new DispatchNamespace(new DispatchBinding(descriptor.name, parameters));
}

class DispatchNamespace {
  #binding;

  constructor(binding) {
    if (!(binding instanceof DispatchBinding)) throw new TypeError("Illegal constructor");
    this.#binding = binding;
  }

  // A worker that does not exist is found out when it is sent a request.
  get(name, args = undefined, options = undefined) {
    const binding = this.#binding;
    requireArguments("DispatchNamespace.get", arguments.length, 1);
    const worker = toUSVString(name);
    if (worker.length > LARGEST_WORKER_NAME) throw new TypeError(`DispatchNamespace.get: a name has at most ${LARGEST_WORKER_NAME} characters`);
    const given = onlyKnown(args, ARGUMENT_NAMES, "DispatchNamespace.get: args");
    const { limits, outbound } = onlyKnown(options, OPTION_NAMES, "DispatchNamespace.get: options");
    const target = { kind: "dispatch", binding: binding.name, worker, limits: dispatchLimits(limits) };
    if (given.props !== undefined) target.props = checkedProps(given.props, "DispatchNamespace.get");
    if (outbound !== undefined && outbound !== null) target.outbound = outboundValues(outbound, binding.parameters);
    const text = JSONStringify(target);
    if (text.length > LARGEST_DISPATCH) {
      throw new RangeError(`DispatchNamespace.get: props and outbound parameters take ${text.length} characters, ${LARGEST_DISPATCH} are allowed`);
    }
    return new Fetcher(new FetcherState(text, null));
  }
}

const ARGUMENT_NAMES = ["props"];
const OPTION_NAMES = ["limits", "outbound"];

// The dictionary's members by these names; another one is refused, not dropped.
function onlyKnown(value, names, what) {
  const found = { __proto__: null };
  if (value === undefined || value === null) return found;
  if (!isObject(value)) throw new TypeError(`${what} is not an object`);
  const keys = ObjectKeys(value);
  for (let i = 0; i < keys.length; i++) {
    if (!isAmong(names, keys[i])) throw new TypeError(`${what}.${keys[i]} is not known; known: ${arrayJoin(names, ", ")}`);
  }
  for (let i = 0; i < names.length; i++) found[names[i]] = value[names[i]];
  return found;
}

function isAmong(names, name) {
  for (let i = 0; i < names.length; i++) if (names[i] === name) return true;
  return false;
}

function dispatchLimits(limits) {
  const given = onlyKnown(limits, LIMIT_NAMES, "DispatchNamespace.get: limits");
  const checked = checkedLimits(given, "DispatchNamespace.get");
  if (checked.cpuMs === 0) throw new TypeError("DispatchNamespace.get: limits.cpuMs must be at least 1");
  return checked;
}

function outboundValues(outbound, parameters) {
  if (parameters === null) throw new TypeError("DispatchNamespace.get: the binding has no outbound worker to take outbound parameters");
  const given = onlyKnown(outbound, parameters, "DispatchNamespace.get: outbound");
  const values = { __proto__: null };
  for (let i = 0; i < parameters.length; i++) {
    const name = parameters[i];
    if (given[name] === undefined) continue;
    const text = JSONStringify(given[name]);
    if (text === undefined) throw new TypeError(`DispatchNamespace.get: outbound.${name} cannot be written as JSON`);
    values[name] = JSONParse(text);
  }
  return values;
}

// For the outbound worker: its environment, and the parameters that came with this request.
const PARAMETERS = '{"params":';

function environmentOf(invocation) {
  const { meta } = invocation;
  if (!meta.startsWith(PARAMETERS)) return workerEnv;
  const env = {};
  copyOwn(env, workerEnv);
  copyOwn(env, JSONParse(meta).params);
  return env;
}

function copyOwn(target, source) {
  const names = ObjectKeys(source);
  for (let i = 0; i < names.length; i++) {
    ObjectDefineProperty(target, names[i], { value: source[names[i]], writable: true, enumerable: true, configurable: true });
  }
}

defineInterface(DispatchNamespace);
