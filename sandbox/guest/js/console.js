// Owns console (Console standard). Must not keep lines: each goes to the host with the request it belongs to.

const LEVEL_DEBUG = 0;
const LEVEL_LOG = 1;
const LEVEL_INFO = 2;
const LEVEL_WARN = 3;
const LEVEL_ERROR = 4;

const LINE_BYTES = 32768;
const CUT_MARKER = "… [line cut at 32 KiB]";

// Indentation by console.group, of the instance: the standard knows no requests.
let groupIndent = "";
const counts = new SafeMap();
const clocks = new SafeMap();

function emitLine(level, message) {
  let line = groupIndent === "" ? message : `${groupIndent}${message.replace(NEWLINE, `\n${groupIndent}`)}`;
  if (line.length * 3 > LINE_BYTES) {
    const fits = fittingUnits(line, LINE_BYTES);
    if (fits < line.length) line = line.slice(0, fittingUnits(line, LINE_BYTES - 32)) + CUT_MARKER;
  }
  host.emit(EFFECT_LOG, 0, current === null ? 0 : current.id, "uds", level, host.now(), line);
}

const logText = (value) => (typeof value === "string" ? value : inspectValue(value));

// "Formatter": the specifiers of a format string, then the rest of the arguments, with spaces between.
function formatLine(args) {
  const count = args.length;
  if (count === 0) return "";
  if (count === 1) return logText(args[0]);
  let out = "";
  let next = 1;
  const first = args[0];
  if (typeof first === "string" && first.indexOf("%") >= 0) {
    let at = 0;
    for (let i = 0; i < first.length - 1; i++) {
      if (first[i] !== "%") continue;
      const specifier = first[i + 1];
      if (specifier === "%") {
        out += first.slice(at, i + 1);
      } else if (next < count && FORMATS[specifier] !== undefined) {
        out += first.slice(at, i) + FORMATS[specifier](args[next++]);
      } else {
        continue;
      }
      at = i + 2;
      i++;
    }
    out += first.slice(at);
  } else {
    out = logText(first);
  }
  for (; next < count; next++) out += ` ${logText(args[next])}`;
  return out;
}

function formatString(value) {
  if (typeof value === "string") return value;
  if (isObject(value)) return inspectValue(value, 1);
  return typeof value === "bigint" ? `${value}n` : safeString(value);
}

function formatInteger(value) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol" || isObject(value)) return "NaN";
  return `${builtinParseInt(value, 10)}`;
}

function formatFloat(value) {
  if (typeof value === "symbol" || isObject(value)) return "NaN";
  return `${builtinParseFloat(value)}`;
}
const builtinParseFloat = globalThis.parseFloat;

const FORMATS = ObjectAssign(ObjectCreate(null), {
  s: formatString,
  d: formatInteger,
  i: formatInteger,
  f: formatFloat,
  j: (value) => {
    try {
      return `${JSONStringify(value)}`;
    } catch {
      return "[Circular]";
    }
  },
  o: (value) => inspectValue(value, 4),
  O: (value) => inspectValue(value),
  c: () => "",
});

const labelOf = (label) => (label === undefined ? "default" : `${label}`);

function elapsed(label) {
  const started = clocks.get(label);
  if (started === undefined) return null;
  return `${label}: ${wallClock() - started}ms`;
}

function startGroup(args) {
  if (args.length > 0) emitLine(LEVEL_LOG, formatLine(args));
  if (groupIndent.length < 64) groupIndent += "  ";
}

