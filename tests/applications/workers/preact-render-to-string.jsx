// One program of tests/applications: preact-render-to-string, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
/** @jsxImportSource preact */
import { render, renderToStringAsync } from "preact-render-to-string";
import { createContext } from "preact";
import { useContext, useMemo, useState, useId } from "preact/hooks";
const Theme = createContext("light");
const List = ({ items }) => <ul class="list">{items.map((item) => <li key={item} data-n={item.length}>{item}</li>)}</ul>;
const Themed = () => <p style={{ color: "red", fontSize: 12 }}>{useContext(Theme)}</p>;
const Counter = () => {
  const [n] = useState(3);
  const twice = useMemo(() => n * 2, [n]);
  return <button id={useId()} disabled onClick={() => {
  }}>{n}/{twice}</button>;
};
const App = ({ name }) => <Theme.Provider value="dark"><h1 title={`"${name}" & <co>`}>Hello {name}</h1><List items={["a", "bb", "<c>"]} /><Themed /><Counter /><div dangerouslySetInnerHTML={{ __html: "<b>raw</b>" }} /><input value="v" checked={true} /><svg viewBox="0 0 1 1"><path strokeWidth="2" d="M0 0" /></svg>{null}{false}{0}<></></Theme.Provider>;
var preact_render_to_string_default = { async fetch(request) {
  const url = new URL(request.url);
  const html = url.pathname === "/async" ? await renderToStringAsync(<App name="async" />) : render(<App name={url.searchParams.get("name") ?? "world"} />);
  return new Response(html, { headers: { "content-type": "text/html" } });
} };
export {
  preact_render_to_string_default as default
};
