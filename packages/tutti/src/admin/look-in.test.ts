import { createTestSystem } from '@tutti/runtime/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type EventObject, fromTransition } from 'xstate';
import type { TuttiNode } from '../node/create-node.ts';
import { LookIn } from './look-in.ts';

const idle = fromTransition((count: number, event: EventObject) => {
  if (event.type === 'fail') throw new Error('failed');
  return count + 1;
}, 0);

let look: LookIn | undefined;
afterEach(() => look?.close());

/** A node of nothing but actors. To describe all of them at once fails. */
function looking() {
  const world = createTestSystem();
  vi.spyOn(world.system, 'tree').mockImplementation(() => {
    throw new Error('a node of a million actors would stand still');
  });
  const node = { id: 'n1', incarnation: 1, parts: { system: world.system } } as object as TuttiNode;
  look = new LookIn(node);
  const settled = async <Value>(promise: Promise<Value>): Promise<Value> => {
    world.advance();
    return await promise;
  };
  return { ...world, look, settled };
}

describe('a look into a node of many actors', () => {
  it('shows the 50 with most to do, and sums up all of them', async () => {
    const { system, look, advance, settled } = looking();
    const refs = Array.from({ length: 6_000 }, (_, at) => system.spawn(idle, { id: `a${at}` }));
    advance();
    refs[4_321]!.send({ type: 'fail' });
    advance();
    await settled(look.top());
    for (let at = 0; at < 60; at++) for (let i = 0; i <= at; i++) refs[5_000 + at]!.send({ type: 'go' });
    const waits = look.top();
    const top = await settled(waits);
    expect(top).toMatchObject({ actorCount: 6_000, restarts: 1 });
    expect(top.actors).toHaveLength(50);
    advance();
    const { actors } = await settled(look.top());
    expect(actors.slice(0, 3).map(({ path }) => path)).toEqual(['a5059', 'a5058', 'a5057']);
    expect(actors.at(-1)!.path).toBe('a5010');
  });

  it('looks once for all who ask at the same time', async () => {
    const { system, look, settled } = looking();
    const survey = vi.spyOn(system, 'survey');
    const [one, two] = await settled(Promise.all([look.top(), look.top()]));
    expect(one).toBe(two);
    expect(survey).toHaveBeenCalledTimes(1);
    await settled(look.top());
    expect(survey).toHaveBeenCalledTimes(2);
  });

  it('shows the upper 10,000 of the tree, and says how many there are below', async () => {
    const { system, look, advance, settled } = looking();
    const top = system.spawn(idle, { id: 'top' });
    for (let at = 0; at < 11_000; at++) system.spawn(idle, { parent: top });
    const last = system.spawn(idle, { id: 'last' });
    system.spawn(idle, { parent: last, id: 'below' });
    advance();
    const { tree, notShown } = await settled(look.tree());
    expect(tree.map(({ path, children }) => [path, children.length])).toEqual([
      ['top', 9_998],
      ['last', 0],
    ]);
    expect(notShown).toBe(1_003);
  });
});

describe('the trace of an actor', () => {
  it('looks for it among all actors only when it is asked which they are', async () => {
    const { system, look, settled, advance } = looking();
    const ref = system.spawn(idle, { id: 'cart' });
    const survey = vi.spyOn(system, 'survey');
    const first = await settled(look.trace('cart', 0, true));
    expect(first.actors.map(({ path }) => path)).toEqual(['cart']);
    for (let i = 0; i < 1_200; i++) ref.send({ type: 'go' });
    advance();
    const then = await settled(look.trace('cart', 0));
    expect(survey).toHaveBeenCalledTimes(1);
    expect(then).toMatchObject({ run: first.run, count: 1_200 });
    expect(then.entries.map(({ number }) => number)).toEqual(
      Array.from({ length: 1_000 }, (_, at) => 201 + at),
    );
  });

  it('has the first messages of an entity that wakes, and they are found when it sleeps', async () => {
    const { system, look, settled, advance } = looking();
    await settled(look.trace('cart/alice', 0, true));
    look.record(10);
    const keeper = { entity: 'entity:cart/alice', restore: () => undefined, commit: () => undefined };
    const ref = system.spawn(idle, { id: 'e1', keeper });
    ref.send({ type: 'first' });
    advance();
    const { entries } = await settled(look.trace('cart/alice', 0));
    expect(entries.map(({ type }) => type)).toEqual(['first']);
    void ref.stop();
    advance();
    expect(look.messages({ actor: 'cart/alice' }).entries.map(({ type }) => type)).toEqual(['first']);
  });
});
