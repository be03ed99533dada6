import { CHANNEL, type NodeId, type WireValue } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { replying } from '../actor/reply.ts';
import { type BootOptions, ClusterHarness, type Declare } from '../testing/cluster-harness.ts';

type CountEvent = { type: 'count'; key: string; from: string; number: number };

const NAMES = ['n1', 'n2', 'n3'];
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Three nodes that count to each other's entities. */
class Counters {
  readonly heard: string[] = [];
  readonly harness: ClusterHarness;
  #number = 0;

  constructor(seed = 1) {
    const counter = replying<null, CountEvent>((state, { key, from, number }) => {
      this.heard.push(`${key} ${from} ${number}`);
      return state;
    }, null);
    const declare: Declare = (cluster) => void cluster.entity('counter', counter, { durable: false });
    this.harness = new ClusterHarness(NAMES, declare, { shards: 8 }, seed);
  }

  async start(options: Readonly<Record<string, BootOptions>> = {}): Promise<void> {
    for (const name of [...Object.keys(options), ...NAMES.filter((each) => !options[each])])
      this.harness.boot(name, {}, options[name]);
    await this.harness.untilBalanced();
  }

  send(): void {
    const number = ++this.#number;
    for (const from of NAMES)
      for (const key of KEYS)
        this.harness
          .node(from)
          .cluster.ref<CountEvent>('counter', key)
          .send({ type: 'count', key, from, number });
  }

  /** From now on everything that a node's actors send takes this much longer, in its order. */
  delay(name: string, delayMs: number, isDelayed: (message: WireValue) => boolean = () => true): void {
    const { transport } = this.harness.node(name);
    const send = transport.send.bind(transport);
    transport.send = (to, channel, message, lane) => {
      if (channel !== CHANNEL.actors || !isDelayed(message)) return send(to, channel, message, lane);
      this.harness.clock.setTimer(delayMs, () => void send(to, channel, message, lane));
      return 'queued';
    };
  }

  /** What came in another order than it was sent, or not at all. */
  get disorder(): readonly string[] {
    return NAMES.flatMap((from) =>
      KEYS.flatMap((key) => {
        const heard = this.heard.filter((each) => each.startsWith(`${key} ${from} `));
        const all = Array.from({ length: this.#number }, (_, at) => `${key} ${from} ${at + 1}`);
        return heard.join() === all.join() ? [] : [`${key} of ${from}: ${heard.join()}`];
      }),
    );
  }
}

describe('what is under way to the owner of a shard when that is to move', () => {
  it('is waited for, so that nothing overtakes it, also on links that are slow', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const counters = new Counters(seed);
      const { harness } = counters;
      await counters.start();
      for (const name of ['n2', 'n3']) counters.delay(name, 60);
      const drained = harness.node('n1').cluster.drain();
      for (let ms = 0; ms < 250; ms += 2) {
        counters.send();
        await harness.pass(2);
      }
      await harness.settle(drained);
      await harness.pass(500);
      expect(counters.disorder, `seed ${seed}`).toEqual([]);
    }
  });

  it('is not waited for once all have said that they send no more', async () => {
    const counters = new Counters();
    const { harness } = counters;
    await counters.start();
    const startedAt = harness.clock.now();
    await harness.settle(harness.node('n1').cluster.drain());
    // A proposal, its way to all nodes, their word, another proposal; 50 ms more to pass things on.
    expect(harness.clock.now() - startedAt).toBeLessThan(110);
  });

  it.each(['says nothing', 'loses its link'] as const)(
    'is waited for no longer than 250 ms, nor where a link breaks: a node %s',
    async (trouble) => {
      const counters = new Counters();
      const { harness } = counters;
      await counters.start();
      const [leaving, silent] = harness.voters.filter((name) => name !== harness.leader) as [NodeId, NodeId];
      counters.delay(silent, 1_000_000, (message) => (message as { t?: unknown }).t === 'settled');
      void harness.node(leaving).cluster.drain();
      const moving = () => harness.node(harness.leader!).cluster.status().moving;
      await harness.pass(220);
      expect(moving()).toBeGreaterThan(0);
      if (trouble === 'loses its link') harness.network.cut(leaving, silent);
      await harness.pass(20);
      if (trouble === 'says nothing') {
        expect(moving()).toBeGreaterThan(0);
        await harness.pass(60);
      }
      expect(moving()).toBe(0);
    },
  );

  it('is given `settleMs` by nodes of the version before, which say nothing', async () => {
    const counters = new Counters();
    const { harness } = counters;
    await counters.start({ n2: { previous: true } });
    const drained = harness.node('n1').cluster.drain();
    for (let ms = 0; ms < 100; ms++) {
      counters.send();
      await harness.pass(1);
    }
    await harness.settle(drained);
    await harness.pass(100);
    expect(counters.disorder).toEqual([]);
  });
});
