// Gives each visitor one of two pages; a cookie remembers which.
const pages = {
  a: { share: 0.5, text: "Welcome." },
  b: { share: 0.5, text: "Glad you are here." },
};

function chosen(request) {
  const found = /(?:^|;\s*)page=([ab])(?:;|$)/.exec(request.headers.get("cookie") ?? "");
  return found ? found[1] : Math.random() < pages.a.share ? "a" : "b";
}

export default {
  fetch(request) {
    const name = chosen(request);
    console.log(`page ${name}`);
    return new Response(`${pages[name].text}\n`, {
      headers: { "content-type": "text/plain; charset=utf-8", "set-cookie": `page=${name}; Path=/; Max-Age=2592000; SameSite=Lax` },
    });
  },
};
