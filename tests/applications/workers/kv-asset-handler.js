// One program of tests/applications: kv-asset-handler, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { getAssetFromKV, mapRequestToAsset, serveSinglePageApp, NotFoundError, MethodNotAllowedError } from "@cloudflare/kv-asset-handler";
const files = { "index.abc.html": "<h1>home</h1>", "a/b.def.css": "a{}", "logo.123.png": "PNG", "data.9.json": "{}" };
const manifest = JSON.stringify({ "index.html": "index.abc.html", "a/b.css": "a/b.def.css", "logo.png": "logo.123.png", "data.json": "data.9.json" });
const store = { async get(key) {
  return files[key] === void 0 ? null : new TextEncoder().encode(files[key]).buffer;
} };
var kv_asset_handler_default = { async fetch(request, env, ctx) {
  const spa = new URL(request.url).searchParams.has("spa");
  try {
    return await getAssetFromKV({ request, waitUntil: (p) => ctx.waitUntil(p) }, { ASSET_NAMESPACE: store, ASSET_MANIFEST: manifest, cacheControl: { bypassCache: true, browserTTL: 60 }, mapRequestToAsset: spa ? serveSinglePageApp : mapRequestToAsset });
  } catch (error) {
    return new Response(`${error.name} ${error.message}`, { status: error instanceof NotFoundError ? 404 : error instanceof MethodNotAllowedError ? 405 : 500 });
  }
} };
export {
  kv_asset_handler_default as default
};
