// Owns the parsing and serialising of MIME types (MIME Sniffing standard, section 4). Must not sniff.

const MIME_TOKEN = regexp(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/);
const MIME_VALUE = regexp(/^[\t\x20-\x7e\x80-\xff]*$/);
const MIME_PARAMETER = regexp(/;[\t\n\r ]*([^;=]*)(?:=(?:"((?:[^"\\]|\\[^])*)(?:"[^;]*|\\?$)|([^;]*)))?/g);
const MIME_ESCAPE = regexp(/\\([^])/g);
const MIME_QUOTED = regexp(/["\\]/g);

// {essence, parameters} with parameters a flat array, or null when it is no MIME type.
function parseMimeType(input) {
  const text = input.replace(OUTER_SPACE, "");
  let semicolon = text.indexOf(";");
  if (semicolon < 0) semicolon = text.length;
  const slash = text.indexOf("/");
  if (slash < 0 || slash > semicolon) return null;
  const type = text.slice(0, slash);
  const subtype = text.slice(slash + 1, semicolon).replace(OUTER_SPACE, "");
  if (!MIME_TOKEN.test(type) || !MIME_TOKEN.test(subtype)) return null;
  const parameters = [];
  MIME_PARAMETER.lastIndex = semicolon;
  for (let match = MIME_PARAMETER.exec(text); match !== null; match = MIME_PARAMETER.exec(text)) {
    const name = match[1].toLowerCase();
    let value = match[2] === undefined ? match[3] : match[2].replace(MIME_ESCAPE, "$1");
    if (value === undefined) continue;
    if (match[2] === undefined) value = value.replace(OUTER_SPACE, "");
    if (match[2] === undefined && value === "") continue;
    if (!MIME_TOKEN.test(name) || !MIME_VALUE.test(value) || listHas(parameters, name)) continue;
    parameters[parameters.length] = name;
    parameters[parameters.length] = value;
  }
  return { essence: `${type}/${subtype}`.toLowerCase(), parameters };
}

function serializeMimeType(mime) {
  let out = mime.essence;
  for (let i = 0; i < mime.parameters.length; i += 2) {
    const value = mime.parameters[i + 1];
    out += `;${mime.parameters[i]}=${MIME_TOKEN.test(value) ? value : `"${value.replace(MIME_QUOTED, "\\$&")}"`}`;
  }
  return out;
}

// "Extract a MIME type" from a header list: the last valid one, or null.
function mimeTypeOf(list) {
  const header = listGet(list, "content-type");
  if (header === null) return null;
  const whole = parseMimeType(header);
  if (whole !== null && header.indexOf(",") < 0) return whole;
  const values = splitOutsideQuotes(header);
  let result = null;
  for (let i = 0; i < values.length; i++) {
    const mime = parseMimeType(values[i]);
    if (mime !== null && mime.essence !== "*/*") result = mime;
  }
  return result;
}

function splitOutsideQuotes(header) {
  const values = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < header.length; i++) {
    const char = header[i];
    if (quoted && char === "\\") i++;
    else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) {
      values[values.length] = header.slice(start, i);
      start = i + 1;
    }
  }
  values[values.length] = header.slice(start);
  return values;
}
