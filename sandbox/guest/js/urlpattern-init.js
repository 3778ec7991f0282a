// Owns the components of URL patterns (URL Pattern standard, sections 1.5, 3 and 4): how each is made canonical, what a constructor string means, and
// what a dictionary inherits from its base. Must not match.

const PATTERN_COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];

const PLAIN_OPTIONS = ObjectFreeze({ __proto__: null, delimiter: "", prefix: "" });
const HOST_OPTIONS = ObjectFreeze({ __proto__: null, delimiter: ".", prefix: "" });
const PATH_OPTIONS = ObjectFreeze({ __proto__: null, delimiter: "/", prefix: "/" });

const withoutBreaks = (text) => text.replace(TAB_OR_NEWLINE, "");
const HOST_END = regexp(/[/?#\\]/);
const IPV6_LETTERS = regexp(/^[0-9A-Fa-f:[\]]*$/);

const CANONICAL = {
  __proto__: null,

  protocol(value) {
    if (value === "") return value;
    const url = parseURL(`${value}://dummy.invalid/`);
    if (url === null) throw patternError(`"${value}" is not a protocol`);
    return url.scheme;
  },

  username: (value) => percentEncode(value, USERINFO_SET),
  password: (value) => percentEncode(value, USERINFO_SET),

  hostname(value) {
    if (value === "") return value;
    const text = withoutBreaks(value);
    const end = text.search(HOST_END);
    const name = end < 0 ? text : text.slice(0, end);
    const host = name === "" || (name.indexOf(":") >= 0 && !name.startsWith("[")) ? null : parseHost(name, false);
    if (host === null) throw patternError(`"${value}" is not a host name`);
    return host;
  },

  address(value) {
    if (!IPV6_LETTERS.test(value)) throw patternError(`"${value}" is not an IPv6 address`);
    return value.toLowerCase();
  },

  port(value, protocol = "") {
    if (value === "") return value;
    const digits = leadingDigits(withoutBreaks(value));
    const number = +digits;
    if (digits === "" || number > 65535) throw patternError(`"${value}" is not a port`);
    return isSpecialScheme(protocol) && SPECIAL_PORTS[protocol] === number ? "" : `${number}`;
  },

  pathname(value) {
    if (value === "") return value;
    const url = parseURL("https://dummy.invalid/");
    const absolute = value.charCodeAt(0) === 47;
    setPathname(url, withoutBreaks(absolute ? value : `/-${value}`));
    return absolute ? url.path : url.path.slice(2);
  },

  opaque: (value) => percentEncode(withoutBreaks(value), C0_SET),
  search: (value) => percentEncode(withoutBreaks(value), SPECIAL_QUERY_SET),
  hash: (value) => percentEncode(withoutBreaks(value), FRAGMENT_SET),
};

// Dictionaries ---------------------------------------------------------------------------------------------------------------------------------

const INIT_MEMBERS = ["baseURL", "hash", "hostname", "password", "pathname", "port", "protocol", "search", "username"];

// The dictionary URLPatternInit, without a prototype.
function toPatternInit(value) {
  const init = { __proto__: null };
  if (value === undefined || value === null) return init;
  for (let i = 0; i < INIT_MEMBERS.length; i++) {
    const member = value[INIT_MEMBERS[i]];
    if (member !== undefined) init[INIT_MEMBERS[i]] = toUSVString(member);
  }
  return init;
}

const SPECIFIC = ["protocol", "hostname", "port", "pathname", "search", "hash"];

// "Process a URLPatternInit": of a pattern, or of a URL that is to be matched (then `result` has empty defaults).
function processInit(init, isPattern, result) {
  let base = null;
  if (init.baseURL !== undefined) {
    base = parseURL(init.baseURL);
    if (base === null) throw patternError("the base is not a URL");
    inheritFromBase(init, base, isPattern, result);
  }
  const canonical = (name, value, extra) => (isPattern ? value : CANONICAL[name](value, extra));
  if (init.protocol !== undefined) result.protocol = canonical("protocol", init.protocol.endsWith(":") ? init.protocol.slice(0, -1) : init.protocol);
  if (init.username !== undefined) result.username = canonical("username", init.username);
  if (init.password !== undefined) result.password = canonical("password", init.password);
  if (init.hostname !== undefined) result.hostname = canonical("hostname", init.hostname);
  if (init.port !== undefined) result.port = canonical("port", init.port, result.protocol);
  if (init.pathname !== undefined) {
    let path = init.pathname;
    if (base !== null && !base.opaque && !isAbsolutePattern(path, isPattern)) {
      const basePath = isPattern ? escapePattern(base.path) : base.path;
      const slash = basePath.lastIndexOf("/");
      if (slash >= 0) path = basePath.slice(0, slash + 1) + path;
    }
    const { protocol } = result;
    result.pathname = canonical(protocol === undefined || protocol === "" || isSpecialScheme(protocol) ? "pathname" : "opaque", path);
  }
  if (init.search !== undefined) result.search = canonical("search", init.search.startsWith("?") ? init.search.slice(1) : init.search);
  if (init.hash !== undefined) result.hash = canonical("hash", init.hash.startsWith("#") ? init.hash.slice(1) : init.hash);
  return result;
}

// A component comes from the base when the dictionary has neither it nor any that stands before it.
function inheritFromBase(init, base, isPattern, result) {
  const text = (value) => (isPattern ? escapePattern(value) : value);
  const values = {
    __proto__: null,
    protocol: base.scheme,
    hostname: base.host ?? "",
    port: base.port === null ? "" : `${base.port}`,
    pathname: base.path,
    search: base.query ?? "",
    hash: base.fragment ?? "",
  };
  for (let i = 0; i < SPECIFIC.length && init[SPECIFIC[i]] === undefined; i++) result[SPECIFIC[i]] = text(values[SPECIFIC[i]]);
  if (!isPattern && init.protocol === undefined && init.hostname === undefined && init.port === undefined && init.username === undefined) {
    result.username = base.username;
    if (init.password === undefined) result.password = base.password;
  }
}

function isAbsolutePattern(path, isPattern) {
  return path.startsWith("/") || (isPattern && (path.startsWith("\\/") || path.startsWith("{/")));
}

// Constructor strings --------------------------------------------------------------------------------------------------------------------------

class PatternStringParser {
  constructor(input) {
    this.points = pointsOf(input);
    this.tokens = tokenizePattern(this.points, false);
    this.result = { __proto__: null };
    this.start = 0;
    this.at = 0;
    this.step = 1;
    this.depth = 0;
    this.brackets = 0;
    this.special = false;
    this.state = "init";
  }

  token(index) {
    return this.tokens[index < this.tokens.length ? index : this.tokens.length - 1];
  }

  is(value, index = this.at) {
    const token = this.token(index);
    return token.value === value && (token.type === "char" || token.type === "escaped" || token.type === "invalid");
  }

  isSearch() {
    if (this.is("?")) return true;
    if (this.token(this.at).value !== "?") return false;
    if (this.at === 0) return true;
    const { type } = this.token(this.at - 1);
    return type !== "name" && type !== "regexp" && type !== "close" && type !== "asterisk";
  }

  text() {
    return joinPoints(this.points, this.token(this.start).index, this.token(this.at).index);
  }

  rewind(state) {
    this.at = this.start;
    this.step = 0;
    this.state = state;
  }

  change(state, skip) {
    const { result } = this;
    const before = this.state;
    if (before !== "init" && before !== "authority" && before !== "done") result[before] = this.text();
    if (before !== "init" && state !== "done") {
      const late = state === "search" || state === "hash";
      const early = before === "protocol" || before === "authority" || before === "username" || before === "password";
      if (early && (late || state === "port" || state === "pathname")) result.hostname ??= "";
      if (late && (early || before === "hostname" || before === "port")) result.pathname ??= this.special ? "/" : "";
      if (state === "hash" && before !== "search") result.search ??= "";
    }
    this.state = state;
    this.at += skip;
    this.start = this.at;
    this.step = 0;
  }

  run() {
    for (; this.at < this.tokens.length; this.at += this.step) {
      this.step = 1;
      const { type } = this.tokens[this.at];
      if (type === "end") {
        if (this.state === "init") {
          this.rewind("init");
          if (this.is("#")) this.change("hash", 1);
          else if (this.isSearch()) this.change("search", 1);
          else this.change("pathname", 0);
        } else if (this.state === "authority") {
          this.rewind("hostname");
        } else {
          this.change("done", 0);
          break;
        }
      } else if (type === "open") {
        this.depth++;
      } else if (this.depth > 0 && type !== "close") {
        continue;
      } else {
        if (this.depth > 0) this.depth--;
        this[this.state]();
      }
    }
    if (this.result.hostname !== undefined) this.result.port ??= "";
    return this.result;
  }

  init() {
    if (this.is(":")) this.rewind("protocol");
  }

  protocol() {
    if (!this.is(":")) return;
    this.special = matchesSpecial(compileComponent(this.text(), CANONICAL.protocol, PLAIN_OPTIONS, false));
    if (this.is("/", this.at + 1) && this.is("/", this.at + 2)) this.change("authority", 3);
    else this.change(this.special ? "authority" : "pathname", 1);
  }

  authority() {
    if (this.is("@")) this.rewind("username");
    else if (this.is("/") || this.isSearch() || this.is("#")) this.rewind("hostname");
  }

  username() {
    if (this.is(":")) this.change("password", 1);
    else if (this.is("@")) this.change("hostname", 1);
  }

  password() {
    if (this.is("@")) this.change("hostname", 1);
  }

  hostname() {
    if (this.is("[")) this.brackets++;
    else if (this.is("]")) this.brackets--;
    else if (this.is(":") && this.brackets === 0) this.change("port", 1);
    else this.port();
  }

  port() {
    if (this.is("/")) this.change("pathname", 0);
    else this.pathname();
  }

  pathname() {
    if (this.isSearch()) this.change("search", 1);
    else this.search();
  }

  search() {
    if (this.is("#")) this.change("hash", 1);
  }

  hash() {}
}
internal(PatternStringParser);
