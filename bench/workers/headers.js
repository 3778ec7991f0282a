// Reads every header of the request that the load generator sent, and writes ten of its own.

const SENT = "x-bench-";

export default {
  fetch(request) {
    let bytes = 0;
    for (const [name, value] of request.headers) {
      if (name.startsWith(SENT)) {
        bytes += value.length;
      }
    }
    const headers = new Headers({ "x-answer-0": request.headers.get("x-bench-7") });
    for (let at = 1; at < 10; at += 1) {
      headers.set(`x-answer-${at}`, "a value of twenty-five b.");
    }
    return new Response(`${bytes}\n`, { headers });
  },
};
