// Owns the text form of dates: a worker's zone is UTC, and where the language leaves the name of the zone open, its name is said as V8 says it.

{
  const zone = " (Coordinated Universal Time)";
  const isUTC = regexp(/GMT\+0000$/);
  for (const name of ["toString", "toTimeString"]) {
    const original = uncurry(Date.prototype[name]);
    const method = {
      [name]() {
        const text = original(this);
        return isUTC.test(text) ? text + zone : text;
      },
    }[name];
    ObjectDefineProperty(Date.prototype, name, { value: method, writable: true, enumerable: false, configurable: true });
  }
}
