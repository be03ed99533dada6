import { getShortestPaths } from '@xstate/graph';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { reply, replying } from '../actor/reply.ts';
import { ActivationOracle } from '../testing/activation-oracle.ts';
import { ClusterHarness, type Declare } from '../testing/cluster-harness.ts';

type Event = { type: 'add' } | { type: 'read' } | { type: 'ping' };

/** Adds one up, and answers with the sum that is committed with it. */
const counter = replying<number, Event>((total, event, answer) => {
  const next = event.type === 'add' ? total + 1 : total;
  answer(next);
  return next;
}, 0);

function declareWith(oracle: ActivationOracle): Declare {
  const acting = setup({
    types: {
      context: {} as { key: string; activation: number },
      events: {} as Event,
      input: {} as { key: string },
    },
  }).createMachine({
    context: ({ input }) => ({ key: input.key, activation: oracle.newActivation() }),
    entry: ({ context }) => oracle.act(context.key, context.activation),
    on: { ping: { actions: [({ context }) => oracle.act(context.key, context.activation), reply('pong')] } },
  });
  return (cluster) => {
    cluster.entity('counter', counter);
    cluster.entity('acting', acting, { durable: false });
    cluster.entity('master', acting, { durable: false, singleton: true, input: () => ({ key: 'master' }) });
  };
}

/** A cluster to which things happen, with what was promised about it noted outside. */
class Scene {
  readonly oracle = new ActivationOracle();
  readonly harness: ClusterHarness;
  readonly names: readonly string[];
  readonly acked = new Map<string, number>();
  readonly sent = new Map<string, number>();

  constructor(names: readonly string[], seed: number) {
    this.names = names;
    this.harness = new ClusterHarness(names, declareWith(this.oracle), {}, seed);
  }

  /** The node that has the singleton, as far as one has. */
  get host(): string {
    const has = ({ cluster }: { cluster: { status(): { entities: Readonly<Record<string, number>> } } }) =>
      (cluster.status().entities['master'] ?? 0) > 0;
    return this.harness.living().find(has)?.nodeId ?? this.names[0]!;
  }

  runs(name: string): boolean {
    const node = this.harness.node(name);
    return node.host.isRunning && !node.evicted;
  }

  add(from: string, key: string): void {
    if (!this.runs(from)) return;
    this.sent.set(key, (this.sent.get(key) ?? 0) + 1);
    const { cluster } = this.harness.node(from);
    cluster
      .ref<Event>('counter', key)
      .ask({ type: 'add' }, { timeoutMs: 3_000 })
      .then(
        () => this.acked.set(key, (this.acked.get(key) ?? 0) + 1),
        () => {},
      );
    cluster.ref<Event>('acting', key).send({ type: 'ping' });
    cluster.ref<Event>('master', 'singleton').send({ type: 'ping' });
  }

  crash(name: string): void {
    if (!this.harness.node(name).host.isCrashed) this.harness.crash(name);
  }

