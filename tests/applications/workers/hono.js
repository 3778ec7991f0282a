// One program of tests/applications: hono, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { bearerAuth } from "hono/bearer-auth";
import { cors } from "hono/cors";
import { csrf } from "hono/csrf";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";
import { getCookie, setCookie, setSignedCookie, getSignedCookie } from "hono/cookie";
import { html } from "hono/html";
import { prettyJSON } from "hono/pretty-json";
import { secureHeaders } from "hono/secure-headers";
import { stream, streamSSE, streamText } from "hono/streaming";
import { poweredBy } from "hono/powered-by";
import { trimTrailingSlash } from "hono/trailing-slash";
import { validator } from "hono/validator";
import { jwt, sign } from "hono/jwt";
import { bodyLimit } from "hono/body-limit";
const app = new Hono();
app.use("*", poweredBy());
app.use("/secure/*", secureHeaders());
app.use("/cors/*", cors({ origin: "https://example.com", allowMethods: ["GET", "PUT"], maxAge: 60 }));
app.use("/auth/*", basicAuth({ username: "ada", password: "secret" }));
app.use("/bearer/*", bearerAuth({ token: "abc123" }));
app.use("/etag/*", etag());
app.use("/csrf/*", csrf());
app.use("/pretty", prettyJSON());
app.use("/jwt/*", jwt({ secret: "it-is-very-secret", alg: "HS256" }));
app.get("/", (c) => c.text("hello"));
app.get("/json", (c) => c.json({ a: 1, nested: { list: [1, 2, 3] }, text: "ü✓" }));
app.get("/pretty", (c) => c.json({ a: 1, b: [true] }));
app.get("/html", (c) => c.html(html`<p>${"<b>&"}</p>`));
app.get("/users/:id{[0-9]+}/posts/:slug?", (c) => c.json(c.req.param()));
app.get("/query", (c) => c.json({ one: c.req.query("a"), all: c.req.queries("a") }));
app.get("/cookie", (c) => {
  setCookie(c, "a", "b c", { httpOnly: true, sameSite: "Lax", path: "/", maxAge: 60 });
  return c.json(getCookie(c));
});
app.get("/signed", async (c) => {
  await setSignedCookie(c, "s", "value", "key");
  return c.json(await getSignedCookie(c, "key"));
});
app.get("/secure/x", (c) => c.text("secure"));
app.all("/cors/x", (c) => c.text("cors"));
app.get("/auth/x", (c) => c.text("in"));
app.get("/bearer/x", (c) => c.text("in"));
app.get("/etag/x", (c) => c.text("the same every time"));
app.post("/csrf/x", (c) => c.text("posted"));
app.get("/jwt/x", (c) => c.json(c.get("jwtPayload")));
app.get("/sign", async (c) => c.text(await sign({ sub: "ada", iat: 1 }, "it-is-very-secret")));
app.get("/text", (c) => streamText(c, async (s) => {
  for (const word of ["one ", "two ", "three"]) {
    await s.write(word);
    await s.sleep(1);
  }
}));
app.get("/sse", (c) => streamSSE(c, async (s) => {
  for (let i = 0; i < 3; i++) await s.writeSSE({ data: `message ${i}`, event: "tick", id: String(i) });
}));
app.get("/stream", (c) => stream(c, async (s) => {
  await s.write(new Uint8Array([104, 105]));
  await s.pipe(new Response("!").body);
}));
app.post("/form", async (c) => c.json(await c.req.parseBody({ all: true })));
app.post("/valid", validator("json", (value, c) => typeof value.a === "number" ? value : c.text("invalid", 400)), (c) => c.json(c.req.valid("json")));
app.post("/limit", bodyLimit({ maxSize: 10, onError: (c) => c.text("too much", 413) }), async (c) => c.text(await c.req.text()));
app.get("/redirect", (c) => c.redirect("/elsewhere", 303));
app.get("/throw", () => {
  throw new HTTPException(418, { message: "teapot" });
});
app.get("/fail", () => {
  throw new Error("inner");
});
app.route("/sub", new Hono().use(trimTrailingSlash()).get("/a", (c) => c.text("sub a")).onError((e, c) => c.text(e.message, 500)));
app.notFound((c) => c.json({ missing: c.req.path }, 404));
app.onError((error, c) => error instanceof HTTPException ? error.getResponse() : c.text(`error: ${error.message}`, 500));
var hono_default = app;
export {
  hono_default as default
};
