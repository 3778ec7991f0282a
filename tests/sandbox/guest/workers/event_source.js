// EventSource over a stream that is there: fields, lines cut anywhere, and the end.
import { bytes, deep, eq, rejects, throws } from "./check.js";

function collect(source, type = "message") {
  const seen = [];
  source.addEventListener(type, (event) => seen.push([event.data, event.lastEventId]));
  return new Promise((resolve) => { source.onerror = () => resolve(seen); });
}

const TEXT = ":comment\ndata: one\ndata:two\r\nid: 7\r\n\r\ndata\n\nevent: other\ndata: not here\n\nid\nretry: 5\ndata:  three é\r\rdata: lost";

export async function events_are_what_the_lines_say_wherever_they_are_cut() {
  const all = bytes(TEXT);
  for (const size of [1, 2, 3, 7, 1000]) {
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < all.length; at += size) controller.enqueue(all.slice(at, at + size));
        controller.close();
      },
    });
    const source = EventSource.from(stream);
    eq(source.readyState, EventSource.CONNECTING);
    deep(await collect(source), [["one\ntwo", "7"], ["", "7"], [" three é", ""]], `pieces of ${size}`);
    eq(source.readyState, EventSource.CLOSED);
  }
}

export async function closing_ends_it() {
  let cancelled = false;
  const stream = new ReadableStream({ pull(controller) { controller.enqueue(bytes("data: again\n\n")); }, cancel() { cancelled = true; } });
  const source = EventSource.from(stream);
  let count = 0;
  await new Promise((resolve) => { source.onmessage = () => { if (++count === 3) { source.close(); resolve(); } }; });
  await new Promise((resolve) => setTimeout(resolve, 0));
  eq(`${count} ${source.readyState} ${cancelled}`, "3 2 true");
}

export async function what_is_no_source_throws() {
  throws(() => new EventSource("/relative"), "SyntaxError");
  throws(() => new EventSource(), "TypeError");
  throws(() => EventSource.from({}), "TypeError");
  const { body } = new Response("x");
  body.getReader();
  throws(() => EventSource.from(body), "TypeError");
  await rejects(new Promise((_, reject) => { new EventSource("https://127.0.0.1:1/").onerror = () => reject(new RangeError("error event")); }), "RangeError");
}
