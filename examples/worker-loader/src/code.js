// The source of each dynamic worker. Values go in as JSON, never as bare text: a tenant's name must not become code.

export const dynamicCode = () => `
export default {
  async fetch(request) {
    return new Response("Hello from dynamic worker!");
  },
};
`;

export const metricsCode = (subject) => `
const subject = ${JSON.stringify(subject)};
let served = 0;
export default {
  async fetch() {
    served += 1;
    return Response.json({
      subject,
      served,
      timestamp: new Date().toISOString(),
      activeConnections: Math.floor(Math.random() * 100),
      responseTime: Math.floor(Math.random() * 50) + "ms",
      healthScore: (0.9 + Math.random() / 10).toFixed(3),
    });
  },
};
`;

export const configCode = (version) => `
const config = {
  version: ${JSON.stringify(version)},
  features: { dynamicWorkers: true, metricsCollection: true, configReload: true, gracefulShutdown: true },
};
export default {
  async fetch() {
    return Response.json({ ...config, lastUpdated: new Date().toISOString() });
  },
};
`;

export const tenantCode = (tenant) => `
const tenant = ${JSON.stringify(tenant)};
let visits = 0;
export default {
  async fetch(request) {
    visits += 1;
    return Response.json({ tenant, visits, path: new URL(request.url).pathname });
  },
};
`;

export const featureCode = (name, enabled) => `
export default {
  async fetch() {
    return Response.json({ feature: ${JSON.stringify(name)}, enabled: ${enabled}, implementation: ${enabled ? '"new"' : '"classic"'} });
  },
};
`;

export const variantCode = (variant) => `
const headline = { a: "Deploy in seconds", b: "Your code, your house" }[${JSON.stringify(variant)}];
export default {
  async fetch() {
    return Response.json({ variant: ${JSON.stringify(variant)}, headline });
  },
};
`;

export const tunnelCode = (id) => `
const id = ${JSON.stringify(id)};
export default {
  async fetch(request) {
    return Response.json({ tunnel: id, forwarded: { method: request.method, path: new URL(request.url).pathname } });
  },
};
`;
