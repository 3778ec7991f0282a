// A table of old addresses and where they are now: try /old.
const moved = new Map([
  ["/old", "/new"],
  ["/docs", "https://example.com/documentation"],
]);

export default {
  fetch(request) {
    const url = new URL(request.url);
    const target = moved.get(url.pathname);
    if (target) return Response.redirect(new URL(target, url).href, 301);
    return new Response(`You are at ${url.pathname}.\n`);
  },
};
