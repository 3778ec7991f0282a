// The smallest worker: what is left is what the runtime itself costs.

export default {
  fetch() {
    return new Response("Hello, world!\n");
  },
};
