// Asks Hostel with the real OpenFeature SDKs, for servers and for web pages; prints one JSON document.

import { OpenFeature as Server } from "@openfeature/server-sdk";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature as Web } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

const [baseUrl, token, publicToken] = process.argv.slice(2);
const context = { targetingKey: "user-1", plan: "pro" };

await Server.setProviderAndWait(new OFREPProvider({ baseUrl, headers: [["Authorization", `Bearer ${token}`]] }));
const server = Server.getClient();
const found = {
  boolean: await server.getBooleanDetails("checkout", false, context),
  string: await server.getStringDetails("colour", "none", context),
  number: await server.getNumberDetails("limit", 0, context),
  object: await server.getObjectDetails("theme", {}, context),
  missing: await server.getBooleanDetails("nothing", true, context),
  mismatch: await server.getStringDetails("checkout", "mine", context),
  keyless: await server.getBooleanDetails("halves", true, {}),
};

// A web page evaluates everything at once, for one context, and asks again with the ETag.
await Web.setContext(context);
const statuses = [];
const fetching = async (...request) => {
  const reply = await fetch(...request);
  statuses.push(reply.status);
  return reply;
};
const provider = new OFREPWebProvider({
  baseUrl,
  fetchImplementation: fetching,
  headers: [["Authorization", `Bearer ${publicToken}`]],
  disableVisibilityRefresh: true,
  cacheMode: "disabled",
});
await Web.setProviderAndWait(provider);
const web = Web.getClient();
found.web = web.getBooleanDetails("checkout", false);
found.hidden = web.getStringDetails("colour", "none");
await Web.setContext({ ...context, plan: "free" });
found.changed = web.getBooleanDetails("checkout", false);
await Web.setContext({ ...context, plan: "free" });
found.statuses = statuses;
console.log(JSON.stringify(found));
process.exit(0);
