// What a Web Platform Tests file finds around it besides a worker's own globals. The runner puts this, the harness, the scripts of the file's META
// lines and the file itself into one function, and asks for the results when the harness has them.
//
// A worker has no base URL; the tests count on one. So the names that take a URL resolve it against the file's own address here, and only here.
const base = new URL(WPT_ADDRESS);
const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, enumerable: true, configurable: true });
define("location", base);
define("GLOBAL", { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false });
define("importScripts", () => {});
define("isSecureContext", true);

const resolved = (input) => {
  if (typeof input !== "string" && !(input instanceof URL)) return input;
  const url = URL.parse(input, base);
  return url === null ? input : url.href;
};
{
  const original = globalThis.fetch;
  define("fetch", (input, ...rest) => original(resolved(input), ...rest));
}
for (const [holder, name] of [[globalThis, "Request"], [globalThis, "EventSource"]]) {
  const original = holder[name];
  if (original === undefined) continue;
  const construct = (target, [input, ...rest], made) => Reflect.construct(target, [resolved(input), ...rest], made);
  const wrapped = new Proxy(original, { construct: (target, args, made) => construct(target, args.length > 0 ? args : [], made === wrapped ? target : made) });
  Object.defineProperty(original.prototype, "constructor", { value: wrapped, writable: true, enumerable: false, configurable: true });
  Object.defineProperty(holder, name, { value: wrapped, writable: true, enumerable: false, configurable: true });
}
{
  const original = Response.redirect;
  Object.defineProperty(Response, "redirect", {
    value: function redirect(url, ...rest) {
      return original.call(Response, resolved(`${url}`), ...rest);
    },
    writable: true, enumerable: true, configurable: true,
  });
}
