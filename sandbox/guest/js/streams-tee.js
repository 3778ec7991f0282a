// Owns tee (Streams standard, ReadableStreamDefaultTee and ReadableByteStreamTee). Must not be told which kind a stream is: it looks.

// Two states that give what `stream` gives. `clone`: the second branch gets copies of the chunks (bodies).
function readableTee(stream, clone) {
  return stream.controller instanceof ByteController ? teeBytes(stream) : teeDefault(stream, clone);
}

// Cancels the source because of an error of ours; whether that fails is of interest only to who cancelled a branch.
function settleCancel(cancel, stream, error) {
  const cancelled = readableCancel(stream, error);
  markHandled(cancelled);
  cancel.fulfil(cancelled);
}

function teeDefault(stream, clone) {
  const reader = acquireReader(stream);
  let reading = false;
  let readAgain = false;
  let cancelled1 = false;
  let cancelled2 = false;
  let reason1;
  let reason2;
  let branch1;
  let branch2;
  const cancel = new Deferred();

  const pull = () => {
    if (reading) {
      readAgain = true;
      return promiseResolvedWith(undefined);
    }
    reading = true;
    readerRead(reader, {
      chunk(value) {
        // A microtask later, so that an error of the stream is seen before its chunk is passed on.
        promiseThen(promiseResolvedWith(undefined), () => {
          readAgain = false;
          let second = value;
          if (!cancelled2 && clone) {
            try {
              second = structuredCloneValue(value);
            } catch (error) {
              branch1.controller.error(error);
              branch2.controller.error(error);
              settleCancel(cancel, stream, error);
              return;
            }
          }
          if (!cancelled1) branch1.controller.enqueue(value);
          if (!cancelled2) branch2.controller.enqueue(second);
          reading = false;
          if (readAgain) pull();
        });
      },
      close() {
        reading = false;
        if (!cancelled1) branch1.controller.close();
        if (!cancelled2) branch2.controller.close();
        if (!cancelled1 || !cancelled2) cancel.fulfil(undefined);
      },
      error() {
        reading = false;
      },
    });
    return promiseResolvedWith(undefined);
  };

  const cancel1 = (reason) => {
    cancelled1 = true;
    reason1 = reason;
    if (cancelled2) cancel.fulfil(readableCancel(stream, [reason1, reason2]));
    return cancel.promise;
  };
  const cancel2 = (reason) => {
    cancelled2 = true;
    reason2 = reason;
    if (cancelled1) cancel.fulfil(readableCancel(stream, [reason1, reason2]));
    return cancel.promise;
  };

  branch1 = createReadable(null, pull, cancel1);
  branch2 = createReadable(null, pull, cancel2);
  promiseThen(reader.closed.promise, undefined, (error) => {
    branch1.controller.error(error);
    branch2.controller.error(error);
    if (!cancelled1 || !cancelled2) cancel.fulfil(undefined);
  });
  return [branch1, branch2];
}

