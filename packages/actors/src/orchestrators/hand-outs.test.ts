import { seededRandom, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { partsOf } from '../coordination/board/commands.ts';
import { HandBoard, memberOf } from '../testing/board-with.ts';
import { planOf } from '../testing/plan-of.ts';
import { SimWorld } from '../testing/sim-world.ts';
import { HandOuts } from './hand-outs.ts';

/** Hand-outs over a log that answers when it is told to. */
function bench() {
  const clock = new VirtualClock();
  const { board: module } = new HandBoard();
  const entries: { levels: number[]; answer: () => void; fail: () => void }[] = [];
  const propose = (command: unknown) =>
    new Promise((answer, fail) => {
      const levels = partsOf(command).map((part) => (part.type === 'tasks.take' ? part.upTo : -1));
      entries.push({ levels, answer: () => answer({ taken: 0 }), fail: () => fail(new Error('lost')) });
    });
  const board = { module, propose: propose as never };
  const members = { list: () => [memberOf('n1')] };
  return { clock, entries, handOuts: new HandOuts({ board, members, clock, random: seededRandom(1) }) };
}

test('a turn is one hand-out, whoever brought what', () => {
  const { clock, entries, handOuts } = bench();
  for (let i = 0; i < 3; i++) handOuts.soon(planOf([{ id: 'a' }]));
  expect(entries).toEqual([]);
  clock.advance(1);
  expect(entries.map(({ levels }) => levels)).toEqual([[3]]);
});

test('nothing is asked for while the last is not answered, and it is again when it was or failed', async () => {
  const { entries, handOuts } = bench();
  const plan = planOf([{ id: 'a' }]);
  handOuts.now([plan]);
  handOuts.now([plan]);
  expect(entries).toHaveLength(1);
  entries[0]!.fail();
  await Promise.resolve();
  handOuts.now([plan]);
  handOuts.soon(plan);
  expect(entries).toHaveLength(2);
  entries[1]!.answer();
  await Promise.resolve();
  handOuts.now([plan]);
  expect(entries.map(({ levels }) => levels)).toEqual([[1], [1], [1]]);
});

test('what cannot be read asks for nothing, and throws nothing into the turn', () => {
  const { entries, handOuts } = bench();
  const evil = Object.defineProperty({}, 'needs', {
    get: () => {
      throw new Error('no');
    },
  });
  handOuts.now([{ ...planOf([]), tasks: [evil as never] }]);
  expect(entries).toEqual([]);
});

test('plans that are submitted together fill all free slots of the cluster with one entry', async () => {
  const world = new SimWorld({ nodes: ['n1', 'n2', 'n3'] });
  const takes: number[] = [];
  const seen = new Set<string>();
  world.on().board.watch({
    applied(command) {
      const parts = partsOf(command);
      for (const { type } of parts) seen.add(type);
      takes.push(parts.filter(({ type }) => type === 'tasks.take').length);
    },
  });
  const plan = planOf([{ id: 'a' }]);
  await world.settle(Promise.all(Array.from({ length: 15 }, () => world.on().submit(plan))));
  await world.pass(500);
  expect([...world.board.sessions()].map(({ tasks }) => tasks.get('a')!.state)).toEqual(
    Array.from({ length: 15 }, () => 'running'),
  );
  expect(takes.filter((count) => count > 0)).toEqual([3]);
  expect(seen).toEqual(new Set(['session.open', 'tasks.take']));
});
