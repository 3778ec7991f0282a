// Owns the language of URL patterns (URL Pattern standard, section 2): tokens, parts, regular expressions, and writing parts back. Must not know what
// the components of a URL are: it is given how to encode fixed text.

const NAME_START = regexp(/^[\p{ID_Start}$_]$/u);
const NAME_PART = regexp(/^[\p{ID_Continue}$\u200c\u200d]$/u);
const isNamePart = (char, first) => (first ? NAME_START.test(char) : NAME_PART.test(char));

const patternError = (message) => new TypeError(`URLPattern: ${message}`);

// Tokens stand in one array for each property; indexes are of code points.
class PatternToken {
  constructor(type, index, value) {
    this.type = type;
    this.index = index;
    this.value = value;
  }
}
internal(PatternToken);

function pointsOf(string) {
  const points = [];
  for (let i = 0; i < string.length; ) {
    const char = StringFromCodePoint(codePointAt(string, i));
    points[points.length] = char;
    i += char.length;
  }
  return points;
}
const codePointAt = uncurry(String.prototype.codePointAt);
const joinPoints = (points, from, to) => arrayJoin(arraySlice(points, from, to), "");

const PATTERN_SIGNS = { __proto__: null, "*": "asterisk", "+": "modifier", "?": "modifier", "{": "open", "}": "close" };

// Lenient tokenizing gives "invalid" tokens where strict throws.
function tokenizePattern(points, strict) {
  const tokens = [];
  const size = points.length;
  let at = 0;
  const add = (type, next, value) => {
    tokens[tokens.length] = new PatternToken(type, at, value);
    at = next;
  };
  const wrong = (next, value) => {
    if (strict) throw patternError(`the pattern is wrong at ${at}`);
    add("invalid", next, value);
  };
  while (at < size) {
    const char = points[at];
    if (char in PATTERN_SIGNS) {
      add(PATTERN_SIGNS[char], at + 1, char);
    } else if (char === "\\") {
      if (at === size - 1) wrong(at + 1, char);
      else add("escaped", at + 2, points[at + 1]);
    } else if (char === ":") {
      let end = at + 1;
      while (end < size && isNamePart(points[end], end === at + 1)) end++;
      if (end === at + 1) wrong(end, char);
      else add("name", end, joinPoints(points, at + 1, end));
    } else if (char === "(") {
      const end = groupEnd(points, at + 1);
      if (end < 0) wrong(at + 1, char);
      else add("regexp", end, joinPoints(points, at + 1, end - 1));
    } else {
      add("char", at + 1, char);
    }
  }
  add("end", at, "");
  return tokens;
}

const isAsciiPoint = (char) => char.length === 1 && char.charCodeAt(0) < 0x80;

// The place behind the parenthesis that closes the one before `start`, or -1 for a group that is not allowed.
function groupEnd(points, start) {
  let depth = 1;
  for (let at = start; at < points.length; at++) {
    const char = points[at];
    if (!isAsciiPoint(char) || (at === start && char === "?")) return -1;
    if (char === "\\") {
      at++;
      if (at >= points.length || !isAsciiPoint(points[at])) return -1;
    } else if (char === ")") {
      if (--depth === 0) return at === start ? -1 : at + 1;
    } else if (char === "(") {
      depth++;
      if (points[at + 1] !== "?") return -1;
    }
  }
  return -1;
}

class PatternPart {
  constructor(type, value, modifier, name = "", prefix = "", suffix = "") {
    this.type = type;
    this.value = value;
    this.modifier = modifier;
    this.name = name;
    this.prefix = prefix;
    this.suffix = suffix;
  }
}
internal(PatternPart);

