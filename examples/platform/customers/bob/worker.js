// A customer's worker that has bad days.

export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/spin") for (;;);
    if (pathname === "/throw") throw new Error("Bob has not tested this");
    return new Response("Bob's worker is up.\n");
  },
};
