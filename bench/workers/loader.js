// Runs the dynamic worker whose key is the request's path: a new path is a cold start, a known one is not.

const CODE = `
export default {
  fetch() {
    return new Response("Hello from a dynamic worker!\\n");
  },
};
`;

export default {
  fetch(request, env) {
    const key = new URL(request.url).pathname.slice(1);
    const worker = env.LOADER.get(key, () => ({
      compatibilityDate: "2025-06-01",
      mainModule: "index.js",
      modules: { "index.js": CODE },
      globalOutbound: null,
    }));
    return worker.getEntrypoint().fetch(request);
  },
};
