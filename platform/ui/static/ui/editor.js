// The editor of a worker: files in CodeMirror, and the buttons of its form without leaving the page.
// Owns what is typed until the server has it: a copy is kept in this browser, so that neither an ended session, a closed tab nor a second
// tab loses a line. Without CodeMirror the form stays as the server made it; it can do everything but this.

import { differences, element as h, fresh, kindOf } from "./editor-code.js";

const form = document.querySelector("#editor");
const $ = (selector, root = document) => root.querySelector(selector);
const store = `hostel.draft:${form.dataset.key}`;
const readonly = "readonly" in form.dataset;
const limit = Number(form.dataset.limit);
let cm;
let view;
let open = null;
let busy = false;
const state = { files: [], main: "", base: Number(form.elements.base.value), revision: Number(form.elements.revision.value) };
const buffers = new Map();
const problems = new Map();

const plainName = (name) => (name ?? "").replace(/^\.\//, "");
const button = (label, action, extra = "") => h("button", { type: "button", className: `button small ${extra}`, onclick: action }, label);

// --- what there is

function fromPage() {
  for (const each of form.querySelectorAll("fieldset.file")) {
    const name = $("input.mono", each).value;
    const text = $("textarea", each);
    const kept = text ? {} : { sha256: each.dataset.kept, size: Number(each.dataset.size) };
    state.files.push({ name, kind: each.dataset.kind, content: text ? text.value : null, ...kept });
    if ($("input[type=radio]", each).checked) state.main = name;
  }
  state.main ||= state.files[0].name;
}
function collect() {
  if (open && view) state.files.find((file) => file.name === open).content = view.state.doc.toString();
}
function request() {
  const fields = ["method", "url", "headers", "body", "key", "client"];
  return Object.fromEntries(fields.map((name) => [name, form.elements[name].value]));
}
function snapshot() {
  collect();
  return JSON.stringify({ files: state.files, main: state.main, base: state.base, request: request() });
}

// --- kept in this browser

let saved = "";
let timer;
function changed() {
  clearTimeout(timer);
  timer = setTimeout(keep, 400);
  say("Unsaved changes");
}
function keep() {
  const text = snapshot();
  try {
    if (text === saved) localStorage.removeItem(store);
    else localStorage.setItem(store, JSON.stringify({ at: Date.now(), revision: state.revision, text }));
  } catch {
    say("Unsaved changes; this browser has no room to keep them");
  }
  if (text === saved) say(state.revision ? "Saved" : `As in v${state.base}`);
}
function forget() {
  clearTimeout(timer);
  localStorage.removeItem(store);
}
function take(text) {
  const found = JSON.parse(text);
  Object.assign(state, { files: found.files, main: found.main, base: found.base });
  for (const [name, value] of Object.entries(found.request)) if (form.elements[name]) form.elements[name].value = value;
  buffers.clear();
  open = null;
  show(state.main);
}
function restore() {
  let kept;
  try {
    kept = JSON.parse(localStorage.getItem(store));
  } catch {
    return;
  }
  if (!kept || kept.text === saved) return;
  const when = new Date(kept.at).toLocaleString();
  const throwAway = button("Throw them away", () => { forget(); take(saved); notice(); keep(); });
  if (kept.revision === state.revision) {
    take(kept.text);
    say("Unsaved changes");
    notice("info", `What you typed here until ${when} was not saved; here it is.`, throwAway);
  } else {
    const use = button("Use those", () => { take(kept.text); changed(); notice(); });
    notice("warn", `This browser has changes of ${when} that were never saved, and the draft was saved elsewhere since.`, use, throwAway);
  }
}

// --- told

function say(text) {
  const place = $("#editor-state");
  if (place && text !== undefined) place.textContent = text;
}
function notice(kind, text, ...actions) {
  const place = $("#editor-notice");
  place.hidden = !kind;
  place.replaceChildren();
  if (!kind) return;
  place.className = `notice ${kind} row apart`;
  place.setAttribute("role", kind === "bad" ? "alert" : "status");
  place.append(h("span", {}, text), h("span", { className: "row" }, ...actions));
}
function failed(error, found = []) {
  const places = found.map((each) => placeButton(each));
  const result = $("#result");
  const head = h("header", {}, h("h2", {}, "Not run"));
  const code = error.code ? h("span", { className: "soft" }, ` ${error.code}`) : null;
  result.replaceChildren(head, h("div", { className: "body stack" }, h("p", { className: "notice bad", role: "alert" }, h("strong", {}, error.message ?? "That did not work."), code, ...places)));
}
function placeButton(each) {
  return h("button", { type: "button", className: "place", onclick: () => go(each) }, `${each.file}:${each.line}:${each.column}`);
}

// --- asked of the server

async function send(act, more = {}, again = true) {
  const data = new FormData();
  data.set("do", act);
  data.set("revision", state.revision);
  data.set("state", snapshot());
  for (const [name, value] of Object.entries(more)) data.set(name, value);
  const token = form.elements.csrfmiddlewaretoken;
  data.set("csrfmiddlewaretoken", token.value);
  let answer;
  try {
    answer = await fetch(location.pathname, { method: "POST", body: data, headers: { Accept: "application/json" }, redirect: "error" });
  } catch {
    throw { code: "unreachable", message: "Hostel cannot be reached just now. What you typed is kept in this browser; try again." };
  }
  const json = (answer.headers.get("Content-Type") ?? "").includes("json") ? await answer.json() : null;
  if (answer.ok && json) return json;
  const renewed = answer.status === 403 && !json && again ? await freshToken() : "";
  if (renewed === "fresh") return send(act, more, false);
  if (answer.status === 401 || renewed === "ended") {
    keep();
    const where = `/accounts/login/?next=${encodeURIComponent(location.pathname)}`;
    notice("warn", "Your session has ended. Nothing you typed is lost: sign in in another tab, then come back here.", h("a", { className: "button small", href: where, target: "_blank", rel: "noopener" }, "Sign in"));
    throw { code: "session_ended", message: "Your session has ended: sign in again, then repeat this." };
  }
  throw { ...(json?.error ?? { message: `That did not work (${answer.status}).` }), problems: json?.problems ?? [] };
}
// Whoever has signed in anew has a new token, and this page an old one.
async function freshToken() {
  const page = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (page.redirected) return "ended";
  const found = new DOMParser().parseFromString(await page.text(), "text/html").querySelector("#editor input[name=csrfmiddlewaretoken]");
  if (found) form.elements.csrfmiddlewaretoken.value = found.value;
  return found ? "fresh" : "";
}
async function during(act, work) {
  if (busy) return;
  busy = true;
  form.setAttribute("aria-busy", "true");
  for (const each of document.querySelectorAll(`button[name=do][value=${act}]`)) each.disabled = true;
  try {
    await work();
  } finally {
    busy = false;
    form.removeAttribute("aria-busy");
    for (const each of document.querySelectorAll(`button[name=do][value=${act}]`)) each.disabled = false;
  }
}

const acts = {
  save: () => during("save", async () => {
    const text = snapshot();
    say("Saving…");
    try {
      const answer = await send("save");
      state.revision = answer.revision;
      saved = text;
      forget();
      notice();
      keep();
    } catch (error) {
      say("Not saved");
      if (error.code === "changed_meanwhile") conflict(error);
      else if (error.code !== "session_ended") notice("bad", error.message);
      return;
    }
    // Our engine's word on it: the same build that a deployment gets.
    try {
      await send("check");
      mark([]);
    } catch (error) {
      if (error.problems?.length) mark(error.problems);
    }
  }),
  run: () => during("run", async () => {
    say("Running…");
    try {
      const answer = await send("run");
      $("#result").innerHTML = answer.html;
      for (const place of $("#result").querySelectorAll(".place")) place.addEventListener("click", () => go(place.dataset));
      mark(answer.problems);
      if (answer.ran.status) form.elements.expect_status.value = answer.ran.status;
      form.elements.expect_contains.value = answer.ran.body.slice(0, 200);
    } catch (error) {
      failed(error, error.problems);
      mark(error.problems ?? []);
      if (error.problems?.length) go(error.problems[0]);
    }
    say(snapshot() === saved ? "Saved" : "Unsaved changes");
  }),
  deploy: () => during("deploy", async () => {
    const more = { message: form.elements.message.value };
    if (form.elements.live.checked) more.live = "no";
    const over = form.elements.over;
    if (over?.checked) more.over = over.value;
    try {
      const answer = await send("deploy", more);
      forget();
      location.href = answer.url;
    } catch (error) {
      $("#deploy-box").hidePopover();
      if (error.code === "draft_stale") {
        const anyway = button("Deploy over it", () => { more.over = error.newest; deployOver(more); }, "danger");
        notice("warn", error.message, button("Compare", () => $("#deploy-box").showPopover()), anyway);
      } else {
        notice("bad", `Not deployed. ${error.message}`, ...(error.problems ?? []).map(placeButton));
        mark(error.problems ?? []);
        if (error.problems?.length) go(error.problems[0]);
      }
    }
  }),
  test: () => during("test", async () => {
    const more = Object.fromEntries(["test_name", "expect_status", "expect_contains"].map((name) => [name, form.elements[name].value]));
    if (form.elements.gate.checked) more.gate = "1";
    keep();
    try {
      await send("test", more);
      location.reload();
    } catch (error) {
      $("#test-box").hidePopover();
      notice("bad", error.message);
    }
  }),
  discard: () => during("discard", async () => {
    await send("discard");
    forget();
    location.reload();
  }),
};
const deployOver = (more) => during("deploy", async () => {
  try {
    const answer = await send("deploy", more);
    forget();
    location.href = answer.url;
  } catch (error) {
    notice("bad", `Not deployed. ${error.message}`);
  }
});
function conflict(error) {
  const mine = button("Keep mine", () => { state.revision = error.revision ?? state.revision; notice(); acts.save(); }, "danger");
  const theirs = button("Load the other", () => { forget(); location.reload(); });
  notice("warn", "This draft was saved in another tab meanwhile.", theirs, mine);
}

// --- files

function show(name) {
  collect();
  if (open && view) buffers.set(open, view.state);
  const file = state.files.find((each) => each.name === name) ?? state.files[0];
  open = file.content === null ? null : file.name;
  const place = $("#files");
  $(".kept", form)?.remove();
  view.dom.hidden = file.content === null;
  if (file.content === null) {
    view.dom.after(h("p", { className: "kept soft" }, `${file.name}: ${file.kind}, ${file.size} bytes, kept as it was uploaded.`));
  } else {
    view.setState(buffers.get(file.name) ?? fresh(cm, file, options));
    lint();
  }
  place.replaceChildren(list(file.name));
}
function list(active) {
  const rows = state.files.map((file) => {
    const wrong = problems.get(file.name)?.length ? h("span", { className: "tag bad" }, "error") : null;
    const main = file.name === state.main ? h("span", { className: "tag" }, "main") : null;
    const tab = h("button", { type: "button", className: "tab", "aria-current": String(file.name === active), onclick: () => show(file.name), ondblclick: () => rename(file.name) }, h("span", { dir: "auto" }, file.name), main, wrong);
    const tools = file.name === active && !readonly
      ? h("span", { className: "tools" }, tool("Rename", "✎", () => rename(file.name)), file.name !== state.main && file.kind === "js" ? tool("Make it the main file", "★", () => { state.main = file.name; changed(); show(file.name); }) : null, state.files.length > 1 && file.name !== state.main ? tool("Delete", "✕", () => drop(file.name)) : null)
      : null;
    return h("li", { className: file.name === active ? "active" : "" }, tab, tools);
  });
  const add = readonly ? null : h("button", { type: "button", className: "button quiet small", onclick: () => ask("New file", "", create) }, "+ Add a file");
  return h("div", {}, h("ul", { className: "file-list" }, ...rows), add);
}
const tool = (label, sign, action) => h("button", { type: "button", className: "tool", title: label, "aria-label": label, onclick: action }, sign);
function ask(label, value, then) {
  const input = h("input", { value, "aria-label": label, placeholder: "helpers.js", spellcheck: false, className: "mono" });
  const end = (good) => {
    input.onblur = null;
    const name = plainName(input.value.trim());
    if (good && name && name !== value) {
      if (state.files.some((file) => file.name === name)) notice("bad", `There is a file called ${name} already.`);
      else { notice(); then(name); return; }
    }
    show(open ?? state.main);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); end(true); }
    if (event.key === "Escape") end(false);
  });
  input.onblur = () => end(true);
  $("#files").append(input);
  input.focus();
  input.select();
}
function create(name) {
  state.files.push({ name, kind: kindOf(name), content: "" });
  changed();
  show(name);
  view.focus();
}
function rename(old) {
  if (readonly) return;
  ask("New name", old, (name) => {
    collect();
    const file = state.files.find((each) => each.name === old);
    file.name = name;
    if (file.content !== null) file.kind = kindOf(name);
    if (state.main === old) state.main = name;
    buffers.delete(old);
    problems.delete(old);
    open = null;
    changed();
    show(name);
  });
}
function drop(name) {
  const gone = state.files.find((file) => file.name === name);
  collect();
  state.files = state.files.filter((file) => file.name !== name);
  buffers.delete(name);
  open = null;
  changed();
  show(state.main);
  notice("info", `${name} was deleted.`, button("Undo", () => { state.files.push(gone); changed(); notice(); show(name); }));
}

