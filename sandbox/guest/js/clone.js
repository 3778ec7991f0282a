// Owns structured cloning (HTML standard, section 2.7), within one realm and without an intermediate form. Must not touch prototypes: what it makes
// has the realm's own.

const CLONEABLE_ERRORS = new SafeMap();
for (const Class of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) CLONEABLE_ERRORS.set(Class.name, Class);

const DateCtor = Date;
const MapCtor = Map;
const SetCtor = Set;
const ObjectCtor = Object;
const ArrayCtor = Array;
const mapSet = uncurry(Map.prototype.set);
const setAdd = uncurry(Set.prototype.add);
const regexpSource = getterOf(RegExp.prototype, "source");
const regexpFlags = getterOf(RegExp.prototype, "flags");

const cloneError = (what) => domException("DataCloneError", `${what} could not be cloned.`);

// Objects of ours that hold state no clone could carry.
function isOpaque(value) {
  return (
    isReadableStream(value) || isWritableStream(value) || isRequest(value) || isResponse(value) || isHeaders(value) || isAbortSignal(value) ||
    targetListeners.is(value) || urlRecord(value) !== null || isSearchParams(value) || isFormData(value) || isFetcher(value)
  );
}

class Cloner {
  constructor() {
    // Originals and their copies, for cycles and shared parts.
    this.memory = new SafeMap();
    // The buffers that will be moved, in the first of the two passes of a transfer.
    this.transferred = null;
  }

  clone(value) {
    if (typeof value !== "object" || value === null) {
      if (typeof value === "function") throw cloneError(`function ${safeFunctionName(value)}`);
      if (typeof value === "symbol") throw cloneError(symbolToString(value));
      return value;
    }
    const known = this.memory.get(value);
    if (known !== undefined) return known;
    switch (host.classOf(value)) {
      case "Object":
      case "Arguments":
        return this.object(value);
      case "Array":
        return this.properties(value, new ArrayCtor(value.length));
      case "Date":
        return this.remember(value, new DateCtor(dateGetTime(value)));
      case "RegExp":
        return this.remember(value, new RegExpCtor(regexpSource(value), regexpFlags(value)));
      case "Map":
        return this.map(value);
      case "Set":
        return this.set(value);
      case "Number":
        return this.remember(value, ObjectCtor(numberValue(value)));
      case "String":
        return this.remember(value, ObjectCtor(stringValue(value)));
      case "Boolean":
        return this.remember(value, ObjectCtor(booleanValue(value)));
      case "BigInt":
        return this.remember(value, ObjectCtor(bigintValue(value)));
      case "ArrayBuffer":
        return this.buffer(value);
      case "Error":
        return this.error(value);
      case "DOMException":
        return this.remember(value, new DOMExceptionCtor(value.message, value.name));
      default:
        if (bufferIsView(value)) return this.view(value);
        throw cloneError(`#<${constructorName(value)}>`);
    }
  }

  remember(value, copy) {
    this.memory.set(value, copy);
    return copy;
  }

  object(value) {
    if (value instanceof TransferredView) return this.remember(value, value.over(this.memory.get(value.buffer)));
    if (isBlob(value)) {
      const state = blobState(value);
      const copy =
        value instanceof File
          ? new File([value], value.name, { type: state.type, lastModified: value.lastModified })
          : new Blob(new BlobState(state.bytes, state.type));
      return this.remember(value, copy);
    }
    if (isCryptoKey(value)) return this.remember(value, new CryptoKey(keyState(value)));
    if (isOpaque(value)) throw cloneError(`#<${constructorName(value)}>`);
    return this.properties(value, {});
  }

  // Own enumerable string-keyed properties, read in order, as data properties.
  properties(value, copy) {
    this.memory.set(value, copy);
    const keys = ObjectKeys(value);
    for (let i = 0; i < keys.length; i++) {
      // A getter may have taken it away meanwhile.
      if (!hasOwn(value, keys[i])) continue;
      const property = this.clone(value[keys[i]]);
      ObjectDefineProperty(copy, keys[i], { value: property, writable: true, enumerable: true, configurable: true });
    }
    return copy;
  }

  map(value) {
    const copy = new MapCtor();
    this.memory.set(value, copy);
    const entries = [];
    mapForEach(value, (item, key) => {
      entries[entries.length] = key;
      entries[entries.length] = item;
    });
    for (let i = 0; i < entries.length; i += 2) mapSet(copy, this.clone(entries[i]), this.clone(entries[i + 1]));
    return copy;
  }

  set(value) {
    const copy = new SetCtor();
    this.memory.set(value, copy);
    const items = [];
    setForEach(value, (item) => {
      items[items.length] = item;
    });
    for (let i = 0; i < items.length; i++) setAdd(copy, this.clone(items[i]));
    return copy;
  }

