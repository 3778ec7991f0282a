// Owns piping (Streams standard, ReadableStreamPipeTo). Must not copy chunks.

function pipeOptions(options) {
  const dictionary = toDictionary(options, "The pipe's options");
  const preventAbort = !!dictionary.preventAbort;
  const preventCancel = !!dictionary.preventCancel;
  const preventClose = !!dictionary.preventClose;
  const signal = dictionary.signal;
  if (signal !== undefined && !isAbortSignal(signal)) throw new TypeError("The pipe's signal is not an AbortSignal");
  return { preventAbort, preventCancel, preventClose, signal };
}

// One pipe under way. `done` settles when it has ended.
class Pipe {
  constructor(source, destination, settings) {
    this.source = source;
    this.destination = destination;
    this.settings = settings;
    this.reader = acquireReader(source);
    this.writer = acquireWriter(destination);
    this.shuttingDown = false;
    this.lastWrite = promiseResolvedWith(undefined);
    this.forgetSignal = noop;
    this.done = new Deferred();
    source.disturbed = true;
  }

  run() {
    const { source, destination, settings } = this;
    const signal = settings.signal;
    if (signal !== undefined) {
      const abort = () => this.abort(signalState(signal).reason);
      if (signalAborted(signal)) {
        abort();
        return this.done.promise;
      }
      this.forgetSignal = addAbortAlgorithm(signal, abort);
    }
    const sourceFailed = (error) => {
      if (settings.preventAbort) this.shutdown(null, true, error);
      else this.shutdown(() => writableAbort(destination, error), true, error);
    };
    const sourceClosed = () => {
      if (settings.preventClose) this.shutdown(null, false);
      else this.shutdown(() => writerCloseWithErrorPropagation(this.writer), false);
    };
    const destinationFailed = (error) => {
      if (settings.preventCancel) this.shutdown(null, true, error);
      else this.shutdown(() => readableCancel(source, error), true, error);
    };
    if (source.state === "errored") sourceFailed(source.storedError);
    else uponPromise(this.reader.closed.promise, undefined, sourceFailed);
    if (destination.state === "errored") destinationFailed(destination.storedError);
    else uponPromise(this.writer.closed.promise, undefined, destinationFailed);
    if (source.state === "closed") sourceClosed();
    else uponPromise(this.reader.closed.promise, sourceClosed, noop);
    if (closeQueuedOrInFlight(destination) || destination.state === "closed") {
      destinationFailed(new TypeError("The destination is closed: nothing more can be piped to it"));
    }
    this.step();
    return this.done.promise;
  }

  // Reads when the writer wants something; one chunk at a time.
  step() {
    if (this.shuttingDown) return;
    uponPromise(
      this.writer.ready.promise,
      () => {
        if (!this.shuttingDown) readerRead(this.reader, this);
      },
      noop,
    );
  }

  // Our own read request.
  chunk(value) {
    this.lastWrite = promiseThen(writerWrite(this.writer, value), noop, noop);
    this.step();
  }
  close() {}
  error() {}

  abort(reason) {
    const { source, destination, settings } = this;
    this.shutdown(
      () => {
        const actions = [];
        if (!settings.preventAbort && destination.state === "writable") actions[actions.length] = writableAbort(destination, reason);
        if (!settings.preventCancel && source.state === "readable") actions[actions.length] = readableCancel(source, reason);
        return promiseAll(actions);
      },
      true,
      reason,
    );
  }

  shutdown(action, failed, error) {
    if (this.shuttingDown) return;
    this.shuttingDown = true;
    const rest = () => {
      if (action === null) {
        this.finish(failed, error);
      } else {
        uponPromise(
          action(),
          () => this.finish(failed, error),
          (newError) => this.finish(true, newError),
        );
      }
    };
    if (this.destination.state === "writable" && !closeQueuedOrInFlight(this.destination)) {
      uponPromise(this.writesFinished(), rest);
    } else {
      rest();
    }
  }

  writesFinished() {
    const last = this.lastWrite;
    return promiseThen(last, () => (last === this.lastWrite ? undefined : this.writesFinished()));
  }

  finish(failed, error) {
    releaseWriter(this.writer);
    releaseReader(this.reader);
    this.forgetSignal();
    if (failed) this.done.failLoudly(error);
    else this.done.fulfil(undefined);
  }
}
internal(Pipe);

function readablePipeTo(source, destination, settings) {
  return new Pipe(source, destination, settings).run();
}
