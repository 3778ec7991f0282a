// Owns Headers (Fetch standard, "headers class") and the header list behind every request and response. Must not know which headers
// the network forbids: the host decides what leaves the machine.
//
// A list is a flat array [name, value, name, value, ...] with lower-case names, in order of arrival: it can be handed to the host as it
// is. A list that came from the host stays an undecoded block until somebody looks.

const GUARD_NONE = 0;
const GUARD_IMMUTABLE = 1;

class HeadersState {
  constructor(list, block, guard) {
    this.list = list;
    this.block = block;
    this.guard = guard;
  }
}

internal(HeadersState, {
  // The sorted and combined pairs, as iteration shows them, until the next change.
  sorted: null,
});

function headerList(state) {
  if (state.list === null) {
    state.list = host.headers(state.block);
    state.block = null;
  }
  return state.list;
}

const copyHeaderList = (state) => arraySlice(headerList(state));

// Names ----------------------------------------------------------------------------------------------------------------------------------

const NOT_TOKEN = regexp(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/);
// Valid names seen before and their lower-case forms: workers use few, and use them for every request.
const knownNames = new SafeMap();
const KNOWN_NAMES = 512;

function headerName(value) {
  const known = knownNames.get(value);
  if (known !== undefined) return known;
  const name = typeof value === "string" ? value : `${value}`;
  if (name === "" || NOT_TOKEN.test(name)) throw new TypeError(`Invalid header name: ${JSONStringify(name)}`);
  const lower = name.toLowerCase();
  if (name.length <= 64 && knownNames.size < KNOWN_NAMES) knownNames.set(name, lower);
  return lower;
}

const BAD_VALUE = regexp(/[\0\n\r\u0100-\uffff]/);
const OUTER_SPACE = regexp(/^[\t\n\r ]+|[\t\n\r ]+$/g);

// Valid values seen before, for the same reason.
const knownValues = new SafeSet();
const KNOWN_VALUES = 256;

function headerValue(value) {
  if (knownValues.has(value)) return value;
  let string = typeof value === "string" ? value : `${value}`;
  const last = string.length - 1;
  if (last >= 0 && (string.charCodeAt(0) <= 32 || string.charCodeAt(last) <= 32)) string = string.replace(OUTER_SPACE, "");
  if (BAD_VALUE.test(string)) throw new TypeError(`Invalid header value: ${JSONStringify(string)}`);
  if (string.length <= 64 && knownValues.size < KNOWN_VALUES) knownValues.add(string);
  return string;
}

// List operations; names are lower-case and valid, values are normalised. ----------------------------------------------------------------

function listGet(list, name) {
  let result = null;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) result = result === null ? list[i + 1] : `${result}, ${list[i + 1]}`;
  }
  return result;
}

function listHas(list, name) {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return true;
  return false;
}

function listDelete(list, name) {
  let kept = 0;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] !== name) {
      list[kept] = list[i];
      list[kept + 1] = list[i + 1];
      kept += 2;
    }
  }
  list.length = kept;
}

function listSet(list, name, value) {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) {
      list[i + 1] = value;
      let kept = i + 2;
      for (let j = kept; j < list.length; j += 2) {
        if (list[j] !== name) {
          list[kept] = list[j];
          list[kept + 1] = list[j + 1];
          kept += 2;
        }
      }
      list.length = kept;
      return;
    }
  }
  list[list.length] = name;
  list[list.length] = value;
}

// "Sort and combine": by name, repeated names joined, each set-cookie alone.
function sortAndCombine(list) {
  const names = [];
  const combined = ObjectCreate(null);
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i];
    const values = combined[name];
    if (values === undefined) {
      names[names.length] = name;
      combined[name] = [list[i + 1]];
    } else {
      values[values.length] = list[i + 1];
    }
  }
  arraySort(names);
  const sorted = [];
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const values = combined[name];
    if (name === "set-cookie") {
      for (let j = 0; j < values.length; j++) {
        sorted[sorted.length] = name;
        sorted[sorted.length] = values[j];
      }
    } else {
      sorted[sorted.length] = name;
      sorted[sorted.length] = values.length === 1 ? values[0] : arrayJoin(values, ", ");
    }
  }
  return sorted;
}

