// Owns what compatibility flags change in the runtime itself. Must not know dates: the host says which of the flags are on (sandbox/compatibility.py).

function applyFlags(flags) {
  const on = new SafeSet();
  for (let i = 0; i < flags.length; i++) on.add(flags[i]);
  ctxExports = on.has("enable_ctx_exports");
  if (!on.has("global_navigator")) delete globalThis.navigator;
  else if (!on.has("enable_navigator_language")) delete Navigator.prototype.language;
  if (!on.has("urlsearchparams_delete_has_value_arg")) ignoreSecondArgument(URLSearchParams.prototype, ["delete", "has"]);
  return on;
}

function ignoreSecondArgument(proto, names) {
  for (const name of names) {
    const original = proto[name];
    const method = {
      [name](first) {
        return ReflectApply(original, this, arguments.length === 0 ? [] : [first]);
      },
    }[name];
    ObjectDefineProperty(proto, name, { value: method, writable: true, enumerable: true, configurable: true });
  }
}
