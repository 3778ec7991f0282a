// Owns what Node's modules (sandbox/guest/node) may use of the runtime. They are ordinary modules of one worker's realm: nothing here may give more
// than what the worker could do by itself, or what only concerns its own instance.

function nodeInternals(withEnv) {
  return {
    DIGEST_SIZES,
    Digest,
    Hmac,
    asyncContext: host.asyncContext,
    setAsyncContext: host.setAsyncContext,
    bytesEqual: host.bytesEqual,
    classOf: host.classOf,
    emitWarning: (text) => emitLine(LEVEL_WARN, text),
    inspectValue,
    isError: host.isError,
    latin1Decode: host.latin1Decode,
    latin1Encode: host.latin1Encode,
    promiseResult: host.promiseResult,
    promiseState: host.promiseState,
    // At the top level random values are refused, as everywhere.
    random: (bytes) => {
      requireRequest();
      return host.random(bytes);
    },
    reportException,
    utf8Decode: (bytes) => host.utf8Decode(bytes, false, true),
    utf8Encode: host.utf8Encode,
    env: withEnv ? workerEnv : {},
  };
}
