// Event, EventTarget, AbortController and AbortSignal.
import { deep, eq, ok, rejects, throws } from "./check.js";

export async function listeners_run_in_order_and_once_when_asked() {
  const target = new EventTarget();
  const seen = [];
  const listener = (event) => seen.push(`a:${event.type}`);
  target.addEventListener("x", listener);
  target.addEventListener("x", listener);
  target.addEventListener("x", () => seen.push("once"), { once: true });
  target.addEventListener("x", { handleEvent: (event) => seen.push(`object:${event.target === target}`) });
  target.addEventListener("x", () => seen.push("capture"), { capture: true });
  target.addEventListener("x", null);
  ok(target.dispatchEvent(new Event("x")));
  deep(seen, ["capture", "a:x", "once", "object:true"]);
  seen.length = 0;
  target.removeEventListener("x", listener);
  target.dispatchEvent(new Event("x"));
  deep(seen, ["capture", "object:true"]);
  throws(() => target.addEventListener("x", 1), "TypeError");
  throws(() => target.dispatchEvent({}), "TypeError");
}

export async function listeners_may_change_the_list_while_it_runs() {
  const target = new EventTarget();
  const seen = [];
  const second = () => seen.push("second");
  target.addEventListener("x", () => {
    seen.push("first");
    target.removeEventListener("x", second);
    target.addEventListener("x", () => seen.push("late"));
  });
  target.addEventListener("x", second);
  target.dispatchEvent(new Event("x"));
  deep(seen, ["first"]);
}

export async function events_carry_their_state() {
  const event = new Event("x", { cancelable: true, bubbles: true });
  deep([event.type, event.bubbles, event.cancelable, event.composed, event.isTrusted, event.eventPhase], ["x", true, true, false, false, 0]);
  const target = new EventTarget();
  target.addEventListener("x", (e) => {
    eq(e.currentTarget, target);
    eq(e.eventPhase, Event.AT_TARGET);
    deep(e.composedPath(), [target]);
    throws(() => target.dispatchEvent(e), "InvalidStateError");
    e.preventDefault();
    e.stopImmediatePropagation();
  });
  target.addEventListener("x", () => ok(false, "a stopped event"));
  eq(target.dispatchEvent(event), false);
  eq(event.defaultPrevented, true);
  eq(event.currentTarget, null);
  const custom = new CustomEvent("c", { detail: { a: 1 } });
  eq(custom.detail.a, 1);
  eq(new CustomEvent("c").detail, null);
  ok(custom instanceof Event);
  throws(() => new Event(), "TypeError");
  const passive = new Event("p", { cancelable: true });
  target.addEventListener("p", (e) => e.preventDefault(), { passive: true });
  ok(target.dispatchEvent(passive));
}

export async function an_event_target_can_be_extended() {
  class Bus extends EventTarget {
    constructor() {
      super();
      this.count = 0;
      this.addEventListener("tick", () => this.count++);
    }
  }
  const bus = new Bus();
  bus.dispatchEvent(new Event("tick"));
  eq(bus.count, 1);
}

export async function abort_tells_its_listeners_once() {
  const controller = new AbortController();
  const { signal } = controller;
  const seen = [];
  signal.onabort = (event) => seen.push(`on:${event.type}:${event.isTrusted}`);
  signal.addEventListener("abort", () => seen.push("listener"));
  eq(signal.aborted, false);
  eq(signal.reason, undefined);
  signal.throwIfAborted();
  controller.abort();
  controller.abort("again");
  eq(signal.aborted, true);
  eq(signal.reason.name, "AbortError");
  deep(seen, ["on:abort:true", "listener"]);
  throws(() => signal.throwIfAborted(), "AbortError");
  const other = new AbortController();
  const reason = { my: "reason" };
  other.abort(reason);
  eq(other.signal.reason, reason);
  throws(() => new AbortSignal(), "TypeError");
  eq(AbortSignal.abort("x").reason, "x");
}

export async function any_follows_all_its_sources() {
  const a = new AbortController();
  const b = new AbortController();
  const both = AbortSignal.any([a.signal, b.signal]);
  const nested = AbortSignal.any([both, new AbortController().signal]);
  const seen = [];
  nested.addEventListener("abort", () => seen.push(nested.reason));
  b.abort("b");
  a.abort("a");
  eq(both.reason, "b");
  deep(seen, ["b"]);
  ok(AbortSignal.any([AbortSignal.abort("early"), a.signal]).reason === "early");
  eq(AbortSignal.any([]).aborted, false);
  throws(() => AbortSignal.any([1]), "TypeError");
}

export async function a_listener_can_be_removed_by_a_signal() {
  const controller = new AbortController();
  const target = new EventTarget();
  let count = 0;
  target.addEventListener("x", () => count++, { signal: controller.signal });
  target.dispatchEvent(new Event("x"));
  controller.abort();
  target.dispatchEvent(new Event("x"));
  eq(count, 1);
  target.addEventListener("x", () => count++, { signal: controller.signal });
  target.dispatchEvent(new Event("x"));
  eq(count, 1);
}

export async function timeout_aborts_with_a_timeout_error() {
  const signal = AbortSignal.timeout(5);
  eq(signal.aborted, false);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  eq(signal.reason.name, "TimeoutError");
  throws(() => AbortSignal.timeout(-1), "TypeError");
  await rejects(scheduler.wait(1000, { signal: AbortSignal.timeout(1) }), "TimeoutError");
}
