import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('turns are the queue that a list would be, for every orchestrator', () => {
  const step = fc.record({
    act: fc.constantFrom('join', 'leave', 'served'),
    orchestrator: fc.constantFrom('a', 'b'),
    session: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const turns = new Turns<number>();
      const lists = new Map<string, number[]>([
        ['a', []],
        ['b', []],
      ]);
      for (const { act, orchestrator, session } of steps) {
        const list = lists.get(orchestrator)!;
        const others = list.filter((item) => item !== session);
        const isIn = others.length < list.length;
        turns[act](orchestrator, session);
        if (act === 'leave') lists.set(orchestrator, others);
        else if (isIn ? act === 'served' : act === 'join') lists.set(orchestrator, [...others, session]);
        for (const [id, expected] of lists) {
          expect([...turns.of(id)]).toEqual(expected);
          expect(turns.first(id)).toBe(expected[0]);
        }
        expect(new Set(turns.orchestrators())).toEqual(
          new Set([...lists].flatMap(([id, sessions]) => (sessions.length > 0 ? id : []))),
        );
      }
    }),
  );
});
