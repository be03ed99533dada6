import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { AnyStateMachine, EventObject } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { childLogics, randomMachine, SENT, SORTS } from '../testing/random-machine.ts';
import { type Errand, type Op, type Outside, underBoth } from '../testing/twins.ts';

/** What must be among all that is compared, or the comparison says nothing about it. */
const OF_NOTE = [
  'promise starts with [',
  'promise aborted',
  '"output":1',
  'Error: it failed outside',
  'TOLD {"value":',
  'source of events starts',
  'source let go',
  'xstate.snapshot.in-',
  'xstate.snapshot.spawned',
];

const noOne: Outside = { log: () => {}, begin: () => {} };

const opArb: fc.Arbitrary<Op> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...SENT).map((send): Op => ({ send })) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 12 }).map((waitMs): Op => ({ waitMs })) },
  {
    weight: 3,
    arbitrary: fc.record({
      errand: fc.constantFrom<keyof Errand>('tell', 'tell', 'fail', 'end'),
      back: fc.constantFrom(0, 0, 0, 1, 2),
    }),
  },
);
const tapeArb = fc.array(fc.nat(1_000_000), { minLength: 40, maxLength: 160 });

/** None where the search would not end, or fails because the machine does. */
function shortestPaths(
  machine: AnyStateMachine,
  options: object,
): { readonly steps: readonly { readonly event: EventObject }[] }[] {
  try {
    return getShortestPaths(machine, options);
  } catch {
    return [];
  }
}

vi.spyOn(console, 'warn').mockImplementation(() => {}); // XState's, of each event for a child that has ended

describe('random machines in a cell and under createActor', () => {
  test('are the same after every event, every wait, and whatever comes of their promises and sources', async () => {
    let compared = 0;
    const notes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(tapeArb, fc.array(opArb, { minLength: 1, maxLength: 15 }), async (numbers, ops) => {
        const both = await underBoth((_, outside) => randomMachine(numbers, outside), ops);
        if (!both) return;
        expect(both.tutti).toEqual(both.xstate);
        for (const note of both.tutti.at(-1)!.log) notes.add(note);
        compared++;
      }),
      { numRuns: 300, seed: 20_261_121 },
    );
    expect(compared).toBeGreaterThan(200);
    const all = [...notes].join('\n');
    for (const note of OF_NOTE) expect(all).toContain(note);
  });

  test('are the same when they are restored on the way, from what was persisted alike', async () => {
    let restored = 0;
    const withRestores = fc.oneof(
      { weight: 4, arbitrary: opArb.filter((op) => op === 'restore' || !('waitMs' in op)) },
      { weight: 1, arbitrary: fc.constant<Op>('restore') },
    );
    await fc.assert(
      fc.asyncProperty(
        tapeArb,
        fc.array(withRestores, { minLength: 2, maxLength: 12 }),
        async (numbers, ops) => {
          const both = await underBoth(
            (_, outside) => randomMachine(numbers, outside, { isTimeless: true }),
            ops,
          );
          if (!both) return;
          expect(both.tutti).toEqual(both.xstate);
          restored += both.tutti.filter(({ persisted }) => persisted !== undefined).length;
        },
      ),
      { numRuns: 250, seed: 20_261_122 },
    );
    expect(restored).toBeGreaterThan(200);
  });

  test('are the same along the shortest path to each of their states, as the graph tools find it', async () => {
    let paths = 0;
    await fc.assert(
      fc.asyncProperty(tapeArb, async (numbers) => {
        const make = (_: unknown, outside: Outside) => randomMachine(numbers, outside, { isQuiet: true });
        const events = SENT.map((type) => ({ type }));
        const serializeState = (snapshot: object) => {
          const { value, status, context } = snapshot as {
            value: unknown;
            status: string;
            context: { n: number };
          };
          return JSON.stringify([value, status, Math.min(context.n, 3)]);
        };
        for (const { steps } of shortestPaths(make(noOne.log, noOne), {
          events,
          serializeState,
          limit: 500,
        })) {
          const ops = steps.flatMap(({ event }): Op[] =>
            event.type.startsWith('xstate.') ? [] : [{ send: event.type }],
          );
          const both = await underBoth(make, ops);
          expect(both?.tutti).toEqual(both?.xstate);
          paths++;
        }
      }),
      { numRuns: 40, seed: 20_261_121 },
    );
    expect(paths).toBeGreaterThan(50);
  });

  test.each(SORTS)('are the same when it is no machine that has them, but %s alone', async (sort) => {
    await fc.assert(
      fc.asyncProperty(fc.array(opArb, { minLength: 1, maxLength: 8 }), async (ops) => {
        const both = await underBoth((_, outside) => childLogics(outside, true)[sort], ops);
        expect(both?.tutti).toEqual(both?.xstate);
      }),
      { numRuns: 40, seed: 20_261_123 },
    );
  });
});
