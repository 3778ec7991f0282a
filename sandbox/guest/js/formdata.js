// Owns FormData (XMLHttpRequest standard, section 5) and its two encodings: multipart/form-data (RFC 7578, as HTML prescribes) and
// application/x-www-form-urlencoded. Must not read bodies: body.js brings the bytes.

let formPairs;
let isFormData;

class FormData {
  // [name, value, ...]; a value is a string or a File.
  #pairs = [];

  constructor(form = undefined) {
    if (form !== undefined) throw new TypeError("FormData: there are no form elements here");
  }

  static {
    formPairs = (form) => form.#pairs;
    isFormData = (value) => isObject(value) && #pairs in value;
  }

  append(name, value, filename = undefined) {
    const pairs = this.#pairs;
    requireArguments("FormData.append", arguments.length, 2);
    const key = toUSVString(name);
    const entry = formEntry(value, filename, arguments.length > 2);
    pairs[pairs.length] = key;
    pairs[pairs.length] = entry;
  }

  delete(name) {
    const pairs = this.#pairs;
    requireArguments("FormData.delete", arguments.length, 1);
    listDelete(pairs, toUSVString(name));
  }

  get(name) {
    const pairs = this.#pairs;
    requireArguments("FormData.get", arguments.length, 1);
    const key = toUSVString(name);
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === key) return pairs[i + 1];
    return null;
  }

  getAll(name) {
    const pairs = this.#pairs;
    requireArguments("FormData.getAll", arguments.length, 1);
    const key = toUSVString(name);
    const values = [];
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === key) values[values.length] = pairs[i + 1];
    return values;
  }

  has(name) {
    const pairs = this.#pairs;
    requireArguments("FormData.has", arguments.length, 1);
    return listHas(pairs, toUSVString(name));
  }

  set(name, value, filename = undefined) {
    const pairs = this.#pairs;
    requireArguments("FormData.set", arguments.length, 2);
    const key = toUSVString(name);
    listSet(pairs, key, formEntry(value, filename, arguments.length > 2));
  }
}

// "Create an entry": blobs become files.
function formEntry(value, filename, named) {
  if (!isBlob(value)) {
    if (named) throw new TypeError("FormData: a filename goes with a Blob only");
    return toUSVString(value);
  }
  if (value instanceof File && filename === undefined) return value;
  const name = filename === undefined ? (value instanceof File ? value.name : "blob") : toUSVString(filename);
  const state = blobState(value);
  return new File([value], name, { type: state.type, lastModified: value instanceof File ? value.lastModified : wallClock() });
}

// Writing --------------------------------------------------------------------------------------------------------------------------------

const FORM_NAME_SPECIAL = regexp(/[\n\r"]/g);
const FORM_NAME_ESCAPES = { "\n": "%0A", "\r": "%0D", '"': "%22" };
const escapeFormName = (name) => name.replace(FORM_NAME_SPECIAL, (char) => FORM_NAME_ESCAPES[char]);
const toCRLF = (text) => text.replace(LINE_ENDINGS, "\r\n");

function makeBoundary() {
  const bytes = new U8(16);
  host.random(bytes);
  let out = "----formdata-hostel-";
  for (let i = 0; i < bytes.length; i++) out += HEX[bytes[i] >> 4].toLowerCase() + HEX[bytes[i] & 15].toLowerCase();
  return out;
}

// {bytes, boundary} of a form.
function serializeMultipart(form) {
  const boundary = makeBoundary();
  const pairs = formPairs(form);
  const parts = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const name = escapeFormName(toCRLF(pairs[i]));
    const value = pairs[i + 1];
    if (typeof value === "string") {
      parts[parts.length] = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${toCRLF(value)}\r\n`;
    } else {
      const type = blobState(value).type;
      parts[parts.length] =
        `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${escapeFormName(value.name)}"\r\n` +
        `Content-Type: ${type === "" ? "application/octet-stream" : type}\r\n\r\n`;
      parts[parts.length] = value;
      parts[parts.length] = "\r\n";
    }
  }
  parts[parts.length] = `--${boundary}--\r\n`;
  return { bytes: blobBytes(parts, "transparent"), boundary };
}

// Reading --------------------------------------------------------------------------------------------------------------------------------
// The bytes are looked at as Latin-1 text: searching is native there, and offsets are those of the bytes.

const DISPOSITION = regexp(/^form-data(?=;|$)/i);
const PARAMETER = regexp(/;\s*([^=;\s]+)\s*=\s*(?:"((?:[^"\\]|\\["\\]|\\(?!["\\]))*)"|([^;\s]*))/g);