// --- what is wrong where

function mark(found) {
  problems.clear();
  for (const each of found) {
    const name = plainName(each.file);
    problems.set(name, [...(problems.get(name) ?? []), each]);
  }
  lint();
  $("#files").replaceChildren(list(open ?? state.main));
}
function lint() {
  if (!open) return;
  const doc = view.state.doc;
  const shown = (problems.get(open) ?? []).map((each) => {
    const line = doc.line(Math.min(Math.max(each.line, 1), doc.lines));
    const from = Math.min(line.from + Math.max(each.column - 1, 0), line.to);
    const word = /^[\w$]+/.exec(doc.sliceString(from, line.to))?.[0].length ?? 1;
    return { from, to: Math.min(from + word, line.to), severity: "error", message: each.message, source: "Hostel" };
  });
  view.dispatch(cm.setDiagnostics(view.state, shown));
}
function go({ file, line, column }) {
  const name = plainName(file);
  if (!state.files.some((each) => each.name === name && each.content !== null)) return;
  if (open !== name) show(name);
  const at = view.state.doc.line(Math.min(Math.max(Number(line), 1), view.state.doc.lines));
  view.dispatch({ selection: { anchor: Math.min(at.from + Math.max(Number(column) - 1, 0), at.to) }, effects: cm.EditorView.scrollIntoView(at.from, { y: "center" }) });
  view.focus();
}

