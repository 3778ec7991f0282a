// A customer's worker. It knows nothing of the platform but what it is given.

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (url.pathname === "/fetch") return fetch(url.searchParams.get("url"));
    return new Response(`${env.GREETING}, at ${url.pathname}, as ${ctx.props.customer}.\n`);
  },
};
