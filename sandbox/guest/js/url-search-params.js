// Owns URLSearchParams (URL standard, section 6.2). Must not know how its URL stores the query: it tells the URL after each change.

class ParamsState {
  constructor(pairs, owner) {
    this.pairs = pairs;
    this.owner = owner;
  }
}
internal(ParamsState);

let paramsState;
let isSearchParams;

class URLSearchParams {
  #s;

  constructor(init = "") {
    if (init instanceof ParamsState) {
      this.#s = init;
      return;
    }
    this.#s = new ParamsState(isObject(init) ? pairsFromObject(init) : pairsFromString(toUSVString(init)), null);
  }

  static {
    paramsState = (params) => params.#s;
    isSearchParams = (value) => isObject(value) && #s in value;
  }

  get size() {
    return this.#s.pairs.length / 2;
  }

  append(name, value) {
    const state = this.#s;
    requireArguments("URLSearchParams.append", arguments.length, 2);
    const pairs = state.pairs;
    const key = toUSVString(name);
    pairs[pairs.length] = key;
    pairs[pairs.length] = toUSVString(value);
    changed(state);
  }

  delete(name, value = undefined) {
    const state = this.#s;
    requireArguments("URLSearchParams.delete", arguments.length, 1);
    const key = toUSVString(name);
    const match = value === undefined ? null : toUSVString(value);
    const pairs = state.pairs;
    let kept = 0;
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] === key && (match === null || pairs[i + 1] === match)) continue;
      pairs[kept] = pairs[i];
      pairs[kept + 1] = pairs[i + 1];
      kept += 2;
    }
    pairs.length = kept;
    changed(state);
  }

  get(name) {
    const pairs = this.#s.pairs;
    requireArguments("URLSearchParams.get", arguments.length, 1);
    const key = toUSVString(name);
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === key) return pairs[i + 1];
    return null;
  }

  getAll(name) {
    const pairs = this.#s.pairs;
    requireArguments("URLSearchParams.getAll", arguments.length, 1);
    const key = toUSVString(name);
    const values = [];
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === key) values[values.length] = pairs[i + 1];
    return values;
  }

  has(name, value = undefined) {
    const pairs = this.#s.pairs;
    requireArguments("URLSearchParams.has", arguments.length, 1);
    const key = toUSVString(name);
    const match = value === undefined ? null : toUSVString(value);
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] === key && (match === null || pairs[i + 1] === match)) return true;
    }
    return false;
  }

  set(name, value) {
    const state = this.#s;
    requireArguments("URLSearchParams.set", arguments.length, 2);
    const key = toUSVString(name);
    listSet(state.pairs, key, toUSVString(value));
    changed(state);
  }

  sort() {
    const state = this.#s;
    const entries = [];
    for (let i = 0; i < state.pairs.length; i += 2) entries[entries.length] = [state.pairs[i], state.pairs[i + 1]];
    // By code units, and stable.
    arraySort(entries, (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    const pairs = [];
    for (let i = 0; i < entries.length; i++) {
      pairs[2 * i] = entries[i][0];
      pairs[2 * i + 1] = entries[i][1];
    }
    state.pairs = pairs;
    changed(state);
  }

  toString() {
    return formSerialize(this.#s.pairs);
  }
}

function changed(state) {
  if (state.owner !== null) updateQueryFromParams(state.owner, state.pairs);
}

const pairsFromString = (string) => formParse(string.charCodeAt(0) === 63 ? string.slice(1) : string);

function pairsFromObject(init) {
  const method = init[Symbol.iterator];
  const pairs = [];
  if (method !== undefined && method !== null) {
    if (typeof method !== "function") throw new TypeError("URLSearchParams: the init's iterator is not a function");
    const items = iterateToArray(init, method);
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      const inner = isObject(item) ? item[Symbol.iterator] : undefined;
      if (typeof inner !== "function") throw new TypeError("URLSearchParams: a pair is not a sequence");
      const parts = iterateToArray(item, inner);
      if (parts.length !== 2) throw new TypeError("URLSearchParams: a pair does not have two items");
      pairs[pairs.length] = toUSVString(parts[0]);
      pairs[pairs.length] = toUSVString(parts[1]);
    }
    return pairs;
  }
  const keys = ReflectOwnKeys(init);
  for (let i = 0; i < keys.length; i++) {
    const descriptor = ObjectGetOwnPropertyDescriptor(init, keys[i]);
    if (descriptor === undefined || !descriptor.enumerable) continue;
    if (typeof keys[i] === "symbol") throw new TypeError("URLSearchParams: a name is a symbol");
    // Names that become the same string replace each other.
    listSet(pairs, toUSVString(keys[i]), toUSVString(init[keys[i]]));
  }
  return pairs;
}

defineInterface(URLSearchParams);
definePairIterable(URLSearchParams, "URLSearchParams", (params) => paramsState(params).pairs);