// Fills a list from a HeadersInit: a Headers, a sequence of pairs or a record.
function fillHeaderList(list, init) {
  if (!isObject(init)) throw new TypeError("Headers: the init is not an object");
  const other = isHeaders(init) ? headersState(init) : null;
  const method = init[Symbol.iterator];
  if (other !== null && method === Headers.prototype.entries) {
    const source = headerList(other);
    for (let i = 0; i < source.length; i++) list[list.length] = source[i];
    return;
  }
  if (method !== undefined && method !== null) {
    if (typeof method !== "function") throw new TypeError("Headers: the init's iterator is not a function");
    const pairs = iterateToArray(init, method);
    for (let i = 0; i < pairs.length; i++) {
      const pair = pairs[i];
      const inner = isObject(pair) ? pair[Symbol.iterator] : undefined;
      if (typeof inner !== "function") throw new TypeError("Headers: a pair is not a sequence");
      const parts = iterateToArray(pair, inner);
      if (parts.length !== 2) throw new TypeError("Headers: a pair does not have two items");
      const name = headerName(toByteString(parts[0], "Header name"));
      list[list.length] = name;
      list[list.length] = headerValue(parts[1]);
    }
    return;
  }
  fillFromRecord(list, init);
}

function fillFromRecord(list, record) {
  // Plain objects need no look at every descriptor: only proxies could tell the difference.
  const plain = host.classOf(record) === "Object";
  const keys = plain ? ObjectKeys(record) : ReflectOwnKeys(record);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (!plain) {
      const descriptor = ObjectGetOwnPropertyDescriptor(record, key);
      if (descriptor === undefined || !descriptor.enumerable) continue;
      if (typeof key === "symbol") throw new TypeError("Headers: a name is a symbol");
    }
    const name = headerName(key);
    const value = headerValue(record[key]);
    // A record may hold names that differ in case only.
    list[list.length] = name;
    list[list.length] = value;
  }
}

let headersState;
let isHeaders;

const HEADERS_KEY = ObjectFreeze({ __proto__: null });

class Headers {
  #s;

  // `instanceof` would ask a proxy for its prototype, which the standard does not.
  constructor(init = undefined, key = undefined) {
    if (key === HEADERS_KEY) {
      this.#s = init;
      return;
    }
    const list = [];
    this.#s = new HeadersState(list, null, GUARD_NONE);
    if (init !== undefined) fillHeaderList(list, init);
  }

  static {
    headersState = (headers) => headers.#s;
    isHeaders = (value) => isObject(value) && #s in value;
  }

  append(name, value) {
    const state = this.#s;
    requireArguments("Headers.append", arguments.length, 2);
    const lower = headerName(name);
    const normal = headerValue(value);
    const list = mutableList(state);
    list[list.length] = lower;
    list[list.length] = normal;
  }

  delete(name) {
    const state = this.#s;
    requireArguments("Headers.delete", arguments.length, 1);
    const lower = headerName(name);
    listDelete(mutableList(state), lower);
  }

  get(name) {
    const state = this.#s;
    requireArguments("Headers.get", arguments.length, 1);
    return listGet(headerList(state), headerName(name));
  }

  getSetCookie() {
    const list = headerList(this.#s);
    const values = [];
    for (let i = 0; i < list.length; i += 2) if (list[i] === "set-cookie") values[values.length] = list[i + 1];
    return values;
  }

  has(name) {
    const state = this.#s;
    requireArguments("Headers.has", arguments.length, 1);
    return listHas(headerList(state), headerName(name));
  }

  set(name, value) {
    const state = this.#s;
    requireArguments("Headers.set", arguments.length, 2);
    const lower = headerName(name);
    const normal = headerValue(value);
    listSet(mutableList(state), lower, normal);
  }

  // Workers' old name for getSetCookie(), which also takes the only name it makes sense for.
  getAll(name) {
    const state = this.#s;
    requireArguments("Headers.getAll", arguments.length, 1);
    if (headerName(name) !== "set-cookie") throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
    void state;
    return this.getSetCookie();
  }
}

function mutableList(state) {
  if (state.guard === GUARD_IMMUTABLE) throw new TypeError("Can't modify immutable headers.");
  if (state.sorted !== null) state.sorted = null;
  return headerList(state);
}

defineInterface(Headers);
definePairIterable(Headers, "Headers", (headers) => {
  const state = headersState(headers);
  if (state.sorted === null) state.sorted = sortAndCombine(headerList(state));
  return state.sorted;
});
