import { isTuttiError, TuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { replying } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { ENTITY_STATES } from './entity-states.ts';

type Event = { readonly type: 'add'; readonly n: number } | { readonly type: 'read' };

const ledger = (initial: readonly unknown[]) =>
  replying<readonly unknown[], Event>((seen, event, answer) => {
    answer(seen);
    return event.type === 'add' ? [...seen, event.n] : seen;
  }, initial);

/** One node, on which commits can be held up, and refused. */
async function world(initial: readonly unknown[] = []) {
  const harness = new ClusterHarness(['n1'], (cluster) => void cluster.entity('ledger', ledger(initial)));
  await harness.start();
  const { cluster, consensus, system } = harness.node('n1');
  const propose = consensus.propose.bind(consensus);
  const held: ((error: Error) => void)[] = [];
  let holds = false;
  let proposals = 0;
  consensus.propose = (module, ...rest) => {
    if (module !== ENTITY_STATES) return propose(module, ...rest);
    proposals++;
    return holds ? new Promise((_, reject) => held.push(reject)) : propose(module, ...rest);
  };
  return {
    harness,
    ref: cluster.ref<Event>('ledger', 'a'),
    deadLetters: () => system.deadLetters.counts(),
    proposals: () => proposals,
    hold: () => void (holds = true),
    /** Refuses what is held up, and lets everything else through. */
    refuse: (error: Error) => {
      holds = false;
      for (const reject of held.splice(0)) reject(error);
    },
  };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.catch((error: unknown) => isTuttiError(error) && error.code);

describe('a turn that cannot be committed', () => {
  it.each([
    new TuttiError('TUTTI_NO_LEADER', { known: 'none' }),
    new TuttiError('TUTTI_EPOCH_STALE', { shard: 1, epoch: 1, node: 'n1' }),
    new TuttiError('TUTTI_VALUE_NOT_PLAIN', { problem: 'value: a Map' }),
  ])('fails its own messages, and not those that wait behind it ($code)', async (error) => {
    const { harness, ref, hold, refuse, deadLetters } = await world();
    await harness.settle(ref.ask({ type: 'read' }));
    hold();
    const begun = codeOf(ref.ask({ type: 'add', n: 1 }));
    await harness.pass(20);
    ref.send({ type: 'add', n: 2 });
    ref.send({ type: 'add', n: 3 });
    const behind = ref.ask({ type: 'read' });
    await harness.pass(20);
    refuse(error);
    expect(await harness.settle(begun)).toBe(error.code);
    expect(await harness.settle(behind)).toEqual([2, 3]);
    expect(deadLetters().stopped).toBe(0);
  });

  it('is not tried over and over where it is the first, of a state that can never be stored', async () => {
    const { harness, ref, deadLetters, proposals } = await world([new Map()]);
    ref.send({ type: 'add', n: 1 });
    expect(await harness.settle(codeOf(ref.ask({ type: 'read' })))).toBe('TUTTI_ACTOR_FAILED');
    await harness.pass(20_000);
    expect([deadLetters().stopped, proposals()]).toEqual([2, 1]);
  });

  it('is tried again with a rest in between where it is the first and may succeed later', async () => {
    const { harness, ref, hold, refuse, proposals } = await world();
    hold();
    const asked = ref.ask({ type: 'read' });
    await harness.pass(20);
    refuse(new TuttiError('TUTTI_NO_LEADER', { known: 'none' }));
    await harness.pass(500);
    expect(proposals()).toBe(1);
    expect(await harness.settle(asked)).toEqual([]);
  });
});
