import { type Logger, silentLogger } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { stopNodePolicy } from './stop-node-policy.ts';

test('however many failures there are while the node stops, it is told of once, by the first, when it has stopped', async () => {
  const stopped = Promise.withResolvers<void>();
  const fatal = Promise.withResolvers<Error>();
  const failures: Error[] = [];
  let stops = 0;
  const stop = () => {
    stops++;
    return stopped.promise;
  };
  const onFatal = (failure: Error) => {
    failures.push(failure);
    fatal.resolve(failure);
  };
  const stopFor = stopNodePolicy({ stop, logger: silentLogger, onFatal });
  for (const name of ['a', 'b', 'c']) stopFor(new Error(`${name} broke`));
  await Promise.resolve();
  expect(failures).toEqual([]);
  stopped.resolve();
  await fatal.promise;
  stopFor(new Error('d broke'));
  await new Promise(setImmediate);
  expect(failures).toMatchObject([{ message: 'a broke' }]);
  expect(stops).toBe(1);
});

test('a stop that fails, and whoever is told and throws, are logged, and the failure is told all the same', async () => {
  const errors: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    error: (fields, message) => void errors.push(`${message}: ${JSON.stringify(fields)}`),
  };
  const told: Error[] = [];
  const stopFor = stopNodePolicy({
    stop: () => Promise.reject(new Error('the disk is gone')),
    logger,
    onFatal: (failure) => {
      told.push(failure);
      throw new Error('no pager');
    },
  });
  stopFor(new Error('a broke'));
  await new Promise(setImmediate);
  expect(told).toMatchObject([{ message: 'a broke' }]);
  expect(errors).toEqual([expect.stringContaining('the disk is gone'), expect.stringContaining('no pager')]);
});
