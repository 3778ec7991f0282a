// Workers that make workers: every route below runs code that did not exist as a worker before it was asked for.
//
//   GET /                       this list
//   GET /dynamic                a new worker each time (a key nobody used before)
//   GET /metrics                one metrics worker, made once and reused
//   GET /config                 one configuration worker for each version of the configuration (?version=1.0.0)
//   GET /tenant/{id}/…          one worker for each tenant
//   GET /feature/{name}         one worker for each feature flag (?enabled=false to switch it off)
//   GET /ab                     an A/B test: a visitor keeps the variant that a cookie remembers
//   GET /tunnel/{id}            a tunnel's worker and its metrics, made of its configuration
//   GET /broken/{factory|code}  what a failing factory, or code with a syntax error, looks like from here
//
// What each answer says of itself, in its headers: `worker-loader-start` (cold: the worker was made for this request; warm: it was there),
// `worker-loader-key` (the pool's key) and `example-version` (the version inside the dynamic worker's key, where it has one).

import { home } from "./home.js";
import { configCode, dynamicCode, featureCode, metricsCode, tenantCode, tunnelCode, variantCode } from "./code.js";

const COMPATIBILITY_DATE = "2025-06-01";
const VARIANTS = ["a", "b"];

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const [, route, argument = ""] = url.pathname.split("/");
    const handler = routes[route];
    if (handler === undefined) {
      return new Response("There is nothing here. / lists what there is.\n", { status: 404 });
    }
    try {
      return await handler({ request, env, url, argument: decodeURIComponent(argument) });
    } catch (error) {
      // A factory that throws, or code that does not start, surfaces on the first request to the worker.
      return Response.json({ error: String(error.message) }, { status: 502 });
    }
  },
};

const routes = {
  "": ({ url }) => new Response(home(url.origin), { headers: { "content-type": "text/html; charset=utf-8" } }),

  dynamic: ({ request, env }) => run(env, `dynamic-${crypto.randomUUID()}`, dynamicCode(), request),

  metrics: ({ request, env }) => run(env, "metrics-main", metricsCode("main"), request),

  // The version is part of the key: new content, new key, and the old worker is simply no longer asked.
  config: ({ request, env, url }) => {
    const version = url.searchParams.get("version") ?? "1.0.0";
    return run(env, `config-${version}`, configCode(version), request, version);
  },

  tenant: ({ request, env, argument }) => run(env, `tenant-${argument || "acme"}`, tenantCode(argument || "acme"), request),

  feature: ({ request, env, url, argument }) => {
    const enabled = url.searchParams.get("enabled") !== "false";
    const name = argument || "new-checkout";
    return run(env, `feature-${name}-${enabled ? "on" : "off"}`, featureCode(name, enabled), request);
  },

  ab: async ({ request, env }) => {
    const remembered = /(?:^|;\s*)variant=([ab])(?:;|$)/.exec(request.headers.get("cookie") ?? "")?.[1];
    const variant = remembered ?? VARIANTS[Math.floor(Math.random() * VARIANTS.length)];
    const response = await run(env, `test-${variant}`, variantCode(variant), request);
    if (remembered === undefined) {
      response.headers.append("set-cookie", `variant=${variant}; Path=/ab; Max-Age=86400; SameSite=Lax`);
    }
    return response;
  },

  tunnel: async ({ request, env, argument }) => {
    const id = argument || "local";
    const response = await run(env, `tunnel-${id}`, tunnelCode(id), request);
    const metrics = await run(env, `metrics-${id}`, metricsCode(id), request);
    return Response.json({ tunnel: await response.json(), metrics: await metrics.json() });
  },

  broken: ({ request, env, argument }) =>
    argument === "code"
      ? run(env, `broken-${crypto.randomUUID()}`, "export default { fetch( }", request)
      : send(env.LOADER.get(`broken-${crypto.randomUUID()}`, () => Promise.reject(new Error("the factory gave up"))), request),
};

/** The answer of the worker called `key`, made of `code` when nobody has it yet. */
function run(env, key, code, request, version = "") {
  const worker = env.LOADER.get(key, async () => ({
    compatibilityDate: COMPATIBILITY_DATE,
    mainModule: "index.js",
    modules: { "index.js": code },
    // What a generated worker may use and reach: little time, and no internet at all.
    limits: { cpuMs: 50, subRequests: 5 },
    globalOutbound: null,
  }));
  return send(worker, request, version);
}

async function send(worker, request, version = "") {
  const answer = await worker.getEntrypoint().fetch(request);
  const response = new Response(answer.body, answer);
  if (version) {
    response.headers.set("example-version", version);
  }
  return response;
}
