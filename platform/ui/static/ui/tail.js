// Follows a worker's invocations: a stream of rows the server has drawn. Owns the connection (with the cursor, so that a reconnect misses
// nothing), the pause, and the counting of whatever was left out. Keeps a bounded number of rows, whatever comes.

const ROWS = 500;
const WAITING = 1000;
const bar = document.querySelector("#tail");
const rows = document.querySelector("#records");
const more = document.querySelector("#tail-new");
const pause = document.querySelector("#tail-pause");
const empty = document.querySelector("#tail-empty");
let cursor = "";
let held = false;
let waiting = [];
let left = 0;
let unknown = false;
let unseen = 0;
let wait = 500;

function say(kind, word) {
  const shapes = { ok: '<circle cx="4" cy="4" r="4"/>', warn: '<path d="M4 0 8 8H0Z"/>', bad: '<path d="M0 0h8v8H0Z"/>', idle: '<circle cx="4" cy="4" r="3" fill="none" stroke="currentColor" stroke-width="1.5"/>' };
  const place = document.querySelector("#tail-state");
  place.innerHTML = `<span class="status ${kind}"><svg class="dot" viewBox="0 0 8 8" aria-hidden="true">${shapes[kind]}</svg><span></span></span>`;
  place.querySelector(".status > span").textContent = word;
}
function tell() {
  const parts = [];
  if (left) parts.push(`${left.toLocaleString("en")} left out: more came than can be sent`);
  if (unknown) parts.push("what came while this page was away longer than 15 min is missing");
  if (unseen) parts.push(`${unseen.toLocaleString("en")} dropped while paused`);
  document.querySelector("#tail-dropped").textContent = parts.join("; ");
}

// Reading below the top, or having something open there, holds the list still; so does the button.
const reading = () => held || rows.getBoundingClientRect().top < -40 || rows.querySelector("details[open]") !== null || String(getSelection()).length > 0;
function flush() {
  const batch = waiting;
  waiting = [];
  const made = document.createElement("template");
  // The newest first; the server has escaped everything in them.
  made.innerHTML = batch.reverse().join("");
  rows.prepend(made.content);
  while (rows.childElementCount > ROWS) rows.lastElementChild.remove();
  more.hidden = true;
  empty.hidden = rows.childElementCount > 0;
}
function came(html) {
  waiting.push(html);
  if (waiting.length > WAITING) {
    unseen += waiting.length - WAITING;
    waiting = waiting.slice(-WAITING);
    tell();
  }
}
setInterval(() => {
  if (!waiting.length) return;
  if (!reading()) return flush();
  more.hidden = false;
  more.textContent = `${waiting.length.toLocaleString("en")} new: show`;
}, 250);
more.addEventListener("click", () => {
  for (const open of rows.querySelectorAll("details[open]")) open.open = false;
  setHeld(false);
  flush();
  rows.scrollIntoView({ block: "nearest" });
});
function setHeld(value) {
  held = value;
  pause.setAttribute("aria-pressed", String(held));
  pause.textContent = held ? "Go on" : "Pause";
}
pause.addEventListener("click", () => setHeld(!held));
document.querySelector("#tail-clear").addEventListener("click", () => {
  rows.replaceChildren();
  waiting = [];
  [left, unseen, unknown] = [0, 0, false];
  empty.hidden = false;
  tell();
});

function heard(kind, data, id) {
  if (id) cursor = id;
  if (kind === "invocation") came(data.html);
  if (kind === "dropped") {
    if (data.count === null) unknown = true;
    else left += data.count;
    tell();
  }
}
async function follow() {
  const headers = cursor ? { "Last-Event-ID": cursor } : {};
  const answer = await fetch(bar.dataset.stream, { headers, cache: "no-store" });
  if (answer.redirected) throw Object.assign(new Error("Your session has ended: sign in again, then load this page."), { final: true });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    const error = new Error(problem.message ?? `The stream answers ${answer.status}.`);
    error.final = answer.status < 500 && answer.status !== 429;
    throw error;
  }
  wait = 500;
  say("ok", "Live");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const fields = Object.fromEntries(event.split("\n").filter((line) => line && !line.startsWith(":")).map((line) => {
        const at = line.indexOf(": ");
        return [line.slice(0, at), line.slice(at + 2)];
      }));
      if (fields.event) heard(fields.event, JSON.parse(fields.data), fields.id);
    }
  }
}
async function run() {
  for (;;) {
    try {
      await follow();
    } catch (error) {
      if (error.final) return say("bad", error.message);
      say("warn", error.message.startsWith("A tenant") ? error.message : "Connection lost; coming back");
    }
    await new Promise((resolve) => { setTimeout(resolve, wait); });
    wait = Math.min(wait * 2, 10000);
  }
}
if (bar) run();
