// Owns the text a value has in a log. Must not run tenant code more than it must: getters are not called, proxies are not entered; an error's
// own name, message and stack are read.

const MAX_DEPTH = 3;
const MAX_ITEMS = 100;
const MAX_STRING = 10000;
// Values looked at for one line, so that a large graph costs a bounded time.
const MAX_VALUES = 2000;
const LINE_WIDTH = 76;

const dateToISO = uncurry(Date.prototype.toISOString);
const dateGetTime = uncurry(Date.prototype.getTime);
const regexpToString = uncurry(RegExp.prototype.toString);
const symbolToString = uncurry(Symbol.prototype.toString);
const mapForEach = uncurry(Map.prototype.forEach);
const mapSize = getterOf(Map.prototype, "size");
const setForEach = uncurry(Set.prototype.forEach);
const setSize = getterOf(Set.prototype, "size");
const numberValue = uncurry(Number.prototype.valueOf);
const stringValue = uncurry(String.prototype.valueOf);
const booleanValue = uncurry(Boolean.prototype.valueOf);
const bigintValue = uncurry(BigInt.prototype.valueOf);
const symbolValue = uncurry(Symbol.prototype.valueOf);

class Inspector {
  constructor(depth) {
    this.depth = depth;
    this.seen = [];
    this.values = 0;
  }

  inspect(value, level) {
    switch (typeof value) {
      case "string":
        return quoted(value);
      case "number":
        return value === 0 && 1 / value < 0 ? "-0" : `${value}`;
      case "bigint":
        return `${value}n`;
      case "symbol":
        return symbolToString(value);
      case "undefined":
      case "boolean":
        return `${value}`;
      default:
        return value === null ? "null" : this.object(value, level);
    }
  }

  object(value, level) {
    for (let i = 0; i < this.seen.length; i++) if (this.seen[i] === value) return "[Circular]";
    if (++this.values > MAX_VALUES) return "…";
    const kind = host.classOf(value);
    if (kind === "Proxy") return "[Proxy]";
    if (looksLikeError(value)) return this.error(value, level);
    this.seen[this.seen.length] = value;
    try {
      return this.composite(value, kind, level);
    } finally {
      this.seen.length--;
    }
  }

  composite(value, kind, level) {
    const deep = level > this.depth;
    const name = constructorName(value);
    if (typeof value === "function") return this.withProperties(functionLabel(value, name), value, level, false);
    switch (kind) {
      case "Array":
        return deep ? `[${name === "" || name === "Array" ? "Array" : name}]` : this.array(value, name, level);
      case "Date": {
        const valid = !NumberIsNaN(dateGetTime(value));
        return this.withProperties(valid ? dateToISO(value) : "Invalid Date", value, level, false);
      }
      case "RegExp":
        return this.withProperties(regexpToString(value), value, level, false);
      case "Promise":
        return this.promise(value, level, deep);
      case "Map":
        return deep ? `[${name}]` : this.map(value, name, level);
      case "Set":
        return deep ? `[${name}]` : this.set(value, name, level);
      case "WeakMap":
      case "WeakSet":
        return `${kind} { <items unknown> }`;
      case "WeakRef":
        return "WeakRef { <target unknown> }";
      case "Number":
        return `[Number: ${this.inspect(numberValue(value), level)}]`;
      case "String":
        return `[String: ${quoted(stringValue(value))}]`;
      case "Boolean":
        return `[Boolean: ${booleanValue(value)}]`;
      case "BigInt":
        return `[BigInt: ${bigintValue(value)}n]`;
      case "Symbol":
        return `[Symbol: ${symbolToString(symbolValue(value))}]`;
      case "ArrayBuffer":
      case "SharedArrayBuffer":
        return deep ? `[${kind}]` : `${kind} { byteLength: ${bufferByteLength(value)} }`;
      case "DataView":
        return `DataView { byteLength: ${dataViewByteLength(value)}, byteOffset: ${dataViewByteOffset(value)} }`;
      default:
        if (bufferIsView(value)) return deep ? `[${name}]` : this.typedArray(value, name);
    }
    const known = platformObject(value);
    if (known !== null) return deep ? `[${known.name}]` : this.braces(known.name, this.pairs(known.fields, level), "{", "}");
    if (deep) return `[${name === "" ? "Object: null prototype" : name}]`;
    const label = name === "Object" ? "" : name === "" ? "[Object: null prototype]" : name;
    return this.withProperties(label, value, level, true);
  }

  array(value, name, level) {
    const parts = [];
    const length = value.length;
    const shown = MathMin(length, MAX_ITEMS);
    let holes = 0;
    const flushHoles = () => {
      if (holes > 0) parts[parts.length] = `<${holes} empty item${holes === 1 ? "" : "s"}>`;
      holes = 0;
    };
    for (let i = 0; i < shown; i++) {
      const descriptor = ObjectGetOwnPropertyDescriptor(value, i);
      if (descriptor === undefined) {
        holes++;
        continue;
      }
      flushHoles();
      parts[parts.length] = this.property(descriptor, level);
    }
    flushHoles();
    if (length > shown) parts[parts.length] = moreItems(length - shown);
    this.ownProperties(value, level, parts, true);
    return this.braces(name === "Array" ? "" : `${name === "" ? "[Array: null prototype]" : name}(${length})`, parts, "[", "]");
  }

