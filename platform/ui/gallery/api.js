// A small JSON API: GET /things, GET /things/1, POST /echo.
const things = new Map([
  ["1", { id: "1", name: "Lamp" }],
  ["2", { id: "2", name: "Chair" }],
]);

const routes = [
  ["GET", /^\/things$/, () => [...things.values()]],
  ["GET", /^\/things\/([^/]+)$/, (_request, id) => things.get(id) ?? refuse(404, "thing_not_found")],
  ["POST", /^\/echo$/, async (request) => ({ received: await body(request) })],
];

function refuse(status, code) {
  throw Object.assign(new Error(code), { status, code });
}

async function body(request) {
  try {
    return await request.json();
  } catch {
    refuse(400, "body_is_not_json");
  }
}

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    try {
      for (const [method, pattern, handle] of routes) {
        const match = pattern.exec(pathname);
        if (match && method === request.method) return Response.json(await handle(request, ...match.slice(1)));
      }
      refuse(404, "route_not_found");
    } catch (error) {
      if (!error.status) throw error;
      return Response.json({ error: error.code }, { status: error.status });
    }
  },
};
