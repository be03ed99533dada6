import { isTuttiError, nodeId, settled, VirtualClock, type WireValue } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { ReplicatedModule } from '../consensus.ts';
import { VolatileConsensus } from './volatile-consensus.ts';

const sum = (): ReplicatedModule & { total: number } => ({
  name: 'sum',
  total: 0,
  apply(command) {
    this.total += command as number;
    return this.total;
  },
  snapshot: () => [],
  restore() {},
});

test('what is applied is answered, and told to all who watch, also when one of them throws', async () => {
  const clock = new VirtualClock();
  const logged: object[] = [];
  const log = (fields: object) => void logged.push(fields);
  const logger = { debug: log, info: log, warn: log, error: log };
  const consensus = new VolatileConsensus(nodeId('n1'), clock, logger);
  const module = sum();
  consensus.register(module);
  await consensus.start();
  const told: unknown[] = [];
  consensus.watch('sum', {
    applied: () => {
      throw new Error('a bug in a watcher');
    },
  });
  consensus.watch('sum', { applied: (_, outcome) => told.push(outcome) });
  const answers: WireValue[] = [];
  for (const number of [2, 3]) void consensus.propose('sum', number).then((answer) => answers.push(answer));
  clock.advance(0);
  await settled();
  expect([module.total, answers, told]).toEqual([5, [2, 5], [2, 5]]);
  const line = { module: 'sum', error: 'a bug in a watcher' };
  expect(logged).toEqual([line, line]);
  const unknown = consensus.propose('nothing', 1).catch((thrown: unknown) => thrown);
  clock.advance(0);
  expect(isTuttiError(await unknown, 'TUTTI_MODULE_UNKNOWN')).toBe(true);
});

test('what could not be told to others is rejected, and changes nothing', async () => {
  const clock = new VirtualClock();
  const consensus = new VolatileConsensus(nodeId('n1'), clock);
  const module = sum();
  consensus.register(module);
  await consensus.start();
  const unplain = consensus.propose('sum', new Map());
  await expect(unplain).rejects.toMatchObject({ code: 'TUTTI_VALUE_NOT_PLAIN' });
  const taken = consensus.propose('sum', 2);
  clock.advance(0);
  expect([await taken, module.total]).toEqual([2, 2]);
});

test('leadership stays where it is: there is nobody else', async () => {
  const consensus = new VolatileConsensus(nodeId('n1'), new VirtualClock());
  await consensus.start();
  await expect(consensus.transferLeadership()).rejects.toMatchObject({ code: 'TUTTI_TRANSFER_UNKNOWN' });
  expect(consensus.status().role).toBe('leader');
});
