// Owns calls of host capabilities: a question in text, and one answer. Must not know what any capability does.

// Asks the capability behind a binding; a promise of its answer, rejected with what the host says went wrong.
function callCapability(binding, method, text) {
  const call = new Call(requireRequest());
  const { id, invocation } = call;
  calls.set(id, call);
  invocation.calls++;
  host.emit(EFFECT_CALL, 0, id, "usss", invocation.id, binding, method, text);
  return call.promise;
}

function callReplied(call, failed, text, bytes) {
  if (call.answered) return;
  call.answered = true;
  if (call.replied !== null) call.replied(failed, text, bytes);
  else if (failed) call.reject(new Error(text));
  else call.resolve(text);
  closeCall(call);
}
