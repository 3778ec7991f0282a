// One program of tests/applications: marked, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { marked } from "marked";
var marked_default = { async fetch(request) {
  return new Response(await marked.parse(await request.text(), { gfm: true, breaks: new URL(request.url).searchParams.has("breaks") }), { headers: { "content-type": "text/html" } });
} };
export {
  marked_default as default
};
