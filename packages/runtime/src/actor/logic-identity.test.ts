import { describe, expect, it } from 'vitest';
import { assign, fromPromise, fromTransition, setup } from 'xstate';
import { logicIdentity } from './logic-identity.ts';

interface Shape {
  readonly states?: Record<string, object>;
  readonly context?: object | (() => object);
  readonly on?: object;
  readonly id?: string;
}

function machine({
  states = { open: {}, closed: {} },
  context = { total: 0 },
  on = {},
  id = 'cart',
}: Shape = {}) {
  const initial = Object.keys(states)[0]!;
  return setup({ actors: { clerk: fromPromise(() => Promise.resolve(1)) } }).createMachine({
    id,
    initial,
    states,
    context: context as never,
    on,
  });
}

const hashOf = (shape?: Shape) => logicIdentity(machine(shape)).hash;

describe('the identity of a logic', () => {
  it('is its name, its declared version and a hash of 16 digits', () => {
    expect(logicIdentity(machine(), 3)).toEqual({
      machine: 'cart',
      version: 3,
      hash: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    });
    expect(logicIdentity(machine()).version).toBe(1);
  });

  it.each<[string, Shape]>([
    ['values of the context', { context: { total: 9 } }],
    ['transitions and actions', { on: { add: { actions: assign({}) } } }],
    ['the order in which states are written', { states: { closed: {}, open: {} } }],
  ])('does not change with %s', (_, shape) => {
    const { states, ...rest } = shape;
    const same = states ? { ...rest, states } : rest;
    expect(hashOf(same)).toBe(hashOf());
  });

  it.each<[string, Shape]>([
    ['a state', { states: { open: {}, shut: {} } }],
    ['a state within a state', { states: { open: { initial: 'a', states: { a: {} } }, closed: {} } }],
    ['the type of a state', { states: { open: {}, closed: { type: 'final' } } }],
    ['what a state invokes', { states: { open: { invoke: { src: 'clerk', id: 'clerk' } }, closed: {} } }],
    ['a field of the context', { context: { total: 0, discount: 0 } }],
    ['the type of a field', { context: { total: '0' } }],
    ['a field that is computed', { context: () => ({ total: 0 }) }],
  ])('changes with %s', (_, shape) => {
    expect(hashOf(shape)).not.toBe(hashOf());
  });

  it('tells nothing of a logic whose inside cannot be seen', () => {
    const one = logicIdentity(fromTransition((total: number) => total + 1, 0));
    expect(logicIdentity(fromTransition((total: number) => total - 1, 5))).toEqual(one);
    expect(one.machine).toBe('transition');
  });
});
