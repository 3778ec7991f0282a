// Owns node:diagnostics_channel.

const channels = new Map();

export class Channel {
  #subscribers = [];
  #stores = new Map();
  constructor(name) {
    this.name = name;
  }
  get hasSubscribers() {
    return this.#subscribers.length > 0 || this.#stores.size > 0;
  }
  subscribe(listener) {
    this.#subscribers = [...this.#subscribers, listener];
  }
  unsubscribe(listener) {
    const at = this.#subscribers.indexOf(listener);
    if (at < 0) return false;
    this.#subscribers = this.#subscribers.toSpliced(at, 1);
    return true;
  }
  bindStore(store, transform = (value) => value) {
    this.#stores.set(store, transform);
  }
  unbindStore(store) {
    return this.#stores.delete(store);
  }
  publish(message) {
    for (const listener of this.#subscribers) {
      try {
        listener(message, this.name);
      } catch (error) {
        reportError(error);
      }
    }
  }
  runStores(message, callback, self = undefined, ...args) {
    let run = () => {
      this.publish(message);
      return Reflect.apply(callback, self, args);
    };
    for (const [store, transform] of this.#stores) {
      const inner = run;
      run = () => store.run(transform(message), inner);
    }
    return run();
  }
}

export function channel(name) {
  if (!channels.has(name)) channels.set(name, new Channel(name));
  return channels.get(name);
}
export const hasSubscribers = (name) => channels.get(name)?.hasSubscribers ?? false;
export const subscribe = (name, listener) => channel(name).subscribe(listener);
export const unsubscribe = (name, listener) => channel(name).unsubscribe(listener);

const EVENTS = ["start", "end", "asyncStart", "asyncEnd", "error"];
export class TracingChannel {
  constructor(name) {
    for (const event of EVENTS) this[event] = typeof name === "string" ? channel(`tracing:${name}:${event}`) : name[event];
  }
  get hasSubscribers() {
    return EVENTS.some((event) => this[event].hasSubscribers);
  }
  subscribe(handlers) {
    for (const event of EVENTS) if (handlers[event]) this[event].subscribe(handlers[event]);
  }
  unsubscribe(handlers) {
    for (const event of EVENTS) if (handlers[event]) this[event].unsubscribe(handlers[event]);
  }
  traceSync(callback, context = {}, self = undefined, ...args) {
    return this.start.runStores(context, () => {
      try {
        return (context.result = Reflect.apply(callback, self, args));
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }
  tracePromise(callback, context = {}, self = undefined, ...args) {
    const settled = () => {
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
    };
    return this.start.runStores(context, () => {
      try {
        return Promise.resolve(Reflect.apply(callback, self, args)).then(
          (result) => {
            context.result = result;
            settled();
            return result;
          },
          (error) => {
            context.error = error;
            this.error.publish(context);
            settled();
            throw error;
          },
        );
      } finally {
        this.end.publish(context);
      }
    });
  }
}
export const tracingChannel = (name) => new TracingChannel(name);
export default { Channel, channel, hasSubscribers, subscribe, unsubscribe, tracingChannel, TracingChannel };
