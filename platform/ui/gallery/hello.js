// Answers with a greeting: try /?name=you.
export default {
  fetch(request) {
    const name = new URL(request.url).searchParams.get("name") ?? "world";
    console.log(`greeting ${name}`);
    return new Response(`Hello, ${name}!\n`);
  },
};
