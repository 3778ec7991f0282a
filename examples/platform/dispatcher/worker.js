// The only way in: /{customer}/… goes to the customer's worker, which sees the path behind its own name.

const LIMITS = { cpuMs: 100, subRequests: 20 };

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const [, customer, ...rest] = url.pathname.split("/");
    if (customer === "") return new Response("Customers answer at /{customer}/, for example /ada/hello.\n");
    url.pathname = `/${rest.join("/")}`;
    const worker = env.CUSTOMERS.get(customer, { props: { customer } }, { limits: LIMITS, outbound: { customer } });
    try {
      return await worker.fetch(new Request(url, request));
    } catch (error) {
      if (error.message.startsWith("Worker not found")) return new Response(`There is no customer called ${customer}.\n`, { status: 404 });
      // Thrown by the customer's code, or a limit that it has passed: theirs to know, and no visitor's.
      console.error(`${customer}: ${error.message}`);
      return new Response(`The worker of ${customer} has failed.\n`, { status: 502 });
    }
  },
};