const consoleMethods = {
  log() {
    emitLine(LEVEL_LOG, formatLine(arguments));
  },
  info() {
    emitLine(LEVEL_INFO, formatLine(arguments));
  },
  debug() {
    emitLine(LEVEL_DEBUG, formatLine(arguments));
  },
  warn() {
    emitLine(LEVEL_WARN, formatLine(arguments));
  },
  error() {
    emitLine(LEVEL_ERROR, formatLine(arguments));
  },
  trace() {
    const text = formatLine(arguments);
    const stack = tenantStack(stringProperty(new Error(""), "stack"));
    emitLine(LEVEL_LOG, `Trace${text === "" ? "" : `: ${text}`}${stack === "" ? "" : `\n${stack}`}`);
  },
  assert(condition = false) {
    if (condition) return;
    const rest = arraySlice(arguments, 1);
    if (rest.length === 0) {
      emitLine(LEVEL_ERROR, "Assertion failed");
    } else if (typeof rest[0] === "string") {
      rest[0] = `Assertion failed: ${rest[0]}`;
      emitLine(LEVEL_ERROR, formatLine(rest));
    } else {
      emitLine(LEVEL_ERROR, `Assertion failed ${formatLine(rest)}`);
    }
  },
  count(label = undefined) {
    const name = labelOf(label);
    const count = (counts.get(name) ?? 0) + 1;
    if (counts.size < 1000 || counts.has(name)) counts.set(name, count);
    emitLine(LEVEL_INFO, `${name}: ${count}`);
  },
  countReset(label = undefined) {
    const name = labelOf(label);
    if (!counts.delete(name)) emitLine(LEVEL_WARN, `Count for '${name}' does not exist`);
  },
  time(label = undefined) {
    const name = labelOf(label);
    if (clocks.has(name)) emitLine(LEVEL_WARN, `Timer '${name}' already exists`);
    else if (clocks.size < 1000) clocks.set(name, wallClock());
  },
  timeLog(label = undefined) {
    const name = labelOf(label);
    const text = elapsed(name);
    if (text === null) {
      emitLine(LEVEL_WARN, `Timer '${name}' does not exist`);
      return;
    }
    const rest = arraySlice(arguments, 1);
    emitLine(LEVEL_LOG, rest.length === 0 ? text : `${text} ${formatLine(rest)}`);
  },
  timeEnd(label = undefined) {
    const name = labelOf(label);
    const text = elapsed(name);
    if (text === null) {
      emitLine(LEVEL_WARN, `Timer '${name}' does not exist`);
      return;
    }
    clocks.delete(name);
    emitLine(LEVEL_INFO, text);
  },
  group() {
    startGroup(arguments);
  },
  groupCollapsed() {
    startGroup(arguments);
  },
  groupEnd() {
    groupIndent = groupIndent.slice(0, -2);
  },
  dir(value = undefined) {
    emitLine(LEVEL_LOG, inspectValue(value));
  },
  dirxml() {
    emitLine(LEVEL_LOG, formatLine(arguments));
  },
  table(data = undefined, columns = undefined) {
    emitLine(LEVEL_LOG, isObject(data) ? formatTable(data, columns) : logText(data));
  },
  clear() {
    groupIndent = "";
  },
};

function formatTable(data, columns) {
  const keys = ArrayIsArray(columns) ? arraySlice(columns) : [];
  const fixed = keys.length > 0;
  const rows = [];
  let values = false;
  const names = ObjectKeys(data);
  for (let i = 0; i < names.length && i < MAX_ITEMS; i++) {
    const row = data[names[i]];
    const cells = ObjectCreate(null);
    if (isObject(row)) {
      const fields = ObjectKeys(row);
      for (let j = 0; j < fields.length; j++) {
        cells[fields[j]] = inspectValue(row[fields[j]], 1);
        if (!fixed && keys.indexOf(fields[j]) < 0 && keys.length < MAX_ITEMS) keys[keys.length] = fields[j];
      }
    } else {
      values = true;
      cells[TABLE_VALUES] = inspectValue(row, 1);
    }
    rows[rows.length] = { name: names[i], cells };
  }
  const headings = ["(index)"];
  for (let i = 0; i < keys.length; i++) headings[headings.length] = `${keys[i]}`;
  if (values && !fixed) headings[headings.length] = TABLE_VALUES;
  const lines = [headings];
  for (let i = 0; i < rows.length; i++) {
    const line = [rows[i].name];
    for (let j = 1; j < headings.length; j++) line[j] = rows[i].cells[headings[j]] ?? "";
    lines[lines.length] = line;
  }
  return drawTable(lines);
}
const TABLE_VALUES = "Values";

function drawTable(lines) {
  const widths = [];
  for (let i = 0; i < lines.length; i++) {
    for (let j = 0; j < lines[i].length; j++) widths[j] = MathMax(widths[j] ?? 0, lines[i][j].length);
  }
  const rule = (left, middle, right) => {
    let out = left;
    for (let j = 0; j < widths.length; j++) out += "─".repeat(widths[j] + 2) + (j < widths.length - 1 ? middle : right);
    return out;
  };
  let out = rule("┌", "┬", "┐");
  for (let i = 0; i < lines.length; i++) {
    out += "\n│";
    for (let j = 0; j < widths.length; j++) out += ` ${lines[i][j].padEnd(widths[j])} │`;
    if (i === 0) out += `\n${rule("├", "┼", "┤")}`;
  }
  return `${out}\n${rule("└", "┴", "┘")}`;
}

// The namespace object is made on an empty object whose prototype is Object.prototype, as the standard says.
const consoleObject = ObjectCreate(ObjectCreate(ObjectPrototype));
for (const name of ObjectKeys(consoleMethods)) {
  ObjectDefineProperty(consoleObject, name, { value: consoleMethods[name], writable: true, enumerable: true, configurable: true });
}
ObjectDefineProperty(consoleObject, Symbol.toStringTag, { value: "console", configurable: true });