const REGEXP_SIGNS = regexp(/[.+*?^${}()[\]|/\\]/g);
const PATTERN_ESCAPES = regexp(/[+*?:{}()\\]/g);
// Signs that this engine takes for operators of sets, even where there is no set, when two of them meet; "-" on its own.
const SET_SIGNS = regexp(/[-&!#%,:;<=>@`~]/g);
const escapeRegexp = (text) => text.replace(REGEXP_SIGNS, "\\$&").replace(SET_SIGNS, (sign) => `\\x${sign.charCodeAt(0).toString(16)}`);
const escapePattern = (text) => text.replace(PATTERN_ESCAPES, "\\$&");
const segmentOf = (options) => (options.delimiter === "" ? "[^]+?" : `[^${escapeRegexp(options.delimiter)}]+?`);

class PatternParser {
  constructor(input, encode, options) {
    this.tokens = tokenizePattern(pointsOf(input), true);
    this.encode = encode;
    this.prefix = options.prefix;
    this.segment = segmentOf(options);
    this.parts = [];
    this.fixed = "";
    this.at = 0;
    this.numeric = 0;
  }

  take(type) {
    const token = this.tokens[this.at];
    if (token.type !== type) return null;
    this.at++;
    return token;
  }

  takeMatcher(name) {
    const token = this.take("regexp");
    return name === null && token === null ? this.take("asterisk") : token;
  }

  takeModifier() {
    const token = this.take("modifier") ?? this.take("asterisk");
    return token === null ? "" : token.value;
  }

  takeText() {
    let text = "";
    for (let token; (token = this.take("char") ?? this.take("escaped")) !== null; ) text += token.value;
    return text;
  }

  run() {
    const { tokens } = this;
    while (this.at < tokens.length) {
      const char = this.take("char");
      const name = this.take("name");
      const matcher = this.takeMatcher(name);
      if (name !== null || matcher !== null) {
        let prefix = char === null ? "" : char.value;
        if (prefix !== "" && prefix !== this.prefix) {
          this.fixed += prefix;
          prefix = "";
        }
        this.flush();
        this.add(prefix, name, matcher, "", this.takeModifier());
        continue;
      }
      const fixed = char ?? this.take("escaped");
      if (fixed !== null) {
        this.fixed += fixed.value;
        continue;
      }
      if (this.take("open") !== null) {
        const prefix = this.takeText();
        const inner = this.take("name");
        const group = this.takeMatcher(inner);
        const suffix = this.takeText();
        this.require("close");
        this.add(prefix, inner, group, suffix, this.takeModifier());
        continue;
      }
      this.flush();
      this.require("end");
    }
    return this.parts;
  }

  require(type) {
    if (this.take(type) === null) throw patternError(`"${this.tokens[this.at].value}" stands where it may not`);
  }

  flush() {
    if (this.fixed === "") return;
    const text = this.encode(this.fixed);
    this.fixed = "";
    this.push(new PatternPart("fixed", text, ""));
  }

  push(part) {
    this.parts[this.parts.length] = part;
  }

  add(prefix, nameToken, matcher, suffix, modifier) {
    if (nameToken === null && matcher === null && modifier === "") {
      this.fixed += prefix + suffix;
      return;
    }
    this.flush();
    if (nameToken === null && matcher === null) {
      if (prefix !== "") this.push(new PatternPart("fixed", this.encode(prefix), modifier));
      return;
    }
    let value = matcher === null ? this.segment : matcher.type === "asterisk" ? ".*" : matcher.value;
    const type = value === this.segment ? "segment" : value === ".*" ? "full" : "regexp";
    if (type !== "regexp") value = "";
    const name = nameToken !== null ? nameToken.value : `${this.numeric++}`;
    for (let i = 0; i < this.parts.length; i++) if (this.parts[i].name === name) throw patternError(`the name "${name}" stands twice`);
    this.push(new PatternPart(type, value, modifier, name, this.encode(prefix), this.encode(suffix)));
  }
}
internal(PatternParser);

// [regular expression's source, names of its groups].
function patternSource(parts, options) {
  const segment = segmentOf(options);
  const names = [];
  let out = "^";
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    const { modifier } = part;
    if (part.type === "fixed") {
      out += modifier === "" ? escapeRegexp(part.value) : `(?:${escapeRegexp(part.value)})${modifier}`;
      continue;
    }
    names[names.length] = part.name;
    const value = part.type === "segment" ? segment : part.type === "full" ? ".*" : part.value;
    const repeats = modifier === "*" || modifier === "+";
    if (part.prefix === "" && part.suffix === "") {
      out += repeats ? `((?:${value})${modifier})` : `(${value})${modifier}`;
      continue;
    }
    const prefix = escapeRegexp(part.prefix);
    const suffix = escapeRegexp(part.suffix);
    if (!repeats) out += `(?:${prefix}(${value})${suffix})${modifier}`;
    else out += `(?:${prefix}((?:${value})(?:${suffix}${prefix}(?:${value}))*)${suffix})${modifier === "*" ? "?" : ""}`;
  }
  return [`${out}$`, names];
}

const DIGIT_FIRST = regexp(/^[0-9]/);
const firstPoint = (text) => StringFromCodePoint(codePointAt(text, 0));

// The parts as a pattern again, in the one form the standard gives them.
function patternText(parts, options) {
  let out = "";
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    const before = i > 0 ? parts[i - 1] : null;
    const after = i + 1 < parts.length ? parts[i + 1] : null;
    if (part.type === "fixed") {
      out += part.modifier === "" ? escapePattern(part.value) : `{${escapePattern(part.value)}}${part.modifier}`;
      continue;
    }
    const custom = !DIGIT_FIRST.test(part.name);
    let grouped = part.suffix !== "" || (part.prefix !== "" && part.prefix !== options.prefix);
    if (!grouped && custom && part.type === "segment" && part.modifier === "" && after !== null && after.prefix === "" && after.suffix === "") {
      grouped = after.type === "fixed" ? isNamePart(firstPoint(after.value), false) : DIGIT_FIRST.test(after.name);
    }
    if (!grouped && part.prefix === "" && before !== null && before.type === "fixed" && options.prefix !== "") grouped = before.value.endsWith(options.prefix);
    out += (grouped ? "{" : "") + escapePattern(part.prefix);
    if (custom) out += `:${part.name}`;
    if (part.type === "regexp") {
      out += `(${part.value})`;
    } else if (part.type === "segment") {
      if (!custom) out += `(${segmentOf(options)})`;
    } else if (part.type === "full") {
      const plain = !custom && (before === null || before.type === "fixed" || before.modifier !== "" || grouped || part.prefix !== "");
      out += plain ? "*" : "(.*)";
    }
    if (part.type === "segment" && custom && part.suffix !== "" && isNamePart(firstPoint(part.suffix), false)) out += "\\";
    out += escapePattern(part.suffix) + (grouped ? "}" : "") + part.modifier;
  }
  return out;
}
