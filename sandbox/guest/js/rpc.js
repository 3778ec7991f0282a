// Owns calls of methods: from a Fetcher to a WorkerEntrypoint's method in another worker, and ctx.exports. Arguments and results are copies, by structured
// clone; functions and stubs do not cross. A call is a FETCH whose target names the method's worker, and an event "rpc" over there.

const RPC_URL = "http://rpc/";
// Names that never are methods: what promises and JSON ask for, and what is a Fetcher's own.
const NO_METHODS = new SafeSet();
for (const name of ["then", "toJSON", "constructor", "dup", "connect"]) NO_METHODS.add(name);

// Behind Fetcher.prototype stands what makes a method of every other name.
ObjectSetPrototypeOf(
  Fetcher.prototype,
  new Proxy(
    {},
    {
      __proto__: null,
      get(target, key, receiver) {
        if (typeof key === "symbol" || key in target || NO_METHODS.has(key) || !isFetcher(receiver)) return target[key];
        const state = fetcherState(receiver);
        return (...args) => callMethod(state, key, args);
      },
    },
  ),
);

function callMethod(state, name, args) {
  try {
    const invocation = requireRequest();
    const bytes = host.serialize(structuredCloneValue([name, args]));
    if (typedArrayByteLength(bytes) > LARGEST_INLINE) throw new RangeError(`The arguments of ${name}() take more than ${LARGEST_INLINE} bytes.`);
    const call = new Call(invocation);
    call.factory = state.factory;
    calls.set(call.id, call);
    invocation.calls++;
    const target = `{"rpc":true,${state.target.slice(1)}`;
    host.emit(EFFECT_FETCH, 0, call.id, "ussshsub", invocation.id, target, "POST", RPC_URL + encodeName(name), [], "manual", BODY_INLINE, bytes);
    return promiseThen(call.promise, (response) => resultOf(responseState(response)));
  } catch (error) {
    return promiseRejectedWith(error);
  }
}
const encodeName = encodeURIComponent;

function resultOf(state) {
  const { body } = state;
  if (listHas(headerList(state.headers), RPC_HEADER) && body !== null) return host.deserialize(takeBody(body).bytes)[0];
  throw new TypeError("The worker does not support calls of methods.");
}
const RPC_HEADER = "hostel-rpc";

// The other side ---------------------------------------------------------------------------------------------------------------------------

function startRpc(id, meta, entrypoint, bytes) {
  const invocation = new Invocation(id, "rpc", meta);
  invocations.set(id, invocation);
  current = invocation;
  try {
    const [name, args] = host.deserialize(bytes);
    promiseThen(
      promiseResolvedWith(invokeMethod(entrypoint === "default" ? "" : entrypoint, name, args, invocation)),
      (value) => answerRpc(invocation, value),
      (error) => failInvocation(invocation, error),
    );
  } catch (error) {
    failInvocation(invocation, error);
  }
}

function invokeMethod(entrypoint, name, args, invocation) {
  const entry = entries.get(entrypoint);
  if (entry === undefined) throw new TypeError(`The worker has no entrypoint called ${JSONStringify(entrypoint)}.`);
  if (!entry.isClass) throw new TypeError("The receiver of an RPC must be a class that extends WorkerEntrypoint.");
  const instance = new entry.self(new ExecutionContext(invocation), environmentOf(invocation));
  // Methods of the classes between the instance and WorkerEntrypoint; what an instance holds of its own is private.
  for (let proto = ObjectGetPrototypeOf(instance); proto !== null && proto !== WorkerEntrypoint.prototype; proto = ObjectGetPrototypeOf(proto)) {
    if (name === "constructor" || !hasOwn(proto, name)) continue;
    const method = instance[name];
    if (typeof method === "function") return ReflectApply(method, instance, args);
    break;
  }
  throw new TypeError(`The RPC receiver does not implement the method ${JSONStringify(name)}.`);
}

function answerRpc(invocation, value) {
  if (invocation.stage !== RUNNING) return;
  try {
    const bytes = host.serialize(structuredCloneValue([value]));
    if (typedArrayByteLength(bytes) > LARGEST_INLINE) throw new RangeError(`The result takes more than ${LARGEST_INLINE} bytes.`);
    if (!invocation.aborted) host.emit(EFFECT_RESPONSE, 0, invocation.id, "ushub", 200, "", [RPC_HEADER, "1"], BODY_INLINE, bytes);
  } catch (error) {
    failInvocation(invocation, error);
    return;
  }
  endResponse(invocation);
}

// ctx.exports ------------------------------------------------------------------------------------------------------------------------------

let ctxExports = true;

// The worker's own entrypoints as stubs; each can also be called, to give it props.
function ownExports() {
  const out = {};
  if (!ctxExports) return out;
  entries.forEach((entry, name) => {
    out[name === "" ? "default" : name] = exportStub(name);
  });
  return out;
}

function exportStub(entrypoint) {
  const make = (props) => new Fetcher(new FetcherState(JSONStringify({ kind: "self", entrypoint, props }), null));
  const plain = make(undefined);
  const stub = (options = undefined) => make(checkedProps(toDictionary(options, "ctx.exports: the options").props ?? {}, "ctx.exports"));
  delete stub.name;
  delete stub.length;
  const members = (_, key) => {
    const value = plain[key];
    return typeof value === "function" ? (...args) => ReflectApply(value, plain, args) : value;
  };
  return ObjectSetPrototypeOf(stub, new Proxy({}, { __proto__: null, get: members }));
}
