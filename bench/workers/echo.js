// Bodies in and out: /json parses and writes JSON, /stream hands the body on, /whole reads it first.

export default {
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/json":
        return Response.json(await request.json());
      case "/whole":
        return new Response(await request.arrayBuffer());
      default:
        return new Response(request.body);
    }
  },
};