  /** The next life of whatever does not run. */
  repair(name: string): void {
    const node = this.harness.node(name);
    if (!node.host.isCrashed && !node.evicted && !this.#left.has(name)) return;
    this.#left.delete(name);
    this.crash(name);
    this.harness.boot(name);
  }

  readonly #left = new Set<string>();

  leave(name: string): void {
    if (!this.runs(name) || this.#left.has(name)) return;
    this.#left.add(name);
    void this.harness.node(name).cluster.stop();
  }

  /** Everything is mended, and all that was promised is looked at. */
  async settle(): Promise<void> {
    const { harness, names } = this;
    harness.network.healAll();
    for (const name of names) harness.resume(name);
    await harness.pass(6_500);
    for (let round = 0; !harness.isBalanced() || harness.living().length < names.length; round++) {
      if (round > 300) throw new Error('the cluster does not come together again');
      for (const name of names) this.repair(name);
      await harness.pass(100);
    }
    await harness.pass(1_500);
    for (const key of this.sent.keys()) {
      const asked = harness
        .node(names[0]!)
        .cluster.ref<Event>('counter', key)
        .ask<number>({ type: 'read' }, { timeoutMs: 20_000 });
      const total = await harness.settle(asked);
      expect(total, `acknowledged for ${key}`).toBeGreaterThanOrEqual(this.acked.get(key) ?? 0);
      expect(total, `sent to ${key}`).toBeLessThanOrEqual(this.sent.get(key)!);
    }
    expect(this.oracle.violations).toEqual([]);
    const masters = harness.living().map(({ cluster }) => cluster.status().entities['master'] ?? 0);
    expect(masters.reduce((sum, count) => sum + count)).toBe(1);
  }
}

/** What may happen to the node that has the singleton, as a machine: where the singleton is after each. */
const singletonMachine = setup({
  types: { context: {} as { nodes: number }, events: {} as { type: Fault } },
}).createMachine({
  context: { nodes: 4 },
  initial: 'hosted',
  states: {
    hosted: {
      on: {
        'its host crashes': {
          target: 'orphaned',
          actions: assign({ nodes: ({ context }) => context.nodes - 1 }),
        },
        'its host is cut off': 'orphaned',
        'its host stalls': 'orphaned',
        'its host stalls briefly': 'hosted',
        'its host leaves': {
          target: 'handed over',
          actions: assign({ nodes: ({ context }) => context.nodes - 1 }),
        },
      },
    },
    orphaned: { on: { 'a quorum notices': 'hosted' } },
    'handed over': { on: { 'a quorum notices': 'hosted' } },
  },
});
type Fault =
  | 'its host crashes'
  | 'its host is cut off'
  | 'its host stalls'
  | 'its host stalls briefly'
  | 'its host leaves'
  | 'a quorum notices';

describe('a singleton', () => {
  const FAULTS: readonly Fault[] = [
    'its host crashes',
    'its host is cut off',
    'its host stalls',
    'its host stalls briefly',
    'its host leaves',
    'a quorum notices',
  ];
  const paths = getShortestPaths(singletonMachine, {
    events: FAULTS.map((type) => ({ type })),
    stopWhen: ({ context }) => context.nodes < 3,
  });

  async function happen(scene: Scene, fault: Fault): Promise<void> {
    const { harness, host } = scene;
    switch (fault) {
      case 'its host crashes':
        scene.crash(host);
        break;
      case 'its host is cut off':
        harness.partition([host], harness.random.chance(0.5) ? 'reset' : 'silent');
        break;
      case 'its host stalls':
        harness.pause(host);
        harness.clock.setTimer(3_000, () => harness.resume(host));
        break;
      case 'its host stalls briefly':
        harness.pause(host);
        await harness.pass(250);
        harness.resume(host);
        break;
      case 'its host leaves':
        scene.leave(host);
        break;
      case 'a quorum notices':
        await harness.pass(3_500);
        harness.network.healAll();
    }
  }

  async function run(faults: readonly Fault[], seed: number): Promise<void> {
    const scene = new Scene(['n1', 'n2', 'n3', 'n4', 'n5'], seed);
    await scene.harness.start();
    for (const fault of faults) {
      for (const name of scene.names) scene.add(name, 'k');
      await happen(scene, fault);
      await scene.harness.pass(40);
    }
    await scene.settle();
  }

  it('is one at most on every path of the model, and one again at its end', async () => {
    expect(paths.length).toBeGreaterThan(4);
    for (const [seed, path] of paths.entries()) {
      const faults = path.steps.map(({ event }) => event.type).filter((type) => FAULTS.includes(type));
      await run(faults, seed + 1);
    }
  });

  it('is one at most when a second fault comes before the first is mended, in every order of two', async () => {
    const pairs = FAULTS.flatMap((one) => FAULTS.map((two) => [one, two] as const));
    for (const [seed, pair] of pairs.entries()) await run(pair, 100 + seed);
  });
});

describe('entities, whatever is done to the nodes that have them', () => {
  type Model = { readonly keys: readonly string[] };
  type Act = (scene: Scene) => void | Promise<void>;

  class Command implements fc.AsyncCommand<Model, Scene> {
    readonly name: string;
    readonly act: Act;

    constructor(name: string, act: Act) {
      this.name = name;
      this.act = act;
    }

    check = () => true;

    async run(_: Model, scene: Scene): Promise<void> {
      await this.act(scene);
      expect(scene.oracle.violations).toEqual([]);
    }

    toString = () => this.name;
  }

  const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'];
  const node = fc.constantFrom(...NAMES);
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const commands = [
    fc
      .tuple(node, key)
      .map(([name, to]) => new Command(`${name} adds to ${to}`, (scene) => scene.add(name, to))),
    fc.tuple(node, key).map(
      ([name, to]) =>
        new Command(`${name} adds ten to ${to}`, (scene) => {
          for (let i = 0; i < 10; i++) scene.add(name, to);
        }),
    ),
    node.map((name) => new Command(`${name} crashes`, (scene) => scene.crash(name))),
    node.map((name) => new Command(`${name} comes back`, (scene) => scene.repair(name))),
    node.map((name) => new Command(`${name} leaves`, (scene) => scene.leave(name))),
    fc.tuple(node, fc.integer({ min: 100, max: 2_500 })).map(
      ([name, ms]) =>
        new Command(`${name} stalls for ${ms}`, ({ harness }) => {
          harness.pause(name);
          harness.clock.setTimer(ms, () => harness.resume(name));
        }),
    ),
    fc
      .tuple(
        fc.subarray(NAMES, { minLength: 1, maxLength: 2 }),
        fc.constantFrom('reset' as const, 'silent' as const),
      )
      .map(
        ([names, how]) =>
          new Command(`${names.join()} cut off by ${how}`, ({ harness }) => harness.partition(names, how)),
      ),
    fc.constant(new Command('healed', ({ harness }) => harness.network.healAll())),
    fc
      .integer({ min: 1, max: 1_500 })
      .map((ms) => new Command(`${ms} ms`, async ({ harness }) => await harness.pass(ms))),
  ];

  it('are never active twice, and lose nothing that was acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.commands(commands, { maxCommands: 40 }),
        fc.integer({ min: 1, max: 1_000 }),
        async (list, seed) => {
          const scene = new Scene(NAMES, seed);
          await scene.harness.start();
          await fc.asyncModelRun(() => ({ model: { keys: [] }, real: scene }), list);
          await scene.settle();
        },
      ),
      { numRuns: 25, seed: 7 },
    );
  });
});
