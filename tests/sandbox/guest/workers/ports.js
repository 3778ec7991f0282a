// Message channels: order, copies, transfer, closing, and ports that nobody started.
import { deep, eq, ok, rejects, throws } from "./check.js";

const next = (port) => new Promise((resolve) => { port.onmessage = (event) => resolve(event); });

export async function messages_arrive_in_order_as_copies() {
  const { port1, port2 } = new MessageChannel();
  const sent = { list: [1, 2], map: new Map([["a", 1]]) };
  const seen = [];
  const done = new Promise((resolve) => {
    port2.onmessage = (event) => {
      seen.push(event.data);
      ok(event instanceof MessageEvent && event.isTrusted && event.target === port2);
      if (seen.length === 3) resolve();
    };
  });
  port1.postMessage(sent);
  sent.list.push(3);
  port1.postMessage("two");
  port1.postMessage(3);
  eq(seen.length, 0, "messages at once");
  await done;
  deep(seen[0].list, [1, 2]);
  deep(seen.slice(1), ["two", 3]);
}

export async function buffers_and_ports_can_be_transferred() {
  const { port1, port2 } = new MessageChannel();
  const inner = new MessageChannel();
  const buffer = new ArrayBuffer(4);
  port1.postMessage({ buffer, port: inner.port2 }, [buffer, inner.port2]);
  eq(buffer.detached, true);
  const event = await next(port2);
  eq(event.data.buffer.byteLength, 4);
  eq(event.ports[0], event.data.port);
  inner.port1.postMessage("through the moved port");
  eq((await next(event.ports[0])).data, "through the moved port");
  const cloned = structuredClone({ port: inner.port1 }, { transfer: [inner.port1] });
  ok(cloned.port instanceof MessagePort && cloned.port !== inner.port1);
}

export async function what_cannot_be_sent_throws() {
  const { port1, port2 } = new MessageChannel();
  throws(() => port1.postMessage(() => {}), "DataCloneError");
  throws(() => port1.postMessage(port2), "DataCloneError");
  throws(() => port1.postMessage(null, [port1]), "DataCloneError");
  throws(() => port1.postMessage(null, [{}]), "DataCloneError");
  throws(() => new MessagePort(), "TypeError");
  throws(() => structuredClone(1, { transfer: [port1, port1] }), "DataCloneError");
}

export async function closed_ports_are_silent_and_say_so() {
  const { port1, port2 } = new MessageChannel();
  const closed = new Promise((resolve) => { port2.onclose = () => resolve("closed"); });
  port1.close();
  port2.postMessage("nobody hears");
  eq(await closed, "closed");
  await rejects(Promise.race([next(port1), new Promise((_, reject) => setTimeout(reject, 10, new RangeError("silence")))]), "RangeError");
}
