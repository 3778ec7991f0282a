// Passes requests on to the variable ORIGIN, and adds headers to what comes back.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const target = new URL(url.pathname + url.search, env.ORIGIN);
    const headers = new Headers(request.headers);
    headers.delete("host");
    let response;
    try {
      response = await fetch(target, { method: request.method, headers, body: request.body });
    } catch (error) {
      console.error(`${target.host} cannot be reached: ${error.message}`);
      return new Response("The origin cannot be reached.\n", { status: 502 });
    }
    const answer = new Response(response.body, response);
    answer.headers.set("x-served-by", "hostel");
    return answer;
  },
};
