// Owns EventSource (HTML standard, section 9.2): reading a stream of events, and asking again when it ends. Must not fetch but through fetch's own way.

const EVENT_STREAM = "text/event-stream";
const RECONNECT_MILLISECONDS = 3000;
// A line that never ends is not kept for ever.
const LONGEST_EVENT = 16 * 1024 * 1024;
const LINE_END = regexp(/\r\n|\r|\n/);
const ONLY_DIGITS = regexp(/^[0-9]+$/);

class EventSourceState {
  constructor(url, face) {
    this.url = url;
    this.face = face;
  }
}
internal(EventSourceState, {
  ready: 0, credentials: false, retry: RECONNECT_MILLISECONDS, lastId: "", reader: null, abort: null, timer: -1, origin: "", once: false,
});

// The lines of an event as they come, to events.
class EventParser {
  constructor(state) {
    this.state = state;
    this.decoder = new Utf8Decoder(false, false);
    this.rest = "";
    this.data = "";
    this.type = "";
    this.id = state.lastId;
    // A carriage return ended the last line: a line feed right behind it belongs to it.
    this.returned = false;
  }

  feed(bytes) {
    let text = this.rest + this.decoder.decode(bytes, true);
    if (this.returned && text.charCodeAt(0) === 10) text = text.slice(1);
    if (text !== "") this.returned = false;
    for (let match; (match = LINE_END.exec(text)) !== null && this.state.ready !== 2; ) {
      const line = text.slice(0, match.index);
      const end = match.index + match[0].length;
      this.returned = match[0] === "\r" && end === text.length;
      text = text.slice(end);
      this.line(line);
    }
    this.rest = text;
    if (text.length + this.data.length > LONGEST_EVENT) throw new RangeError(`EventSource: an event is longer than ${LONGEST_EVENT} characters`);
  }

  line(line) {
    if (line === "") {
      this.dispatch();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.charCodeAt(0) === 32) value = value.slice(1);
    if (field === "event") this.type = value;
    else if (field === "data") this.data += `${value}\n`;
    else if (field === "id" && value.indexOf("\0") < 0) this.id = value;
    else if (field === "retry" && ONLY_DIGITS.test(value)) this.state.retry = +value;
  }

  dispatch() {
    const { state, data } = this;
    state.lastId = this.id;
    const type = this.type === "" ? "message" : this.type;
    this.data = "";
    this.type = "";
    if (data === "") return;
    const init = { __proto__: null, data: data.slice(0, -1), origin: state.origin, lastEventId: state.lastId };
    dispatchTo(state.face, new MessageEvent(type, new MessageEventState(init)));
  }
}
internal(EventParser);

const plainEvent = (type) => new Event(new EventState(type, null, true));

function connectSource(state) {
  const controller = new AbortController();
  state.abort = controller;
  const headers = [["accept", EVENT_STREAM], ["cache-control", "no-cache"]];
  if (state.lastId !== "") headers[headers.length] = ["last-event-id", host.latin1Decode(host.utf8Encode(state.lastId))];
  promiseThen(
    fetchOperation.fetch(state.url, { __proto__: null, headers, signal: controller.signal }),
    (response) => {
      if (state.ready === 2) return;
      const answer = responseState(response);
      const mime = mimeTypeOf(headerList(answer.headers));
      if (answer.status !== 200 || mime === null || mime.essence !== EVENT_STREAM || answer.body === null) {
        failSource(state);
        return;
      }
      readSource(state, bodyStream(answer.body));
    },
    () => reconnectSource(state),
  );
}

function readSource(state, stream) {
  state.ready = 1;
  state.reader = acquireReader(stream);
  dispatchTo(state.face, plainEvent("open"));
  const parser = new EventParser(state);
  const request = {
    __proto__: null,
    chunk(value) {
      try {
        parser.feed(bytesView(value));
      } catch {
        failSource(state);
      }
      // Not from within the call that brought this chunk: a stream with much in it would go deep.
      if (state.ready === 1) promiseThen(promiseResolvedWith(undefined), next);
    },
    close: () => reconnectSource(state),
    error: () => reconnectSource(state),
  };
  const next = () => {
    if (state.ready === 1) readerRead(state.reader, request);
  };
  next();
}

function failSource(state) {
  if (state.ready === 2) return;
  closeSource(state);
  dispatchTo(state.face, plainEvent("error"));
}

function reconnectSource(state) {
  if (state.ready === 2) return;
  if (state.once || current === null) {
    failSource(state);
    return;
  }
  state.ready = 0;
  dispatchTo(state.face, plainEvent("error"));
  if (state.ready === 0) state.timer = addTimer(() => { if (state.ready === 0) connectSource(state); }, state.retry, false);
}

function closeSource(state) {
  state.ready = 2;
  if (state.abort !== null) state.abort.abort();
  else if (state.reader !== null) markHandled(readerCancel(state.reader, undefined));
  if (state.timer >= 0) removeTimer(state.timer);
}

class EventSource extends EventTarget {
  #e;

  constructor(url, init = undefined) {
    requireArguments("EventSource constructor", arguments.length, 1);
    super();
    if (url instanceof EventSourceState) {
      this.#e = url;
      url.face = this;
      return;
    }
    const parsed = parseURL(toUSVString(url));
    if (parsed === null) throw domException("SyntaxError", "EventSource: the address is not a URL");
    requireRequest();
    const state = new EventSourceState(serializeURL(parsed), this);
    state.credentials = !!toDictionary(init, "EventSource: the init").withCredentials;
    state.origin = serializeOrigin(parsed);
    this.#e = state;
    connectSource(state);
  }

  // Workers: the events of a stream that is there already; it is not asked for again.
  static from(stream) {
    requireArguments("EventSource.from", arguments.length, 1);
    if (!isReadableStream(stream)) throw new TypeError("EventSource.from: the argument is not a ReadableStream");
    const source = readableState(stream);
    if (source.reader !== null || source.disturbed) throw new TypeError("EventSource.from: the stream is locked or has been read from");
    const state = new EventSourceState("", null);
    state.once = true;
    const face = new EventSource(state);
    promiseThen(promiseResolvedWith(undefined), () => { if (state.ready === 0) readSource(state, source); });
    return face;
  }

  get url() {
    return this.#e.url;
  }
  get withCredentials() {
    return this.#e.credentials;
  }
  get readyState() {
    return this.#e.ready;
  }
  close() {
    const state = this.#e;
    if (state.ready !== 2) closeSource(state);
  }
}
for (const type of ["open", "message", "error"]) defineHandlerAttribute(EventSource, type);
defineConstants(EventSource, { CONNECTING: 0, OPEN: 1, CLOSED: 2 });
defineInterface(EventSource);
