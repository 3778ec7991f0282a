// What the editor asks of CodeMirror: colours of the page's own tokens, languages by the file's name, and the comparison of two states of code.
// Must not know of drafts or the server.

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.startsWith("aria")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}
const h = element;
export const kindOf = (name) => {
  const ending = name.includes(".") ? name.split(".").at(-1).toLowerCase() : "";
  if (["js", "mjs", "cjs", "jsx", "ts", "mts", "tsx"].includes(ending)) return "js";
  return ending === "json" ? "json" : "text";
};

function colours(cm) {
  const { tags: t } = cm;
  return cm.HighlightStyle.define([
    { tag: [t.keyword, t.modifier, t.operatorKeyword, t.controlKeyword], color: "var(--info)" },
    { tag: [t.string, t.special(t.string), t.regexp], color: "var(--ok)" },
    { tag: [t.number, t.bool, t.null, t.atom], color: "var(--warn)" },
    { tag: [t.comment], color: "var(--ink-3)", fontStyle: "italic" },
    { tag: [t.function(t.variableName), t.function(t.propertyName), t.definition(t.function(t.variableName))], color: "var(--accent)" },
    { tag: [t.className, t.typeName, t.definition(t.typeName)], color: "var(--bad)" },
    { tag: [t.propertyName, t.attributeName], color: "var(--accent-strong)" },
    { tag: t.invalid, color: "var(--bad)", textDecoration: "underline" },
  ]);
}
function language(cm, file) {
  const ending = file.name.split(".").at(-1).toLowerCase();
  if (ending === "py") return [cm.python()];
  if (file.kind === "js" || file.kind === "json") return [cm.javascript({ typescript: ["ts", "mts", "tsx"].includes(ending), jsx: ["jsx", "tsx"].includes(ending) })];
  return [];
}
const look = (cm) => cm.EditorView.theme({
  "&": { height: "100%", fontSize: "13px", color: "var(--ink)", backgroundColor: "var(--surface)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--ink-3)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--sunken) 60%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-searchMatch": { backgroundColor: "var(--warn-soft)", outline: "1px solid var(--warn)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", border: "none", color: "var(--ink-2)" },
});
export function base(cm, file, nonce) {
  return [cm.EditorView.cspNonce.of(nonce), look(cm), cm.syntaxHighlighting(colours(cm)), ...language(cm, file), cm.EditorState.tabSize.of(2)];
}
// The state of one file. `keys` do what the page's buttons do, `changed` hears of every change.
export function fresh(cm, file, { nonce, keys, readonly, limit, changed }) {
  const own = cm.keymap.of(Object.entries(keys).map(([key, act]) => ({ key, run: () => { act(); return true; } })));
  return cm.EditorState.create({
    doc: file.content,
    extensions: [
      own,
      ...base(cm, file, nonce),
      cm.lineNumbers(), cm.highlightActiveLine(), cm.highlightActiveLineGutter(), cm.highlightSpecialChars(), cm.history(), cm.foldGutter(),
      cm.drawSelection(), cm.dropCursor(), cm.indentOnInput(), cm.indentUnit.of("  "), cm.bracketMatching(), cm.closeBrackets(), cm.autocompletion(),
      cm.rectangularSelection(), cm.highlightSelectionMatches(), cm.lintGutter(), cm.search({ top: true }),
      cm.keymap.of([...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.foldKeymap, ...cm.completionKeymap, ...cm.lintKeymap, cm.indentWithTab]),
      cm.EditorState.readOnly.of(readonly),
      cm.EditorState.changeFilter.of((transaction) => transaction.newDoc.length <= limit),
      cm.EditorView.contentAttributes.of({ "aria-label": `Content of ${file.name}. Escape, then Tab, leaves the editor.` }),
      cm.EditorView.updateListener.of((update) => { if (update.docChanged) changed(); }),
    ],
  });
}

// Files that differ between `before` and `after` (name -> content), side by side, or as one where there is no room.
export function differences(cm, place, before, after, nonce) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]);
  for (const name of names.slice(0, 20)) {
    const [old, now] = [before[name] ?? "", after[name] ?? ""];
    const word = !(name in before) ? "new" : !(name in after) ? "deleted" : "changed";
    const box = h("div", { className: "merge" });
    place.append(h("details", { open: names.length < 4 }, h("summary", {}, name, " ", h("span", { className: "tag" }, word)), box));
    if (old.length + now.length > 400000) {
      box.append(h("p", { className: "soft" }, "Too long to be compared here."));
      continue;
    }
    const named = (what) => cm.EditorView.contentAttributes.of({ "aria-label": `${name}, ${what}`, tabindex: "0" });
    const shared = [...base(cm, { name, kind: kindOf(name) }, nonce), cm.EditorState.readOnly.of(true), cm.EditorView.editable.of(false), cm.lineNumbers()];
    if (matchMedia("(max-width: 48rem)").matches) {
      new cm.EditorView({ parent: box, doc: now, extensions: [...shared, named("with what changes"), cm.unifiedMergeView({ original: old, mergeControls: false, collapseUnchanged: { margin: 2 } })] });
    } else {
      new cm.MergeView({ parent: box, a: { doc: old, extensions: [...shared, named("before")] }, b: { doc: now, extensions: [...shared, named("after")] }, collapseUnchanged: { margin: 2 }, gutter: true });
    }
  }
  return names.length;
}
