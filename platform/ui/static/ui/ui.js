// What pages gain where scripts run: theme, copying, relative times, the command bar, names to be typed, errors of fragments.
// Every page works without it. Owns nothing that a page of its own needs: those bring their own scripts.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

function toast(text) {
  const box = $("#toast");
  if (!box) return;
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, 8000);
}

// Times: as the server says them, kept up to date; the absolute one in the visitor's own zone, too.
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
function relative(when) {
  const seconds = (Date.now() - when) / 1000;
  if (Math.abs(seconds) > 45 * 86400) return when.toISOString().slice(0, 10);
  for (const [size, unit] of UNITS) {
    if (Math.abs(seconds) >= size) {
      const text = `${Math.floor(Math.abs(seconds) / size)} ${unit}`;
      return seconds > 0 ? `${text} ago` : `in ${text}`;
    }
  }
  return "just now";
}
function times() {
  for (const each of $$("time[datetime]:not([data-still])")) {
    const when = new Date(each.dateTime);
    each.textContent = relative(when);
    if (!each.dataset.local) {
      each.dataset.local = "yes";
      each.title += `\n${when.toLocaleString()} here`;
    }
  }
}

function ready(root) {
  for (const button of $$(".copy[hidden], [data-open-finder][hidden]", root)) button.hidden = false;
  for (const input of $$("input[data-matches]", root)) {
    const button = $("button[type=submit]", input.form);
    const check = () => { button.disabled = input.value.trim() !== input.dataset.matches; };
    input.addEventListener("input", check);
    check();
  }
  times();
}

document.addEventListener("click", async (event) => {
  const copy = event.target.closest?.("[data-copy]");
  if (copy) {
    try {
      await navigator.clipboard.writeText(copy.dataset.copy);
      copy.classList.add("done");
      setTimeout(() => copy.classList.remove("done"), 1500);
    } catch {
      toast("The browser does not let pages copy here.");
    }
  }
  if (event.target.closest?.("[data-open-finder]")) openFinder();
  // A menu closes when something else is pressed.
  for (const open of $$("details.switcher[open]")) if (!open.contains(event.target)) open.open = false;
});

// The theme: at once, and remembered by the server's cookie.
for (const form of $$("form.themes")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = event.submitter.value;
    document.documentElement.dataset.theme = chosen;
    for (const button of $$("button", form)) button.setAttribute("aria-pressed", String(button === event.submitter));
    const data = new FormData(form);
    data.set("theme", chosen);
    fetch(form.action, { method: "POST", body: data, redirect: "manual" }).catch(() => {});
  });
}

// The command bar: Ctrl-K opens, arrows choose, Enter goes.
const finder = $("#finder");
function openFinder() {
  if (!finder || finder.open) return;
  finder.showModal();
  const input = $("input", finder);
  input.value = "";
  input.focus();
  input.dispatchEvent(new Event("opened"));
}
function choose(step) {
  const all = $$("a", finder);
  if (!all.length) return;
  const now = all.findIndex((each) => each.getAttribute("aria-current") === "true");
  const next = all[(now + step + all.length) % all.length];
  for (const each of all) {
    if (each === next) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
  }
  next.scrollIntoView({ block: "nearest" });
}
finder?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    event.preventDefault();
    ($("a[aria-current=true]", finder) ?? $("a", finder))?.click();
  }
});
finder?.addEventListener("click", (event) => { if (event.target === finder) finder.close(); });

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable=true]");
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openFinder();
  } else if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const search = $("[data-slash]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
});

// Fragments: an answer that is no success is said, and what is on the page stays.
document.addEventListener("htmx:responseError", (event) => {
  const request = event.detail.xhr;
  const plain = (request.getResponseHeader("Content-Type") ?? "").startsWith("text/plain");
  toast(plain ? request.responseText : `That did not work (${request.status}). Try again.`);
});
document.addEventListener("htmx:sendError", () => toast("Hostel cannot be reached just now. What is on this page stays as it is."));
document.addEventListener("htmx:load", (event) => ready(event.detail.elt));

// What went wrong is read first.
$("#error")?.focus();
ready(document);
setInterval(times, 30000);