  buffer(value) {
    if (bufferDetached(value)) throw cloneError("A detached ArrayBuffer");
    if (bufferResizable(value)) {
      const copy = new AB(bufferByteLength(value), { maxByteLength: bufferMaxByteLength(value) });
      bytesSet(new U8(copy), new U8(value));
      return this.remember(value, copy);
    }
    return this.remember(value, bufferSlice(value, 0, bufferByteLength(value)));
  }

  view(value) {
    const tag = typedArrayTag(value);
    const typed = tag !== undefined;
    const buffer = typed ? typedArrayBuffer(value) : dataViewBuffer(value);
    if (bufferDetachedAny(buffer)) throw cloneError("A view of a detached ArrayBuffer");
    if (this.transferred !== null && this.transferred.has(buffer)) {
      const offset = typed ? typedArrayByteOffset(value) : dataViewByteOffset(value);
      return this.remember(value, new TransferredView(tag, buffer, offset, typed ? typedArrayLength(value) : dataViewByteLength(value)));
    }
    const copied = this.clone(buffer);
    const copy = typed
      ? new VIEWS[tag](copied, typedArrayByteOffset(value), typedArrayLength(value))
      : new DataViewCtor(copied, dataViewByteOffset(value), dataViewByteLength(value));
    return this.remember(value, copy);
  }

  error(value) {
    const Class = CLONEABLE_ERRORS.get(stringProperty(value, "name")) ?? CLONEABLE_ERRORS.get("Error");
    const copy = new Class();
    this.memory.set(value, copy);
    const message = ObjectGetOwnPropertyDescriptor(value, "message");
    if (message !== undefined && "value" in message) hide(copy, "message", `${message.value}`);
    const stack = stringProperty(value, "stack");
    if (stack !== "") hide(copy, "stack", stack);
    const cause = ObjectGetOwnPropertyDescriptor(value, "cause");
    if (cause !== undefined && "value" in cause) hide(copy, "cause", this.clone(cause.value));
    return copy;
  }
}
internal(Cloner);

// Stands for a view of a buffer that is about to move.
class TransferredView {
  constructor(tag, buffer, offset, length) {
    this.tag = tag;
    this.buffer = buffer;
    this.offset = offset;
    this.length = length;
  }
  over(buffer) {
    return new (this.tag === undefined ? DataViewCtor : VIEWS[this.tag])(buffer, this.offset, this.length);
  }
}
internal(TransferredView);

const bufferMaxByteLength = getterOf(ArrayBuffer.prototype, "maxByteLength");

function bufferDetachedAny(buffer) {
  return host.classOf(buffer) === "ArrayBuffer" && bufferDetached(buffer);
}

function hide(object, key, value) {
  ObjectDefineProperty(object, key, { value, writable: true, enumerable: false, configurable: true });
}

function safeFunctionName(value) {
  const descriptor = ObjectGetOwnPropertyDescriptor(value, "name");
  return descriptor !== undefined && typeof descriptor.value === "string" ? descriptor.value : "";
}

const structuredCloneValue = (value) => new Cloner().clone(value);

const cloneOperation = {
  structuredClone(value, options = undefined) {
    requireArguments("structuredClone", arguments.length, 1);
    const given = toDictionary(options, "structuredClone: the options").transfer;
    if (given === undefined) return structuredCloneValue(value);
    const method = isObject(given) ? given[Symbol.iterator] : undefined;
    if (typeof method !== "function") throw new TypeError("structuredClone: transfer is not a sequence");
    return cloneWithTransfer(value, iterateToArray(given, method), []);
  },
};

// StructuredSerializeWithTransfer and its counterpart at once; the ports that were moved are added to `ports`.
function cloneWithTransfer(value, transfer, ports) {
  const first = new Cloner();
  first.transferred = new SafeSet();
  for (let i = 0; i < transfer.length; i++) {
    const item = transfer[i];
    if (!isObject(item) || (host.classOf(item) !== "ArrayBuffer" && !isMessagePort(item))) {
      throw cloneError("A value in the transfer list that is neither an ArrayBuffer nor a MessagePort");
    }
    if (first.transferred.has(item)) throw cloneError("A value that is twice in the transfer list");
    first.transferred.add(item);
    first.memory.set(item, item);
  }
  // All that can fail, and all tenant code, runs before anything is detached; then a clone of our own clone gets what was moved.
  const middle = first.clone(value);
  for (let i = 0; i < transfer.length; i++) {
    if (isMessagePort(transfer[i])) requireMovable(transfer[i]);
    else if (bufferDetached(transfer[i])) throw cloneError("A detached ArrayBuffer in the transfer list");
  }
  const second = new Cloner();
  for (let i = 0; i < transfer.length; i++) {
    const item = transfer[i];
    const moved = isMessagePort(item) ? movePort(item) : bufferTransfer(item);
    if (isMessagePort(moved)) ports[ports.length] = moved;
    second.memory.set(item, moved);
  }
  return second.clone(middle);
}
