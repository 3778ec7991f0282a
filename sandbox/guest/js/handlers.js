// Owns what the handlers of events are given: the controller of `scheduled`, the batch of `queue`; and what they have decided when they are done. Must
// not act on it: the host does.

class ScheduledController {
  #event;
  #noRetry = false;

  constructor(event) {
    if (!(event instanceof EventData)) throw new TypeError("Illegal constructor");
    this.#event = event;
    event.outcome = () => ({ noRetry: this.#noRetry });
  }
  get scheduledTime() {
    return this.#event.data.scheduledTime;
  }
  get cron() {
    return this.#event.data.cron;
  }
  noRetry() {
    this.#noRetry = true;
  }
}

class EventData {
  constructor(data) {
    this.data = data;
  }
}
internal(EventData, { outcome: null });

function retryDelay(options) {
  const { delaySeconds } = toDictionary(options, "retry: the options");
  if (delaySeconds === undefined) return {};
  const delay = +delaySeconds;
  if (!(delay >= 0 && delay <= 43200)) throw new TypeError("retry: delaySeconds must be from 0 to 43200");
  return { delaySeconds: MathFloor(delay) };
}

// The first decision about a message stands, and stands above those about the batch.
class Message {
  #m;

  constructor(state) {
    if (!(state instanceof MessageState)) throw new TypeError("Illegal constructor");
    this.#m = state;
  }
  get id() {
    return this.#m.id;
  }
  get timestamp() {
    return new DateCtor(this.#m.timestamp);
  }
  get body() {
    return this.#m.body;
  }
  get attempts() {
    return this.#m.attempts;
  }
  ack() {
    this.#m.decision ??= { ack: true };
  }
  retry(options = undefined) {
    this.#m.decision ??= { ack: false, ...retryDelay(options) };
  }
}

class MessageState {
  constructor({ id, timestamp, attempts, body }) {
    this.id = id;
    this.timestamp = timestamp;
    this.attempts = attempts;
    this.body = body;
  }
}
internal(MessageState, { decision: null });

class MessageBatch {
  #event;
  #all = null;
  #messages;

  constructor(event) {
    if (!(event instanceof EventData)) throw new TypeError("Illegal constructor");
    this.#event = event;
    const states = [];
    const messages = [];
    for (let i = 0; i < event.data.messages.length; i++) {
      states[i] = new MessageState(event.data.messages[i]);
      messages[i] = new Message(states[i]);
    }
    this.#messages = ObjectFreeze(messages);
    event.outcome = () => {
      const decisions = [];
      for (let i = 0; i < states.length; i++) decisions[i] = { id: states[i].id, ...(states[i].decision ?? this.#all ?? { ack: true }) };
      return { messages: decisions };
    };
  }
  get queue() {
    return this.#event.data.queue;
  }
  get messages() {
    return this.#messages;
  }
  get metadata() {
    return this.#event.data.metadata ?? {};
  }
  ackAll() {
    this.#all ??= { ack: true };
  }
  retryAll(options = undefined) {
    this.#all ??= { ack: false, ...retryDelay(options) };
  }
}
for (const Class of [ScheduledController, Message, MessageBatch]) defineInterface(Class);

// What the handler of that name is given for the event's data.
function handlerArgument(handler, event) {
  if (handler === "scheduled") return new ScheduledController(event);
  if (handler === "queue") return new MessageBatch(event);
  return event.data;
}
