// The smallest useful worker: greets by name, and shows what a request carries.
//
//   GET /            a greeting (?name=… to be greeted by name)
//   GET /request     what the worker sees of the request, as JSON
//   POST /echo       the body, as it came

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    switch (`${request.method} ${url.pathname}`) {
      case "GET /":
      case "HEAD /": {
        const name = url.searchParams.get("name") ?? "world";
        ctx.waitUntil(note(name));
        return new Response(`${env.GREETING}, ${name}!\n`);
      }
      case "GET /request":
        return Response.json({
          method: request.method,
          url: request.url,
          headers: Object.fromEntries(request.headers),
        });
      case "POST /echo":
        return new Response(request.body, {
          headers: { "content-type": request.headers.get("content-type") ?? "application/octet-stream" },
        });
      default:
        return new Response("There is nothing here. Try / or /request.\n", { status: 404 });
    }
  },
};

// Runs after the visitor has the answer.
async function note(name) {
  console.log(`greeted ${name}`);
}
