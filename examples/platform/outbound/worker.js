// Every fetch() of every customer passes here: it says who asks, and some hosts are not to be asked. `env.customer` comes from the dispatcher.

export default {
  async fetch(request, env) {
    const { hostname } = new URL(request.url);
    if (env.BLOCKED.includes(hostname)) return new Response(`${hostname} is blocked.\n`, { status: 403 });
    const outgoing = new Request(request);
    outgoing.headers.set("x-customer", env.customer);
    return fetch(outgoing);
  },
};
