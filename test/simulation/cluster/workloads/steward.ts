import { reply } from 'tutti';
import type { TestNodeSetup } from 'tutti/testing';
import { assign, fromCallback, setup } from 'xstate';
import type { Oracle } from '../oracle.ts';
import { insist, throughEach, type Use, type Workload } from './workload.ts';

type StewardEvent =
  | { readonly type: 'begun'; readonly activation: number }
  | { readonly type: 'add'; readonly deed: number }
  | { readonly type: 'show' };

const EVERY_MS = 120;
const TICK_MS = 40;

/** A singleton with a memory: there is one, it acts by itself, and the next one goes on where the last one was. */
export class Steward implements Workload {
  readonly #oracle: Oracle;
  readonly #acknowledged = new Set<number>();
  #deeds = 0;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  declare(node: TestNodeSetup): void {
    const oracle = this.#oracle;
    const arrival = fromCallback(({ sendBack }) => {
      sendBack({ type: 'begun', activation: oracle.newActivation() });
    });
    const steward = setup({
      types: {
        context: {} as { activation: number; count: number; deeds: readonly number[] },
        events: {} as StewardEvent,
      },
      actors: { arrival },
      actions: {
        count: assign({ count: ({ context }) => context.count + 1 }),
        act: ({ context: { activation, count } }) => {
          oracle.act('steward', activation);
          oracle.release('steward', count);
        },
      },
    }).createMachine({
      context: { activation: 0, count: 0, deeds: [] },
      invoke: { src: 'arrival' },
      initial: 'waiting',
      on: {
        begun: { actions: assign({ activation: ({ event }) => event.activation }) },
        add: {
          actions: [
            'count',
            assign({ deeds: ({ context, event }) => [...context.deeds, event.deed] }),
            'act',
            reply('added'),
          ],
        },
        show: { actions: reply(({ context }) => context.deeds) },
      },
      states: {
        waiting: { after: { [TICK_MS]: { target: 'waiting', reenter: true, actions: ['count', 'act'] } } },
      },
    });
    node.entity('steward', steward, { singleton: true });
  }

  work(use: Use): Promise<void> {
    return throughEach(use, EVERY_MS, (node) => {
      const deed = ++this.#deeds;
      node
        .ref('steward', 'singleton')
        .ask({ type: 'add', deed } as StewardEvent)
        .then(
          () => this.#acknowledged.add(deed),
          () => {},
        );
    });
  }

  async check(use: Use, limitMs: number): Promise<void> {
    const { cluster, oracle } = use;
    const held = await insist<number[]>(
      use,
      cluster.nodes[0]!,
      ['steward', 'singleton'],
      { type: 'show' },
      limitMs,
    );
    const broken = (problem: string): void =>
      oracle.breaks('a durable singleton goes on from what was committed', problem);
    oracle.counts.stewarded += held.length;
    const there = new Set(held);
    if (there.size < held.length) broken('it holds a deed twice');
    for (const deed of this.#acknowledged) if (!there.has(deed)) broken(`it has forgotten deed ${deed}`);
    const statuses = cluster.nodes.map((node) => node.status()!);
    const running = statuses.reduce((sum, { entities }) => sum + (entities['steward'] ?? 0), 0);
    if (running !== 1) oracle.breaks('a singleton is active at most once', `${running} stewards at the end`);
  }
}
