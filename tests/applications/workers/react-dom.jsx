// One program of tests/applications: react-dom, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { renderToReadableStream, renderToStaticMarkup, renderToString } from "react-dom/server.edge";
import { Suspense, createContext, use, useContext, useId, useReducer, memo, forwardRef } from "react";
const Theme = createContext("light");
const Item = memo(({ children }) => <li className="item">{children}</li>);
const Field = forwardRef((props, ref) => <input ref={ref} defaultValue="x" {...props} />);
const Themed = () => <p style={{ color: "red", lineHeight: 2, WebkitBoxFlex: 1 }} aria-label={useId()}>{useContext(Theme)}</p>;
const Counter = () => {
  const [n] = useReducer((x) => x + 1, 5);
  return <span>{n}</span>;
};
const Late = ({ promise }) => <em>{use(promise)}</em>;
const App = ({ late }) => <html><head><title>t</title></head><body><Theme.Provider value="dark"><h1 title={'"<&>'}>Hello</h1><ul>{["a", "b<"].map((x) => <Item key={x}>{x}</Item>)}</ul><Themed /><Counter /><Field readOnly /><select defaultValue="2"><option value="1">1</option><option value="2">2</option></select>{late && <Suspense fallback={<i>wait</i>}><Late promise={late} /></Suspense>}<textarea defaultValue="area" /></Theme.Provider></body></html>;
var react_dom_default = { async fetch(request) {
  const { pathname } = new URL(request.url);
  const headers = { "content-type": "text/html" };
  if (pathname === "/static") return new Response(renderToStaticMarkup(<App />), { headers });
  if (pathname === "/string") return new Response(renderToString(<App />), { headers });
  const late = pathname === "/suspense" ? new Promise((resolve) => setTimeout(() => resolve("late"), 5)) : null;
  const stream = await renderToReadableStream(<App late={late} />);
  if (pathname === "/all") await stream.allReady;
  return new Response(stream, { headers });
} };
export {
  react_dom_default as default
};
