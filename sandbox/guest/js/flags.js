// Owns the flags binding (types/defines/flagship.d.ts in cloudflare/workerd, and OpenFeature's details): what is asked of the host, and that whatever
// goes wrong the caller gets the default value. Must not evaluate: the host does, with the same engine as everywhere.

// Of the JSON of one question, in UTF-16 code units.
const LARGEST_QUESTION = 65536;

class FlagsBinding {
  constructor(name) {
    this.name = name;
  }
}
internal(FlagsBinding);

// The details of an evaluation that gave nothing.
const withDefault = (flagKey, value, errorCode, errorMessage) => ({ flagKey, value, reason: "ERROR", errorCode, errorMessage, flagMetadata: {} });

// The JSON of a context; null for what cannot be one.
function contextText(context) {
  if (context === undefined || context === null) return "{}";
  if (!isObject(context) || ArrayIsArray(context)) return null;
  try {
    const text = JSONStringify(context);
    return text === undefined || text[0] !== "{" ? null : text;
  } catch {
    return null;
  }
}

function evaluateFlag(binding, type, given, fallback, context) {
  try {
    requireRequest();
    const flagKey = toUSVString(given);
    const attributes = contextText(context);
    if (attributes === null) {
      return promiseResolvedWith(withDefault(flagKey, fallback, "INVALID_CONTEXT", "The context is not an object that can be written as JSON."));
    }
    const text = `{"flag":${JSONStringify(flagKey)},"type":"${type}","context":${attributes}}`;
    if (text.length > LARGEST_QUESTION) {
      const message = `The flag's key and the context take ${text.length} characters, ${LARGEST_QUESTION} are allowed.`;
      return promiseResolvedWith(withDefault(flagKey.slice(0, 256), fallback, "INVALID_CONTEXT", message));
    }
    return promiseThen(
      callCapability(binding.name, "evaluate", text),
      (answer) => detailsOf(flagKey, JSONParse(answer), fallback),
      (error) => withDefault(flagKey, fallback, "GENERAL", error.message),
    );
  } catch (error) {
    return promiseRejectedWith(error);
  }
}

function detailsOf(flagKey, answer, fallback) {
  const { variant, reason, errorCode, errorMessage } = answer;
  const value = hasOwn(answer, "value") ? answer.value : fallback;
  const flagMetadata = answer.flagMetadata === undefined ? {} : answer.flagMetadata;
  if (errorCode !== undefined) return { flagKey, value, variant, reason, errorCode, errorMessage, flagMetadata };
  return { flagKey, value, variant, reason, flagMetadata };
}

const valueOf = (details) => promiseThen(details, (found) => found.value);

class Flagship {
  #binding;

  constructor(binding) {
    if (!(binding instanceof FlagsBinding)) throw new TypeError("Illegal constructor");
    this.#binding = binding;
  }

  get(flagKey, defaultValue = undefined, context = undefined) {
    return valueOf(evaluateFlag(this.#binding, "any", flagKey, defaultValue, context));
  }

  getBooleanValue(flagKey, defaultValue, context = undefined) {
    return valueOf(evaluateFlag(this.#binding, "boolean", flagKey, defaultValue, context));
  }

  getStringValue(flagKey, defaultValue, context = undefined) {
    return valueOf(evaluateFlag(this.#binding, "string", flagKey, defaultValue, context));
  }

  getNumberValue(flagKey, defaultValue, context = undefined) {
    return valueOf(evaluateFlag(this.#binding, "number", flagKey, defaultValue, context));
  }

  getObjectValue(flagKey, defaultValue, context = undefined) {
    return valueOf(evaluateFlag(this.#binding, "object", flagKey, defaultValue, context));
  }

  getBooleanDetails(flagKey, defaultValue, context = undefined) {
    return evaluateFlag(this.#binding, "boolean", flagKey, defaultValue, context);
  }

  getStringDetails(flagKey, defaultValue, context = undefined) {
    return evaluateFlag(this.#binding, "string", flagKey, defaultValue, context);
  }

  getNumberDetails(flagKey, defaultValue, context = undefined) {
    return evaluateFlag(this.#binding, "number", flagKey, defaultValue, context);
  }

  getObjectDetails(flagKey, defaultValue, context = undefined) {
    return evaluateFlag(this.#binding, "object", flagKey, defaultValue, context);
  }

  // OpenFeature's tracking: something happened that experiments may count. What is not taken is said on the console and nowhere else.
  track(event, context = undefined, details = undefined) {
    try {
      requireRequest();
      const attributes = contextText(context);
      const { value } = isObject(details) ? details : NO_MEMBERS;
      const number = value === undefined || value === null ? "null" : NumberIsFinite(+value) ? `${+value}` : undefined;
      const text = `{"event":${JSONStringify(toUSVString(event))},"value":${number},"context":${attributes}}`;
      if (attributes === null || number === undefined || text.length > LARGEST_QUESTION) {
        emitLine(LEVEL_WARN, "An event was not tracked: it takes a name, an object that can be written as JSON, and a finite value.");
        return promiseResolvedWith(undefined);
      }
      return promiseThen(callCapability(this.#binding.name, "track", text), noop, (error) =>
        emitLine(LEVEL_WARN, `An event was not tracked: ${error.message}`),
      );
    } catch (error) {
      return promiseRejectedWith(error);
    }
  }
}

defineInterface(Flagship);
