import { type Logger, silentLogger } from '@tutti/kernel';
import type { Escalation } from '@tutti/runtime';
import { expect, test } from 'vitest';
import { stopNodePolicy } from './stop-node-policy.ts';

const escalation = (address: string): Escalation => ({ address, error: new Error(`${address} broke`) });

test('however many failures reach the guardian while the node stops, it is told of once, by the first, when it has stopped', async () => {
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
  const escalate = stopNodePolicy({ stop, logger: silentLogger, onFatal });
  for (const address of ['a', 'b', 'c']) escalate(escalation(address));
  await Promise.resolve();
  expect(failures).toEqual([]);
  stopped.resolve();
  await fatal.promise;
  escalate(escalation('d'));
  await new Promise(setImmediate);
  expect(failures).toMatchObject([{ code: 'TUTTI_ACTOR_FAILED', cause: { message: 'a broke' } }]);
  expect(stops).toBe(1);
});

test('a stop that fails, and whoever is told and throws, are logged, and the failure is told all the same', async () => {
  const errors: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    error: (fields, message) => void errors.push(`${message}: ${JSON.stringify(fields)}`),
  };
  const told: Error[] = [];
  const escalate = stopNodePolicy({
    stop: () => Promise.reject(new Error('the disk is gone')),
    logger,
    onFatal: (failure) => {
      told.push(failure);
      throw new Error('no pager');
    },
  });
  escalate(escalation('a'));
  await new Promise(setImmediate);
  expect(told).toMatchObject([{ code: 'TUTTI_ACTOR_FAILED' }]);
  expect(errors).toEqual([expect.stringContaining('the disk is gone'), expect.stringContaining('no pager')]);
});
