// One program of tests/applications: itty-router, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { AutoRouter, cors, error, json, status, withParams, text, html, withContent, StatusError } from "itty-router";
const { preflight, corsify } = cors({ origin: "https://a.test" });
const router = AutoRouter({ before: [preflight, withParams], finally: [corsify] });
router.get("/hello/:name", ({ name }) => `hello ${name}`).get("/json", () => ({ a: [1, 2] })).get("/status", () => status(204)).get("/error", () => error(403, { why: "no" })).get("/throw", () => {
  throw new StatusError(409, "conflict");
}).get("/fail", () => {
  null.x;
}).get("/text", () => text("text")).get("/html", () => html("<b>html</b>")).get("/query", ({ query }) => query).get("/file.:ext/:rest+", ({ params }) => params).post("/content", withContent, ({ content }) => ({ content }));
var itty_router_default = { ...router };
export {
  itty_router_default as default
};
