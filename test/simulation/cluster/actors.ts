import { isTuttiError } from '@tutti/kernel';
import { replying } from '@tutti/runtime';
import { reply } from 'tutti';
import type { TestNodeSetup } from 'tutti/testing';
import { assign, setup } from 'xstate';
import { digestOf } from '../../../packages/tutti/src/testing/digest.ts';
import type { ClusterSimOptions } from './draw-options.ts';
import type { Oracle } from './oracle.ts';

export type AccountEvent =
  | { type: 'add'; deed: number }
  | { type: 'show' }
  /** From now on it puts every `add` off, until it is let go. */
  | { type: 'hold' }
  | { type: 'letGo' };
export type PingEvent = { type: 'ping' };
export type RegisterEvent = { type: 'write'; deed: number };
export type MortalEvent = { type: 'die' } | { type: 'greet' };

/** The names of the modules whose outcomes every node must agree on. */
const MODULES = ['membership', 'shards', 'entities', 'register'];
const TICK_MS = 30;

/**
 * A durable entity that remembers every deed, and says after each commit that it is there. It keeps them as one text:
 * a list would be walked through, item by item, for every commit.
 */
function makeAccount(oracle: Oracle) {
  return setup({
    types: {
      context: {} as { key: string; count: number; deeds: string },
      events: {} as AccountEvent,
      input: {} as { key: string },
    },
  }).createMachine({
    context: ({ input }) => ({ key: input.key, count: 0, deeds: '' }),
    initial: 'free',
    states: {
      free: { on: { hold: 'held' } },
      held: { meta: { defer: ['add'] }, on: { letGo: 'free' } },
    },
    on: {
      add: {
        actions: [
          assign(({ context: { count, deeds }, event }) => ({
            count: count + 1,
            deeds: `${deeds} ${event.deed}`,
          })),
          ({ context }) => oracle.release(context.key, context.count),
          reply(({ context }) => context.count),
        ],
      },
      show: { actions: reply(({ context }) => context.deeds.split(' ').slice(1).map(Number)) },
    },
  });
}

/** An entity that keeps nothing and acts by itself all the time: whoever runs it too long is seen. */
function makeTicker(oracle: Oracle) {
  return setup({
    types: {
      context: {} as { key: string; activation: number },
      events: {} as PingEvent,
      input: {} as { key: string },
    },
    actions: { act: ({ context }) => oracle.act(context.key, context.activation) },
  }).createMachine({
    context: ({ input }) => ({ key: input.key, activation: oracle.newActivation() }),
    initial: 'ticking',
    states: {
      ticking: {
        entry: 'act',
        after: { [TICK_MS]: { target: 'ticking', reenter: true } },
        on: { ping: { actions: ['act', reply(({ context }) => context.activation)] } },
      },
    },
  });
}

/** An actor of one node that lives until it is told to die. Whatever it does shows that it did live. */
export const makeMortal = (acts: () => void) =>
  setup({ types: { events: {} as MortalEvent } }).createMachine({
    initial: 'alive',
    states: {
      alive: { on: { die: { target: 'dead', actions: acts }, greet: { actions: [acts, reply('alive')] } } },
      dead: { type: 'final' },
    },
  });

/** Folds every deed into one number, so that two copies which differed once differ for ever. */
const register = replying<{ sum: number; count: number }, RegisterEvent>(
  ({ sum, count }, event, answer) => {
    const next = { sum: Math.imul(sum ^ event.deed, 0x01000193), count: count + 1 };
    answer(next.sum);
    return next;
  },
  { sum: 1, count: 0 },
);

/** Declares everything that the simulation's nodes have, with the oracle looking on. */
export function declareWith(oracle: Oracle, options: ClusterSimOptions): (node: TestNodeSetup) => void {
  const account = makeAccount(oracle);
  const ticker = makeTicker(oracle);
  const { passivateAfterMs, activeMax } = options;
  const passivation = {
    ...(passivateAfterMs > 0 ? { passivateAfterMs } : {}),
    ...(activeMax > 0 ? { activeMax } : {}),
  };
  return (node) => {
    node.entity('account', account, { ...passivation, input: (key) => ({ key: `account ${key}` }) });
    node.entity('ticker', ticker, {
      ...passivation,
      durable: false,
      input: (key) => ({ key: `ticker ${key}` }),
    });
    node.entity('master', ticker, { durable: false, singleton: true, input: () => ({ key: 'master' }) });
    node.replicated('register', register);
    for (const module of MODULES)
      node.parts.consensus.watch(module, {
        applied: (_, outcome, { index }) =>
          oracle.outcome(module, index, node.id, digestOf(isTuttiError(outcome) ? outcome.code : outcome)),
      });
  };
}
