import { describe, expect, it, vi } from 'vitest';
import { fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { ActorInfo, ActorNodeInfo } from './actor-system.ts';

const idle = fromTransition((count: number) => count, 0);

function paths(tree: readonly ActorNodeInfo[]): string[] {
  return tree.flatMap(({ path, children }) => [path, ...paths(children)]);
}

describe('a survey of the actors', () => {
  it('shows what the tree does, parents first and each under its own', async () => {
    const { system, advance } = createTestSystem();
    for (const id of ['a', 'b']) {
      let parent: Ref = system.spawn(idle, { id });
      for (const below of ['x', 'y', 'z']) {
        system.spawn(idle, { id: `${below}2`, parent });
        parent = system.spawn(idle, { id: below, parent });
      }
    }
    advance();
    const seen = new Map<ActorInfo, ActorInfo | undefined>();
    await system.survey((actor, parent) => {
      if (parent) expect(seen.has(parent)).toBe(true);
      expect(parent ? `${parent.path}/` : '').toBe(actor.path.replace(/[^/]*$/, ''));
      seen.set(actor, parent);
    });
    expect([...seen.keys()].map(({ path }) => path).sort()).toEqual(paths(system.tree()).sort());
  });

  it('takes a later turn after every 2,000, so that others have theirs', async () => {
    const { system, clock, advance } = createTestSystem();
    for (let i = 0; i < 5_000; i++) system.spawn(idle);
    advance();
    const turn = vi.spyOn(clock, 'nextTurn');
    const inTurn: number[] = [];
    const done = system.survey(() => {
      const turns = turn.mock.calls.length;
      inTurn[turns] = (inTurn[turns] ?? 0) + 1;
    });
    advance();
    await done;
    expect(inTurn).toEqual([2_000, 2_000, 1_000]);
  });

  it('goes on past actors that end between two turns', async () => {
    const { system, advance } = createTestSystem();
    const refs = Array.from({ length: 4_500 }, () => system.spawn(idle));
    advance();
    let seen = 0;
    const done = system.survey(() => seen++);
    for (const ref of refs.slice(1_000, 4_000)) void ref.stop();
    advance();
    await done;
    expect(seen).toBeGreaterThanOrEqual(2_000);
    expect(seen).toBeLessThanOrEqual(4_500);
  });
});
