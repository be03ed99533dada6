import type { NodeId } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { reply } from '../actor/reply.ts';
import { ActivationOracle } from '../testing/activation-oracle.ts';
import { type Agreement, ClusterHarness, type Declare } from '../testing/cluster-harness.ts';

type Event = { type: 'add'; by: number } | { type: 'read' } | { type: 'ping' };

function declareWith(oracle: ActivationOracle): Declare {
  const account = setup({
    types: { context: {} as { total: number }, events: {} as Event, input: {} as { key: string } },
  }).createMachine({
    context: { total: 0 },
    on: {
      add: { actions: [assign({ total: ({ context, event }) => context.total + event.by }), reply('done')] },
      read: { actions: reply(({ context }) => context.total) },
    },
  });
  const volatile = setup({
    types: {
      context: {} as { key: string; activation: number },
      events: {} as Event,
      input: {} as { key: string },
    },
  }).createMachine({
    context: ({ input }) => ({ key: input.key, activation: oracle.newActivation() }),
    entry: ({ context }) => oracle.act(context.key, context.activation),
    on: {
      ping: { actions: [({ context }) => oracle.act(context.key, context.activation), reply('pong')] },
    },
  });
  return (cluster) => {
    cluster.entity('account', account);
    cluster.entity('volatile', volatile, { durable: false, input: (key) => ({ key: `volatile/${key}` }) });
    cluster.entity('master', volatile, { durable: false, singleton: true, input: () => ({ key: 'master' }) });
  };
}

const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'];
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];

class Chaos {
  readonly oracle = new ActivationOracle();
  readonly harness: ClusterHarness;
  readonly sent = new Map<string, number>();
  readonly acked = new Map<string, number>();
  readonly #random;

  constructor(seed: number, agreement: Agreement) {
    this.harness = new ClusterHarness(NAMES, declareWith(this.oracle), {}, seed, agreement);
    this.#random = this.harness.random.fork('chaos');
  }

  async run(rounds: number): Promise<void> {
    await this.harness.start();
    for (let round = 0; round < rounds; round++) {
      this.#fault();
      for (let step = 0; step < 6; step++) {
        this.#load();
        await this.harness.pass(this.#random.integer(5, 80));
      }
      await this.harness.pass(this.#random.integer(0, 900));
      this.#repair();
    }
  }

  /** Everything is healed: each key must answer again. */
  async heal(): Promise<void> {
    const { harness } = this;
    harness.network.healAll();
    for (const name of NAMES) harness.resume(name);
    await harness.pass(1_500);
    this.#repair();
    for (let round = 0; !harness.isBalanced(); round++) {
      if (round > 300) throw new Error('the cluster does not come together again');
      this.#repair();
      await harness.pass(100);
    }
  }

  #fault(): void {
    const { harness } = this;
    const victim = this.#random.pick(NAMES);
    const others = this.#random.shuffle(NAMES);
    switch (this.#random.integer(0, 4)) {
      case 0:
        if (harness.node(victim).host.isRunning) harness.crash(victim);
        break;
      case 1:
        harness.pause(victim);
        harness.clock.setTimer(this.#random.integer(50, 2_500), () => harness.resume(victim));
        break;
      case 2:
        harness.partition(others.slice(0, this.#random.integer(1, 2)), 'reset');
        break;
      case 3:
        harness.partition(others.slice(0, this.#random.integer(1, 2)), 'silent');
        break;
      default:
        harness.network.cut(others[0] as NodeId, others[1] as NodeId, 'reset');
    }
  }

  #repair(): void {
    if (this.#random.chance(0.6)) this.harness.network.healAll();
    for (const name of NAMES) {
      const node = this.harness.node(name);
      if (!node.host.isCrashed && !node.evicted) continue;
      if (!node.host.isCrashed) this.harness.crash(name);
      this.harness.boot(name);
    }
  }

  #load(): void {
    for (const node of this.harness.nodes.values()) {
      if (!node.host.isRunning) continue;
      const key = this.#random.pick(KEYS);
      const ref = node.cluster.ref<Event>('account', key);
      this.sent.set(key, (this.sent.get(key) ?? 0) + 1);
      ref.ask({ type: 'add', by: 1 }, { timeoutMs: 3_000 }).then(
        () => this.acked.set(key, (this.acked.get(key) ?? 0) + 1),
        () => {},
      );
      node.cluster.ref('volatile', this.#random.pick(KEYS)).send({ type: 'ping' });
      node.cluster.ref('master', 'singleton').send({ type: 'ping' });
    }
  }
}

describe('one key', () => {
  const runs = [
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((seed) => ({ seed, agreement: 'oracle' as const, rounds: 40 })),
    ...[1, 2].map((seed) => ({ seed, agreement: 'raft' as const, rounds: 40 })),
  ];
  for (const { seed, agreement, rounds } of runs) {
    it(`never has two activations that act, and loses nothing acknowledged, whatever fails (${agreement}, seed ${seed})`, async () => {
      const chaos = new Chaos(seed, agreement);
      await chaos.run(rounds);
      await chaos.heal();
      const { harness, oracle } = chaos;
      for (const key of KEYS) {
        const total = await harness.settle(
          harness.node('n1').cluster.ref('account', key).ask<number>({ type: 'read' }, { timeoutMs: 20_000 }),
        );
        expect(total, `acknowledged adds of ${key}`).toBeGreaterThanOrEqual(chaos.acked.get(key) ?? 0);
        expect(total, `adds of ${key} that were sent`).toBeLessThanOrEqual(chaos.sent.get(key) ?? 0);
      }
      expect(oracle.violations).toEqual([]);
      expect(oracle.acted.get('master')!.size, 'the singleton was taken over').toBeGreaterThan(1);
      const masters = harness.living().map(({ cluster }) => cluster.status().entities['master'] ?? 0);
      expect(masters.reduce((sum, count) => sum + count)).toBe(1);
      expect([...chaos.acked.values()].reduce((sum, count) => sum + count)).toBeGreaterThan(50);
    });
  }
});
