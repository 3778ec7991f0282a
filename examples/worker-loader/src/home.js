// The home page: what can be asked of this worker.

const ENDPOINTS = [
  ["/dynamic", "a new worker for this very request"],
  ["/metrics", "a metrics worker, made once and reused"],
  ["/config", "a configuration worker"],
  ["/config?version=2.0.0", "another version of it: another key, another worker"],
  ["/tenant/acme", "a worker of the tenant acme"],
  ["/feature/new-checkout", "a feature flag's worker"],
  ["/feature/new-checkout?enabled=false", "the same feature switched off"],
  ["/ab", "an A/B test, sticky by cookie"],
  ["/tunnel/local", "a tunnel's worker and its metrics"],
  ["/broken/factory", "a factory that throws"],
  ["/broken/code", "code with a syntax error"],
];

export function home(origin) {
  const rows = ENDPOINTS.map(([path, what]) => `<li><a href="${path}"><code>${path}</code></a> ${what}</li>`).join("\n");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Worker Loader</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
  body { max-width: 42rem; margin: 3rem auto; padding: 0 1rem; }
  code { font-size: 0.95em; }
  li { margin: 0.4rem 0; }
</style>
<h1>Workers that make workers</h1>
<p>Each link runs a worker that this worker makes when it is first needed and finds again by its key.
Look at the headers <code>worker-loader-start</code> and <code>worker-loader-key</code>:</p>
<pre><code>curl -i ${origin}/dynamic</code></pre>
<ul>
${rows}
</ul>
</html>
`;
}
