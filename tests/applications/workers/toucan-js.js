// One program of tests/applications: toucan-js, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { Toucan } from "toucan-js";
var toucan_js_default = {
  async fetch(request, env, ctx) {
    const sent = [];
    const sentry = new Toucan({ dsn: "https://public@sentry.example.com/1", context: ctx, request, release: "1.0", environment: "test", requestDataOptions: { allowedHeaders: ["user-agent"], allowedSearchParams: /.*/ }, transport: () => ({ send: async (envelope) => {
      sent.push(envelope);
      return {};
    }, flush: async () => true }) });
    sentry.setUser({ id: "7" });
    sentry.setTag("a", "b");
    sentry.addBreadcrumb({ message: "step", timestamp: 1 });
    sentry.captureMessage("hello", "info");
    try {
      null.x;
    } catch (error) {
      sentry.captureException(new Error("captured"));
    }
    await scheduler.wait(1);
    return Response.json(sent.map((envelope) => envelope[1].map(([head, event]) => ({ type: head.type, message: event.message, level: event.level, tags: event.tags, user: event.user, request: event.request && { method: event.request.method, url: event.request.url }, values: event.exception?.values.map((v) => [v.type, v.value, v.mechanism]), crumbs: event.breadcrumbs?.map((c) => c.message), sdk: event.sdk?.name, release: event.release }))));
  }
};
export {
  toucan_js_default as default
};
