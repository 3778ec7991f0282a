// Owns the URLPattern class (URL Pattern standard, section 1): compiling each component, matching. Must not parse.

class PatternComponent {
  constructor(pattern, expression, names, hasGroups) {
    this.pattern = pattern;
    this.expression = expression;
    this.names = names;
    this.hasGroups = hasGroups;
  }
}
internal(PatternComponent);

function compileComponent(input, encode, options, ignoreCase) {
  const parts = new PatternParser(input, encode, options).run();
  const written = patternSource(parts, options);
  let expression;
  try {
    expression = regexp(new RegExpCtor(written[0], ignoreCase ? "vi" : "v"));
  } catch {
    throw patternError(`"${input}" holds no valid regular expression`);
  }
  let hasGroups = false;
  for (let i = 0; i < parts.length; i++) hasGroups ||= parts[i].type === "regexp";
  return new PatternComponent(patternText(parts, options), expression, written[1], hasGroups);
}

const SPECIAL_SCHEMES = ObjectKeys(SPECIAL_PORTS);

function matchesSpecial(component) {
  for (let i = 0; i < SPECIAL_SCHEMES.length; i++) if (component.expression.test(SPECIAL_SCHEMES[i])) return true;
  return false;
}

const isAddressPattern = (host) => host.startsWith("[") || host.startsWith("{[") || host.startsWith("\\[");

function compilePattern(init, ignoreCase) {
  const given = processInit(init, true, { __proto__: null });
  for (let i = 0; i < PATTERN_COMPONENTS.length; i++) given[PATTERN_COMPONENTS[i]] ??= "*";
  if (isSpecialScheme(given.protocol) && `${SPECIAL_PORTS[given.protocol]}` === given.port) given.port = "";
  const compiled = { __proto__: null };
  const { protocol, username, password, hostname, port, pathname, search, hash } = given;
  compiled.protocol = compileComponent(protocol, CANONICAL.protocol, PLAIN_OPTIONS, false);
  compiled.username = compileComponent(username, CANONICAL.username, PLAIN_OPTIONS, false);
  compiled.password = compileComponent(password, CANONICAL.password, PLAIN_OPTIONS, false);
  compiled.hostname = compileComponent(hostname, isAddressPattern(hostname) ? CANONICAL.address : CANONICAL.hostname, HOST_OPTIONS, false);
  compiled.port = compileComponent(port, (value) => CANONICAL.port(value), PLAIN_OPTIONS, false);
  const special = matchesSpecial(compiled.protocol);
  compiled.pathname = compileComponent(pathname, special ? CANONICAL.pathname : CANONICAL.opaque, special ? PATH_OPTIONS : PLAIN_OPTIONS, ignoreCase);
  compiled.search = compileComponent(search, CANONICAL.search, PLAIN_OPTIONS, ignoreCase);
  compiled.hash = compileComponent(hash, CANONICAL.hash, PLAIN_OPTIONS, ignoreCase);
  return compiled;
}

// The components of what is to be matched, or null when it is no URL.
function componentsOf(input, base) {
  const values = { __proto__: null };
  for (let i = 0; i < PATTERN_COMPONENTS.length; i++) values[PATTERN_COMPONENTS[i]] = "";
  if (typeof input !== "string") {
    if (base !== undefined) throw patternError("a base is only for strings");
    try {
      return processInit(input, false, values);
    } catch {
      return null;
    }
  }
  const parsedBase = base === undefined ? null : parseURL(base);
  const url = base !== undefined && parsedBase === null ? null : parseURL(input, parsedBase);
  if (url === null) return null;
  return {
    __proto__: null,
    protocol: url.scheme,
    username: url.username,
    password: url.password,
    hostname: url.host ?? "",
    port: url.port === null ? "" : `${url.port}`,
    pathname: url.path,
    search: url.query ?? "",
    hash: url.fragment ?? "",
  };
}

const toPatternInput = (value) => (isObject(value) || value === undefined || value === null ? toPatternInit(value) : toUSVString(value));

class URLPattern {
  #compiled;

  constructor(input = undefined, base = undefined, options = undefined) {
    // (input, base, options) or (input, options).
    const short = base === undefined || base === null || isObject(base);
    const given = toPatternInput(input);
    const baseURL = short && (arguments.length < 3 || isObject(base)) ? undefined : toUSVString(base);
    const ignoreCase = !!toDictionary(short && arguments.length < 3 ? base : options, "URLPattern: the options").ignoreCase;
    let init = given;
    if (typeof given === "string") {
      init = new PatternStringParser(given).run();
      if (baseURL === undefined && init.protocol === undefined) throw patternError("a relative pattern needs a base");
      if (baseURL !== undefined) init.baseURL = baseURL;
    } else if (baseURL !== undefined) {
      throw patternError("a base is only for strings");
    }
    this.#compiled = compilePattern(init, ignoreCase);
  }

  test(input = undefined, base = undefined) {
    const compiled = this.#compiled;
    const values = componentsOf(toPatternInput(input), base === undefined ? undefined : toUSVString(base));
    if (values === null) return false;
    for (let i = 0; i < PATTERN_COMPONENTS.length; i++) {
      const name = PATTERN_COMPONENTS[i];
      if (!compiled[name].expression.test(values[name])) return false;
    }
    return true;
  }

  exec(input = undefined, base = undefined) {
    const compiled = this.#compiled;
    const given = toPatternInput(input);
    const baseURL = base === undefined ? undefined : toUSVString(base);
    const values = componentsOf(given, baseURL);
    if (values === null) return null;
    const result = { inputs: [typeof given === "string" ? given : ObjectAssign({}, given)] };
    if (baseURL !== undefined) result.inputs[1] = baseURL;
    for (let i = 0; i < PATTERN_COMPONENTS.length; i++) {
      const name = PATTERN_COMPONENTS[i];
      const { expression, names } = compiled[name];
      const match = expression.exec(values[name]);
      if (match === null) return null;
      const groups = {};
      for (let k = 0; k < names.length; k++) ObjectDefineProperty(groups, names[k], { value: match[k + 1], writable: true, enumerable: true, configurable: true });
      result[name] = { input: values[name], groups };
    }
    return result;
  }

  get protocol() {
    return this.#compiled.protocol.pattern;
  }
  get username() {
    return this.#compiled.username.pattern;
  }
  get password() {
    return this.#compiled.password.pattern;
  }
  get hostname() {
    return this.#compiled.hostname.pattern;
  }
  get port() {
    return this.#compiled.port.pattern;
  }
  get pathname() {
    return this.#compiled.pathname.pattern;
  }
  get search() {
    return this.#compiled.search.pattern;
  }
  get hash() {
    return this.#compiled.hash.pattern;
  }
  get hasRegExpGroups() {
    const compiled = this.#compiled;
    for (let i = 0; i < PATTERN_COMPONENTS.length; i++) if (compiled[PATTERN_COMPONENTS[i]].hasGroups) return true;
    return false;
  }
}
defineInterface(URLPattern);
