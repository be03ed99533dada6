/** Told once, with a failure or a value. */
type Settle<Value> = (failure: Error | undefined, value?: Value) => void;

/** A call with a callback as a promise: inside a replica there are only callbacks, promises are for its surface. */
export function promised<Value>(call: (done: Settle<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((failure, value) => (failure ? reject(failure) : resolve(value as Value)));
  });
}