function parseMultipart(bytes, boundary) {
  const text = host.latin1Decode(bytes);
  const delimiter = `--${boundary}`;
  const form = new FormData();
  const pairs = formPairs(form);
  let at = text.startsWith(delimiter) ? 0 : text.indexOf(`\r\n${delimiter}`);
  if (at < 0) throw new TypeError("The multipart body does not contain its boundary");
  if (at > 0) at += 2;
  for (;;) {
    at += delimiter.length;
    if (text.startsWith("--", at)) return form;
    // Transport padding may follow the boundary.
    while (text[at] === " " || text[at] === "\t") at++;
    if (!text.startsWith("\r\n", at)) throw new TypeError("The multipart body has a malformed boundary line");
    at += 2;
    const part = { name: undefined, filename: undefined, type: "" };
    at = parsePartHeaders(text, at, part);
    const end = text.indexOf(`\r\n${delimiter}`, at);
    if (end < 0) throw new TypeError("The multipart body ends before its last boundary");
    if (part.name === undefined) throw new TypeError("A part of the multipart body has no name");
    const content = bytesSubarray(bytes, at, end);
    pairs[pairs.length] = part.name;
    if (part.filename === undefined) {
      pairs[pairs.length] = host.utf8Decode(content, false, false);
    } else {
      const type = part.type === "" ? "text/plain" : part.type;
      pairs[pairs.length] = new File([content], part.filename, { type });
    }
    at = end + 2;
  }
}

// Fills `part` from the header lines at `start`; returns where the content begins.
function parsePartHeaders(text, start, part) {
  let at = start;
  for (;;) {
    const end = text.indexOf("\r\n", at);
    if (end < 0) throw new TypeError("The multipart body ends inside the headers of a part");
    if (end === at) return end + 2;
    const line = text.slice(at, end);
    at = end + 2;
    const colon = line.indexOf(":");
    if (colon <= 0) throw new TypeError("A part of the multipart body has a malformed header");
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "content-type") part.type = value;
    else if (name === "content-disposition") parseDisposition(value, part);
  }
}

function parseDisposition(value, part) {
  if (!DISPOSITION.test(value)) throw new TypeError("A part of the multipart body is not form-data");
  PARAMETER.lastIndex = 0;
  for (let match = PARAMETER.exec(value); match !== null; match = PARAMETER.exec(value)) {
    const key = match[1].toLowerCase();
    if (key !== "name" && key !== "filename") continue;
    const raw = match[2] === undefined ? match[3] : match[2];
    const decoded = host.utf8Decode(host.latin1Encode(raw), false, true);
    part[key] = decoded.replace(FORM_NAME_UNESCAPE, (escape) => FORM_NAME_UNESCAPES[escape]);
  }
}
const FORM_NAME_UNESCAPE = regexp(/%0A|%0D|%22|\\"/gi);
const FORM_NAME_UNESCAPES = { "%0A": "\n", "%0a": "\n", "%0D": "\r", "%0d": "\r", "%22": '"', '\\"': '"' };

function parseUrlencodedForm(text) {
  const form = new FormData();
  const target = formPairs(form);
  const pairs = formParse(text);
  for (let i = 0; i < pairs.length; i++) target[i] = pairs[i];
  return form;
}

defineInterface(FormData);
definePairIterable(FormData, "FormData", formPairs);