// What would be deployed, beside the newest version.
async function compare() {
  const place = $("#deploy-diff");
  place.hidden = false;
  place.replaceChildren(h("div", { className: "loading", role: "status", "aria-label": "Loading what changes" }));
  collect();
  let newest;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw answer;
    newest = await answer.json();
  } catch {
    place.replaceChildren(h("p", { className: "soft" }, "What changes cannot be shown just now."));
    return;
  }
  const mine = Object.fromEntries(state.files.map((file) => [file.name, file.content]));
  place.replaceChildren();
  const count = differences(cm, place, newest.files, mine, form.dataset.nonce);
  place.prepend(h("p", {}, count ? `${count} file${count > 1 ? "s differ" : " differs"} from v${newest.number}.` : `The code is the same as v${newest.number}'s.`));
}

const options = { nonce: form.dataset.nonce, keys: { "Mod-Enter": () => acts.run(), "Mod-s": () => acts.save() }, readonly, limit, changed };

async function start() {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
    const act = event.key === "Enter" ? "run" : event.key.toLowerCase() === "s" ? "save" : null;
    if (!act || readonly) return;
    event.preventDefault();
    if (view) acts[act]();
    else form.requestSubmit($(`button[name=do][value=${act}]`));
  });
  if (!form.dataset.codemirror) return;
  try {
    cm = await import(form.dataset.codemirror);
  } catch {
    notice("warn", "The editor did not load: this is a plain text field. Everything else works.");
    return;
  }
  fromPage();
  const place = h("div", { className: "mount" });
  $("section.source", form).append(place);
  view = new cm.EditorView({ parent: place, state: fresh(cm, state.files[0], options) });
  $("#plain-files").remove();
  $("#files").hidden = false;
  open = state.files[0].name;
  show(state.main);
  saved = snapshot();
  form.addEventListener("submit", (event) => {
    const act = event.submitter?.value ?? "run";
    event.preventDefault();
    if (!readonly) acts[act]?.();
  });
  for (const name of ["method", "url", "headers", "body", "key", "client"]) form.elements[name].addEventListener("input", changed);
  $("#deploy-box").addEventListener("toggle", (event) => { if (event.newState === "open") compare(); });
  for (const each of $("#result").querySelectorAll(".place")) each.addEventListener("click", () => go(each.dataset));
  if (!readonly) restore();
  document.documentElement.dataset.editor = "ready";
}
start();
