// setTimeout and its kin, microtasks, the clock.
import { deep, eq, ok, settle, throws } from "./check.js";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function timers_fire_by_time_then_age() {
  const seen = [];
  setTimeout(() => seen.push("20"), 20);
  setTimeout(() => seen.push("5a"), 5);
  setTimeout((a, b) => seen.push(a + b), 5, "5", "b");
  setTimeout(() => seen.push("0"), 0);
  setTimeout(() => seen.push("nonsense"), "x");
  await pause(40);
  deep(seen, ["0", "nonsense", "5a", "5b", "20"]);
}

export async function microtasks_run_before_the_next_timer() {
  const seen = [];
  setTimeout(() => {
    seen.push("timer 1");
    queueMicrotask(() => seen.push("microtask"));
    Promise.resolve().then(() => seen.push("promise")).then(() => seen.push("promise 2"));
  });
  setTimeout(() => seen.push("timer 2"));
  await pause(5);
  deep(seen, ["timer 1", "microtask", "promise", "promise 2", "timer 2"]);
}

export async function cleared_timers_do_not_fire() {
  const seen = [];
  const id = setTimeout(() => seen.push("no"), 1);
  eq(typeof id, "number");
  clearTimeout(id);
  clearTimeout(id);
  clearTimeout(undefined);
  clearTimeout(123456);
  const first = setTimeout(() => clearTimeout(second), 1);
  const second = setTimeout(() => seen.push("no"), 1);
  void first;
  await pause(5);
  deep(seen, []);
}

export async function intervals_repeat_until_cleared() {
  let count = 0;
  await new Promise((resolve) => {
    const id = setInterval(() => {
      if (++count === 3) {
        clearInterval(id);
        resolve();
      }
    }, 2);
  });
  await pause(10);
  eq(count, 3);
}

export async function nested_timers_and_immediates() {
  const seen = [];
  await new Promise((resolve) => {
    setTimeout(() => {
      seen.push(1);
      setTimeout(() => {
        seen.push(2);
        setImmediate((value) => {
          seen.push(value);
          resolve();
        }, 3);
      });
    });
  });
  const immediate = setImmediate(() => seen.push("no"));
  clearImmediate(immediate);
  await pause(1);
  deep(seen, [1, 2, 3]);
  throws(() => setTimeout("code"), "TypeError");
  throws(() => setTimeout(), "TypeError");
}

export async function the_clock_stands_still_while_code_runs() {
  const before = Date.now();
  const started = performance.now();
  for (let i = 0; i < 100000; i++);
  await settle();
  eq(Date.now(), before);
  eq(performance.now(), started);
  await scheduler.wait(20);
  ok(Date.now() - before >= 20, `the time passed, ${Date.now() - before} ms,`);
  eq(performance.now() - started, Date.now() - before);
  eq(performance.timeOrigin + performance.now(), Date.now());
  ok(before > 1600000000000, "the time of day");
}