function teeBytes(stream) {
  let reader = acquireReader(stream);
  let reading = false;
  let readAgain1 = false;
  let readAgain2 = false;
  let cancelled1 = false;
  let cancelled2 = false;
  let reason1;
  let reason2;
  let branch1;
  let branch2;
  const cancel = new Deferred();

  const watchReader = (watched) => {
    promiseThen(watched.closed.promise, undefined, (error) => {
      if (watched !== reader) return;
      branch1.controller.error(error);
      branch2.controller.error(error);
      if (!cancelled1 || !cancelled2) cancel.fulfil(undefined);
    });
  };

  const fail = (error) => {
    branch1.controller.error(error);
    branch2.controller.error(error);
    settleCancel(cancel, stream, error);
  };

  const afterRead = () => {
    reading = false;
    if (readAgain1) pull1();
    else if (readAgain2) pull2();
  };

  const pullWithDefaultReader = () => {
    if (reader.byob) {
      releaseReader(reader);
      reader = acquireReader(stream);
      watchReader(reader);
    }
    readerRead(reader, {
      chunk(value) {
        promiseThen(promiseResolvedWith(undefined), () => {
          readAgain1 = false;
          readAgain2 = false;
          let second = value;
          if (!cancelled1 && !cancelled2) {
            try {
              second = bytesCopy(value);
            } catch (error) {
              fail(error);
              return;
            }
          }
          if (!cancelled1) branch1.controller.enqueue(value);
          if (!cancelled2) branch2.controller.enqueue(second);
          afterRead();
        });
      },
      close() {
        reading = false;
        if (!cancelled1) branch1.controller.close();
        if (!cancelled2) branch2.controller.close();
        if (branch1.controller.pending.length > 0) branch1.controller.respond(0);
        if (branch2.controller.pending.length > 0) branch2.controller.respond(0);
        if (!cancelled1 || !cancelled2) cancel.fulfil(undefined);
      },
      error() {
        reading = false;
      },
    });
  };

  const pullWithByobReader = (view, forBranch2) => {
    if (!reader.byob) {
      releaseReader(reader);
      reader = acquireByobReader(stream);
      watchReader(reader);
    }
    const byobBranch = forBranch2 ? branch2 : branch1;
    const otherBranch = forBranch2 ? branch1 : branch2;
    const byobCancelled = () => (forBranch2 ? cancelled2 : cancelled1);
    const otherCancelled = () => (forBranch2 ? cancelled1 : cancelled2);
    stream.disturbed = true;
    const request = {
      chunk(value) {
        promiseThen(promiseResolvedWith(undefined), () => {
          readAgain1 = false;
          readAgain2 = false;
          if (!otherCancelled()) {
            let copy;
            try {
              copy = bytesCopy(value);
            } catch (error) {
              fail(error);
              return;
            }
            if (!byobCancelled()) byobBranch.controller.respondWithNewView(value);
            otherBranch.controller.enqueue(copy);
          } else if (!byobCancelled()) {
            byobBranch.controller.respondWithNewView(value);
          }
          afterRead();
        });
      },
      close(value) {
        reading = false;
        if (!byobCancelled()) byobBranch.controller.close();
        if (!otherCancelled()) otherBranch.controller.close();
        if (value !== undefined) {
          if (!byobCancelled()) byobBranch.controller.respondWithNewView(value);
          if (!otherCancelled() && otherBranch.controller.pending.length > 0) otherBranch.controller.respond(0);
        }
        if (!byobCancelled() || !otherCancelled()) cancel.fulfil(undefined);
      },
      error() {
        reading = false;
      },
    };
    if (stream.state === "errored") request.error(stream.storedError);
    else stream.controller.pullInto(view, 1, request);
  };

  const pullFor = (branch, forBranch2) => {
    const request = branch.controller.byobRequest();
    if (request === null) pullWithDefaultReader();
    else pullWithByobReader(request.view, forBranch2);
  };

  const pull1 = () => {
    if (reading) {
      readAgain1 = true;
    } else {
      reading = true;
      pullFor(branch1, false);
    }
    return promiseResolvedWith(undefined);
  };
  const pull2 = () => {
    if (reading) {
      readAgain2 = true;
    } else {
      reading = true;
      pullFor(branch2, true);
    }
    return promiseResolvedWith(undefined);
  };

  const cancel1 = (reason) => {
    cancelled1 = true;
    reason1 = reason;
    if (cancelled2) cancel.fulfil(readableCancel(stream, [reason1, reason2]));
    return cancel.promise;
  };
  const cancel2 = (reason) => {
    cancelled2 = true;
    reason2 = reason;
    if (cancelled1) cancel.fulfil(readableCancel(stream, [reason1, reason2]));
    return cancel.promise;
  };

  branch1 = createReadableBytes(pull1, cancel1);
  branch2 = createReadableBytes(pull2, cancel2);
  watchReader(reader);
  return [branch1, branch2];
}