  typedArray(value, name) {
    const parts = [];
    const length = typedArrayLength(value);
    const shown = MathMin(length, MAX_ITEMS);
    for (let i = 0; i < shown; i++) parts[i] = this.inspect(value[i], 0);
    if (length > shown) parts[parts.length] = moreItems(length - shown);
    return this.braces(`${name}(${length})`, parts, "[", "]");
  }

  map(value, name, level) {
    const parts = [];
    const size = mapSize(value);
    mapForEach(value, (item, key) => {
      if (parts.length < MAX_ITEMS) parts[parts.length] = `${this.inspect(key, level + 1)} => ${this.inspect(item, level + 1)}`;
    });
    if (size > parts.length) parts[parts.length] = moreItems(size - parts.length);
    this.ownProperties(value, level, parts, false);
    return this.braces(`${name}(${size})`, parts, "{", "}");
  }

  set(value, name, level) {
    const parts = [];
    const size = setSize(value);
    setForEach(value, (item) => {
      if (parts.length < MAX_ITEMS) parts[parts.length] = this.inspect(item, level + 1);
    });
    if (size > parts.length) parts[parts.length] = moreItems(size - parts.length);
    this.ownProperties(value, level, parts, false);
    return this.braces(`${name}(${size})`, parts, "{", "}");
  }

  promise(value, level, deep) {
    if (deep) return "[Promise]";
    const state = host.promiseState(value);
    if (state === 0) return "Promise { <pending> }";
    const result = this.inspect(host.promiseResult(value), level + 1);
    return state === 1 ? `Promise { ${result} }` : `Promise { <rejected> ${result} }`;
  }

  error(value, level) {
    const name = stringProperty(value, "name");
    const message = stringProperty(value, "message");
    const head = message === "" ? name : `${name}: ${message}`;
    const stack = tenantStack(stringProperty(value, "stack"));
    let out = stack === "" ? `[${head}]` : `${head}\n${stack}`;
    this.seen[this.seen.length] = value;
    try {
      const parts = [];
      const keys = ObjectKeys(value);
      for (let i = 0; i < keys.length && level <= this.depth; i++) {
        if (keys[i] === "stack" || keys[i] === "message") continue;
        parts[parts.length] = `${keyLabel(keys[i])}: ${this.property(ObjectGetOwnPropertyDescriptor(value, keys[i]), level)}`;
      }
      const cause = ObjectGetOwnPropertyDescriptor(value, "cause");
      if (cause !== undefined && !cause.enumerable && "value" in cause) parts[parts.length] = `[cause]: ${this.inspect(cause.value, level + 1)}`;
      const errors = ObjectGetOwnPropertyDescriptor(value, "errors");
      if (errors !== undefined && !errors.enumerable && "value" in errors) parts[parts.length] = `[errors]: ${this.inspect(errors.value, level + 1)}`;
      if (parts.length > 0) out = this.braces(out, parts, "{", "}");
    } finally {
      this.seen.length--;
    }
    return out;
  }

  withProperties(label, value, level, always) {
    if (level > this.depth) return label;
    const parts = [];
    this.ownProperties(value, level, parts, false);
    if (parts.length === 0) return always ? (label === "" ? "{}" : `${label} {}`) : label;
    return this.braces(label, parts, "{", "}");
  }

  // Appends "key: value" for the enumerable properties; of an array only those that are no indices.
  ownProperties(value, level, parts, isArray) {
    // The keys of a large array would cost more than the line is worth.
    if (isArray && value.length > 1000) return;
    const keys = ReflectOwnKeys(value);
    let left = MAX_ITEMS;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (isArray && typeof key === "string" && ARRAY_INDEX.test(key)) continue;
      const descriptor = ObjectGetOwnPropertyDescriptor(value, key);
      if (descriptor === undefined || !descriptor.enumerable) continue;
      if (left-- === 0) {
        parts[parts.length] = "…";
        return;
      }
      parts[parts.length] = `${keyLabel(key)}: ${this.property(descriptor, level)}`;
    }
  }

  property(descriptor, level) {
    if ("value" in descriptor) return this.inspect(descriptor.value, level + 1);
    if (descriptor.get === undefined) return "[Setter]";
    return descriptor.set === undefined ? "[Getter]" : "[Getter/Setter]";
  }

  pairs(fields, level) {
    const parts = [];
    for (let i = 0; i < fields.length; i += 2) parts[parts.length] = `${keyLabel(fields[i])}: ${this.inspect(fields[i + 1], level + 1)}`;
    return parts;
  }

  // On one line when that is short, else one part a line.
  braces(label, parts, open, close) {
    const prefix = label === "" ? "" : `${label} `;
    if (parts.length === 0) return `${prefix}${open}${close}`;
    let width = label.length + 4;
    let multiline = false;
    for (let i = 0; i < parts.length; i++) {
      width += parts[i].length + 2;
      if (parts[i].indexOf("\n") >= 0) multiline = true;
    }
    if (width <= LINE_WIDTH && !multiline) return `${prefix}${open} ${arrayJoin(parts, ", ")} ${close}`;
    let out = `${prefix}${open}`;
    for (let i = 0; i < parts.length; i++) out += `\n  ${parts[i].replace(NEWLINE, "\n  ")}${i < parts.length - 1 ? "," : ""}`;
    return `${out}\n${close}`;
  }
}
internal(Inspector);

