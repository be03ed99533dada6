import { VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, raise, setup } from 'xstate';
import type { KeptTimer, TimerChange } from '../actor/kept-timers.ts';
import type { BootOptions } from '../testing/cluster-harness.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import type { StoredTimer } from './entity-states.ts';
import {
  ENTITY_TIMERS_MAX,
  type EntityTimers,
  inOrderOfTime,
  rowsOf,
  timersAfter,
  timersFrom,
} from './entity-timers.ts';

describe('timers that were set under one id', () => {
  type Event = { type: 'start' } | { type: 'early' } | { type: 'late' };
  const both = setup({
    types: { context: {} as { rung: readonly string[] }, events: {} as Event },
  }).createMachine({
    context: { rung: [] },
    on: {
      start: {
        actions: [
          raise({ type: 'early' }, { id: 't', delay: 1_000 }),
          raise({ type: 'late' }, { id: 't', delay: 5_000 }),
        ],
      },
      '*': { actions: assign({ rung: ({ context, event }) => [...context.rung, event.type] }) },
    },
  });

  /** What the log says of the entity in the end, of which each node was killed so long after it was begun. */
  async function rungAfter(killedAtMs: number | undefined, boot: BootOptions = {}): Promise<unknown> {
    const harness = new ClusterHarness(['n1'], (cluster) => void cluster.entity('both', both));
    harness.boot('n1', {}, boot);
    await harness.untilBalanced();
    harness.node('n1').cluster.ref<Event>('both', 'a').send({ type: 'start' });
    if (killedAtMs !== undefined) {
      await harness.pass(killedAtMs);
      harness.crash('n1');
      harness.boot('n1', {}, boot);
    }
    await harness.pass(10_000);
    const commits = harness.log.entries.filter(({ module }) => module === 'entities');
    const { entries } = JSON.parse(commits.at(-1)!.command) as {
      entries: { snapshot: { context: { rung: unknown } } }[];
    };
    return entries.at(-1)!.snapshot.context.rung;
  }

  it.each([undefined, 500, 2_000])('all come, when the node is killed after %s ms', async (killedAtMs) => {
    expect(await rungAfter(killedAtMs)).toEqual(['early', 'late']);
  });

  it('all come among members of the level before, too', async () => {
    expect(await rungAfter(500, { previous: true })).toEqual(['early', 'late']);
  });
});

describe('the stored timers of an entity', () => {
  const clock = new VirtualClock(1_000);
  const stored = (id: string, at: number): StoredTimer => ({ id, event: { type: `${id} at ${at}` }, at });
  const from = (rows: readonly StoredTimer[]) => timersFrom(rows, clock, () => expect.unreachable());
  const after = (timers: EntityTimers, ...changes: TimerChange[]) =>
    rowsOf(timersAfter(timers, changes, clock), true);
  const nth = (timers: EntityTimers, at: number): KeptTimer => [...timers.keys()][at]!;
  const now = clock.wallTime();
  const first = stored('t', now + 100);
  const second = stored('t', now + 50);

  it('are read as they were stored before one said that it is unnamed: the last has the id', () => {
    const timers = from([first, second]);
    expect(after(timers, { type: 'cancelled', id: 't' })).toEqual([{ ...first, isUnnamed: true }]);
  });

  it('are given again in the order in which they are due', () => {
    expect(inOrderOfTime(from([first, second])).map(({ delayMs }) => delayMs)).toEqual([50, 100]);
    expect(inOrderOfTime(from([stored('t', now - 5)]))).toMatchObject([{ delayMs: 0 }]);
  });

  it('lose the one that was handled and no other, and their id with it', () => {
    const timers = from([first, second]);
    for (const [at, left] of [second, first].entries()) {
      const rows = after(timers, { type: 'gone', timer: nth(timers, at) }, { type: 'cancelled', id: 't' });
      expect(rows).toEqual([{ ...left, isUnnamed: true }]);
    }
  });

  it('have no id any more that names a timer which goes to somebody else', () => {
    const changes: TimerChange[] = [
      { type: 'freed', id: 't' },
      { type: 'cancelled', id: 't' },
    ];
    expect(after(from([first]), ...changes)).toEqual([{ ...first, isUnnamed: true }]);
  });

  it('say nothing of it while a member does not know of it', () => {
    const timers = timersAfter(from([first]), [{ type: 'freed', id: 't' }], clock);
    expect(rowsOf(timers, false)).toEqual([first]);
  });

  it('are bounded', () => {
    const set = (at: number): TimerChange => ({
      type: 'set',
      timer: { id: 't', event: { type: `${at}` }, delayMs: 1 },
    });
    const most = Array.from({ length: ENTITY_TIMERS_MAX }, (_, at) => set(at));
    expect(after(from([]), ...most)).toHaveLength(ENTITY_TIMERS_MAX);
    expect(() => after(from([]), ...most, set(ENTITY_TIMERS_MAX))).toThrow(
      expect.objectContaining({ code: 'TUTTI_OVERLOADED' }),
    );
  });
});
