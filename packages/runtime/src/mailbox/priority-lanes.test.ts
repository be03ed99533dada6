import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EventObject, fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { Correspondent } from '../message/correspondent.ts';
import type { Urgency } from '../message/envelope.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { MailboxOptions } from './mailbox-options.ts';
import { PriorityLanes } from './priority-lanes.ts';

type Ranked = EventObject & { readonly rank: number; readonly at: number };
const ranked = (rank: number, at: number): Ranked => ({ type: 'work', rank, at });
const laneOf = (event: EventObject): number => (event as Ranked).rank;

describe('lanes', () => {
  test('the most urgent message goes first, and those of one lane keep their order', () => {
    const lanes = new PriorityLanes({ lanes: 3, laneOf, starvationBound: 100 });
    [2, 0, 1, 0, 2, 1].forEach((rank, at) => lanes.push(ranked(rank, at)));
    const order = Array.from({ length: 6 }, () => lanes.shift() as Ranked);
    expect(order.map(({ rank, at }) => `${String(rank)}@${String(at)}`)).toEqual([
      '0@1',
      '0@3',
      '1@2',
      '1@5',
      '2@0',
      '2@4',
    ]);
    expect([lanes.size, lanes.shift()]).toEqual([0, undefined]);
  });

  test('nobody starves: a head waits for the bound and one turn of each other lane at most', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 0, max: 3 }), times: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ take: fc.integer({ min: 1, max: 30 }) }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 10 }),
        (steps, starvationBound) => {
          const lanes = new PriorityLanes({ lanes: 4, laneOf, starvationBound });
          const twin: Ranked[][] = [[], [], [], []];
          const waited = [0, 0, 0, 0];
          let at = 0;
          for (const each of steps) {
            if ('push' in each) {
              for (let i = 0; i < each.times; i++) {
                const message = ranked(each.push, at++);
                twin[each.push]!.push(message);
                lanes.push(message);
              }
              continue;
            }
            for (let i = 0; i < each.take; i++) {
              const waiting = twin.flatMap((lane, rank) => (lane.length > 0 ? [rank] : []));
              const taken = lanes.shift() as Ranked | undefined;
              if (!taken) expect(waiting).toEqual([]);
              if (!taken) break;
              expect(taken).toBe(twin[taken.rank]!.shift());
              for (const rank of waiting) waited[rank] = rank === taken.rank ? 0 : waited[rank]! + 1;
              // One out of its rank is so because it had waited long enough.
              expect(Math.max(...waited)).toBeLessThanOrEqual(starvationBound + 3);
            }
          }
          expect(lanes.size).toBe(twin.flat().length);
        },
      ),
      { numRuns: 500, seed: 4 },
    );
  });

  test('a full mailbox loses the oldest of the least urgent, or the newer one when that is less urgent', () => {
    const lanes = new PriorityLanes({ lanes: 3, laneOf, starvationBound: 10 });
    [0, 1, 1].forEach((rank, at) => lanes.push(ranked(rank, at)));
    const less = ranked(2, 3);
    expect(lanes.evict(less)).toBe(less);
    expect(lanes.evict(ranked(0, 4))).toMatchObject({ rank: 1, at: 1 });
    expect(lanes.evict(ranked(1, 5))).toMatchObject({ rank: 1, at: 2 });
    expect(lanes.evict(ranked(0, 6))).toMatchObject({ rank: 0, at: 0 });
    expect(lanes.size).toBe(0);
  });
});

describe('an actor with lanes', () => {
  function sorting(mailbox: MailboxOptions) {
    const { system, advance } = createTestSystem();
    const seen: string[] = [];
    const logic = fromTransition((_: undefined, { type }: EventObject) => void seen.push(type), undefined);
    const ref = system.spawn(logic, { mailbox });
    advance();
    return { ref, seen, advance, system };
  }
  const urgentFirst = {
    lanes: 2,
    laneOf: ({ type }: EventObject) => {
      if (type === 'throw') throw new Error('no lane');
      return type === 'odd' ? 7 : Number(!type.startsWith('urgent'));
    },
  };

  test('handles urgent messages first; a lane that is none is the least urgent, also by a throw', () => {
    const { ref, seen, advance } = sorting({ priority: urgentFirst });
    for (const type of ['a', 'throw', 'odd', 'urgent.1', 'b', 'urgent.2']) ref.send({ type });
    advance();
    expect(seen).toEqual(['urgent.1', 'urgent.2', 'a', 'throw', 'odd', 'b']);
  });

  test('of 17 urgent messages and one that is not, the last one handled is urgent', () => {
    const { ref, seen, advance } = sorting({ priority: urgentFirst });
    ref.send({ type: 'patient' });
    for (let i = 0; i < 17; i++) ref.send({ type: 'urgent' });
    advance();
    expect(seen.indexOf('patient')).toBe(16);
  });

  test('drop-old makes room for what is urgent at the cost of what is not', () => {
    const { ref, seen, advance, system } = sorting({ limit: 2, overflow: 'drop-old', priority: urgentFirst });
    for (const type of ['a', 'urgent.1', 'urgent.2', 'b', 'urgent.3']) ref.send({ type });
    advance();
    expect(seen).toEqual(['urgent.2', 'urgent.3']);
    expect(system.deadLetters.counts()).toMatchObject({ 'overflow-new': 1, 'overflow-old': 2 });
  });
});

describe('an actor with lanes by urgency', () => {
  function office(mailbox: MailboxOptions) {
    const test = createTestSystem();
    const seen: string[] = [];
    const clerk = fromTransition((_: undefined, event: EventObject & { subject?: string }) => {
      seen.push(event.subject ?? event.type);
      if (event.subject === 'more' && seen.length < 50) tell('more', 'critical');
      return undefined;
    }, undefined);
    const ref: Ref = test.system.spawn(clerk, { mailbox });
    const letters = new Correspondent(test.system, test.probe().ref);
    const tell = (subject: string, urgency?: Urgency) =>
      letters.notify(ref, subject, {}, urgency === undefined ? {} : { urgency });
    return { ...test, ref, seen, tell };
  }

  test('handles what is critical first and what is low last; what says nothing is medium', () => {
    const { ref, seen, tell, advance } = office({ priority: 'urgency' });
    tell('low', 'low');
    ref.send({ type: 'plain' });
    tell('medium', 'medium');
    tell('high', 'high');
    tell('critical', 'critical');
    ref.send({ type: 'odd', urgency: 'yesterday' } as EventObject);
    ref.send({ type: 'bare', urgency: 'critical' } as EventObject);
    advance();
    expect(seen).toEqual(['critical', 'bare', 'high', 'plain', 'medium', 'odd', 'low']);
  });

  test('comes to what is low, however much that is critical goes on arriving', () => {
    const { seen, tell, advance } = office({ priority: { starvationBound: 5 } });
    tell('low', 'low');
    tell('more', 'critical');
    advance();
    expect(seen.indexOf('low')).toBe(5);
  });

  test('keeps the order of arrival without that option', () => {
    const { seen, tell, advance } = office({});
    tell('low', 'low');
    tell('critical', 'critical');
    advance();
    expect(seen).toEqual(['low', 'critical']);
  });

  test('is not made with half of what lanes of its own need', () => {
    for (const priority of [{ lanes: 3 }, { laneOf }])
      expect(() => office({ priority })).toThrow(expect.objectContaining({ code: 'TUTTI_OPTION_INVALID' }));
  });
});