const NEWLINE = regexp(/\n/g);
const ARRAY_INDEX = regexp(/^(?:0|[1-9][0-9]*)$/);
const IDENTIFIER = regexp(/^[A-Za-z_$][A-Za-z0-9_$]*$/);
const QUOTED_SPECIAL = regexp(/[\\'\0-\x1f]/g);
const CLASS_SOURCE = regexp(/^class\b/);

const moreItems = (count) => `... ${count} more item${count === 1 ? "" : "s"}`;

function quoted(string) {
  const text = string.length > MAX_STRING ? string.slice(0, MAX_STRING) : string;
  const quote = text.indexOf("'") < 0 ? "'" : text.indexOf('"') < 0 ? '"' : text.indexOf("`") < 0 && text.indexOf("${") < 0 ? "`" : "'";
  const body = text.replace(QUOTED_SPECIAL, (char) => {
    switch (char) {
      case "\n":
        return "\\n";
      case "\t":
        return "\\t";
      case "\r":
        return "\\r";
      case "'":
        return quote === "'" ? "\\'" : "'";
      case "\\":
        return "\\\\";
      default:
        return `\\x${HEX[char.charCodeAt(0) >> 4]}${HEX[char.charCodeAt(0) & 15]}`;
    }
  });
  return string.length > MAX_STRING ? `${quote}${body}${quote}... ${string.length - MAX_STRING} more characters` : `${quote}${body}${quote}`;
}

const keyLabel = (key) => (typeof key === "symbol" ? `[${symbolToString(key)}]` : IDENTIFIER.test(key) ? key : quoted(key));

// The name of the nearest constructor on the prototype chain, found without calling anything.
function constructorName(value) {
  let object = value;
  for (let hops = 0; object !== null && hops < 100; hops++) {
    if (host.classOf(object) === "Proxy") return "Object";
    const descriptor = ObjectGetOwnPropertyDescriptor(object, "constructor");
    if (descriptor !== undefined && typeof descriptor.value === "function") {
      const name = ObjectGetOwnPropertyDescriptor(descriptor.value, "name");
      if (name !== undefined && typeof name.value === "string" && name.value !== "") return name.value;
    }
    object = ObjectGetPrototypeOf(object);
  }
  return "";
}

function functionLabel(value, kind) {
  const descriptor = ObjectGetOwnPropertyDescriptor(value, "name");
  const name = descriptor !== undefined && typeof descriptor.value === "string" ? descriptor.value : "";
  if (CLASS_SOURCE.test(functionToString(value))) return name === "" ? "[class (anonymous)]" : `[class ${name}]`;
  const label = kind === "" ? "Function" : kind;
  return name === "" ? `[${label} (anonymous)]` : `[${label}: ${name}]`;
}

// What to show of the runtime's own classes, whose state is out of sight: {name, fields}, or null.
function platformObject(value) {
  if (urlRecord(value) !== null) {
    const url = urlRecord(value);
    return { name: "URL", fields: ["href", serializeURL(url), "origin", serializeOrigin(url)] };
  }
  if (isHeaders(value)) return { name: "Headers", fields: sortAndCombine(headerList(headersState(value))) };
  if (isRequest(value)) {
    const { body, headers, method, url } = requestState(value);
    return { name: "Request", fields: ["method", method, "url", url, "headers", new Headers(headers, HEADERS_KEY), "bodyUsed", bodyUsed(body)] };
  }
  if (isResponse(value)) {
    const { body, headers, status, statusText, url } = responseState(value);
    return {
      name: "Response",
      fields: ["status", status, "statusText", statusText, "headers", new Headers(headers, HEADERS_KEY), "bodyUsed", bodyUsed(body), "url", url],
    };
  }
  if (isSearchParams(value)) return { name: "URLSearchParams", fields: paramsState(value).pairs };
  if (isFormData(value)) return { name: "FormData", fields: formPairs(value) };
  if (isAbortSignal(value)) return { name: "AbortSignal", fields: ["aborted", signalAborted(value)] };
  if (isBlob(value)) {
    const { bytes, type } = blobState(value);
    return { name: constructorName(value), fields: ["size", bytes.length, "type", type] };
  }
  return null;
}

const inspectValue = (value, depth = MAX_DEPTH) => new Inspector(depth).inspect(value, 1);
