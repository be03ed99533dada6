import { CHANNEL, type NodeId, nodeId, type WireValue } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { reply } from '../actor/reply.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import { type BootOptions, ClusterHarness } from '../testing/cluster-harness.ts';
import { shardOf } from './shard-id.ts';

type GateEvent = { type: 'open' } | { type: 'pass'; from: string; number: number };

const NAMES = ['n1', 'n2', 'n3'];
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
const SHARDS = 8;

/** Three nodes with gates that are closed at first: who comes meanwhile is put off, and waits. */
class Gates {
  /** Who has passed which gate, as `key from number`. */
  readonly passed: string[] = [];
  readonly harness: ClusterHarness;
  readonly #counts = new Map<string, number>();

  constructor(seed = 1, config: Partial<ClusterConfig> = {}) {
    const gate = setup({
      types: { context: {} as { key: string }, events: {} as GateEvent, input: {} as { key: string } },
    }).createMachine({
      context: ({ input }) => ({ key: input.key }),
      initial: 'closed',
      states: {
        closed: { meta: { defer: ['pass'] }, on: { open: 'open' } },
        open: {
          on: {
            pass: {
              actions: [
                ({ context, event }) => this.passed.push(`${context.key} ${event.from} ${event.number}`),
                reply(({ event }) => event.number),
              ],
            },
          },
        },
      },
    });
    this.harness = new ClusterHarness(
      NAMES,
      (cluster) => void cluster.entity('gate', gate, { input: (key) => ({ key }) }),
      { shards: SHARDS, ...config },
      seed,
    );
  }

  async start(options: Readonly<Record<string, [Partial<ClusterConfig>, BootOptions]>> = {}): Promise<void> {
    // Those of the version before first: a cluster of new ones alone would not take them.
    const isNew = (name: string) => !options[name]?.[1].previous;
    for (const name of NAMES.toSorted((a, b) => Number(isNew(a)) - Number(isNew(b))))
      this.harness.boot(name, ...(options[name] ?? [{}, {}]));
    await this.harness.untilBalanced();
  }

  ref(from: string, key: string) {
    return this.harness.node(from).cluster.ref<GateEvent>('gate', key);
  }

  /** From each of the nodes to each gate, the next number. */
  send(nodes: readonly string[] = NAMES): void {
    for (const from of nodes)
      for (const key of KEYS) this.ref(from, key).send({ type: 'pass', from, number: this.#next(from, key) });
  }

  ask(from: string): readonly { readonly pass: string; readonly answer: Promise<unknown> }[] {
    return KEYS.map((key) => {
      const number = this.#next(from, key);
      const answer = this.ref(from, key)
        .ask<number>({ type: 'pass', from, number }, { timeoutMs: 10_000 })
        .catch((thrown: unknown) => thrown);
      return { pass: `${key} ${from} ${number}`, answer };
    });
  }

  async open(from: string): Promise<void> {
    for (const key of KEYS) this.ref(from, key).send({ type: 'open' });
    await this.harness.pass(300);
  }

  /** The shards of the gates that a node has. */
  shardsOf(node: string): ReadonlySet<number> {
    const shards = KEYS.map((key) => shardOf('gate', key, SHARDS));
    return new Set(shards.filter((shard) => this.harness.ownerOf(shard) === node));
  }

  /** All that was sent, in the order of each sender, once each. */
  get inOrder(): readonly string[] {
    return [...this.#counts].flatMap(([pair, count]) =>
      Array.from({ length: count }, (_, at) => `${pair} ${at + 1}`),
    );
  }

  /** What has passed, by gate and sender. */
  get byPair(): readonly string[] {
    const pairs = [...this.#counts.keys()];
    return pairs.flatMap((pair) => this.passed.filter((pass) => pass.startsWith(`${pair} `)));
  }

  #next(from: string, key: string): number {
    const number = (this.#counts.get(`${key} ${from}`) ?? 0) + 1;
    this.#counts.set(`${key} ${from}`, number);
    return number;
  }
}

const kindOf = (message: WireValue): unknown =>
  Array.isArray(message) ? message[0] : (message as { t?: unknown }).t;

/** Calls back for each message of the actors that one node sends; those that it says no to are lost. */
function filterSent(
  harness: ClusterHarness,
  name: string,
  isLetGo: (kind: unknown, to: NodeId) => boolean,
): void {
  const { transport } = harness.node(name);
  const send = transport.send.bind(transport);
  transport.send = (to, channel, message, lane) =>
    channel !== CHANNEL.actors || isLetGo(kindOf(message), to) ? send(to, channel, message, lane) : 'queued';
}

function countSent(harness: ClusterHarness): ReadonlyMap<unknown, number> {
  const counts = new Map<unknown, number>();
  harness.network.onSent = (_from, _to, channel, message) => {
    const kind = kindOf(message);
    if (channel === CHANNEL.actors) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  };
  return counts;
}

const buffered = (harness: ClusterHarness) =>
  harness.living().reduce((sum, { cluster }) => sum + cluster.status().buffered, 0);

describe('what an entity has put off when its shard is handed over', () => {
  it('is not overtaken by what its senders, wherever they are, send while the shard moves and after', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const gates = new Gates(seed);
      const { harness } = gates;
      await gates.start();
      const sent = countSent(harness);
      for (let round = 0; round < 3; round++) gates.send();
      await harness.pass(100);
      const drained = harness.node('n1').cluster.drain();
      for (let ms = 0; ms < 150; ms++) {
        gates.send();
        await harness.pass(1);
      }
      await harness.settle(drained);
      gates.send();
      await harness.pass(50);
      await gates.open('n2');
      expect(gates.byPair, `seed ${seed}`).toEqual(gates.inOrder);
      expect(sent.get('handed'), `seed ${seed}`).toBeGreaterThan(0);
      expect(buffered(harness), `seed ${seed}`).toBe(0);
    }
  });

  it('costs a hand-over nothing where nothing was put off', async () => {
    const gates = new Gates();
    const { harness } = gates;
    await gates.start();
    await gates.open('n2');
    const sent = countSent(harness);
    await harness.settle(harness.node('n1').cluster.drain());
    gates.send();
    await harness.pass(100);
    expect(gates.byPair).toEqual(gates.inOrder);
    expect(sent.get('handedAll')).toBeUndefined();
  });

  it('is delivered once although nobody hears that the next owner keeps it', async () => {
    const gates = new Gates();
    const { harness } = gates;
    await gates.start();
    for (const name of ['n2', 'n3']) filterSent(harness, name, (kind) => kind !== 'kept');
    gates.send();
    await harness.pass(100);
    const drained = harness.node('n1').cluster.drain();
    await harness.pass(900);
    expect(gates.shardsOf('n1').size).toBeGreaterThan(0);
    expect(harness.node('n1').cluster.status().moving).toBeGreaterThan(0);
    await harness.settle(drained);
    await gates.open('n2');
    expect(gates.byPair).toEqual(gates.inOrder);
    expect(buffered(harness)).toBe(0);
  });

  it('stays with its owner when the next one has no room for it, and when part of it gets lost', async () => {
    for (const trouble of ['no room', 'lost'] as const) {
      const gates = new Gates();
      const { harness } = gates;
      const small: [Partial<ClusterConfig>, BootOptions] = [
        trouble === 'no room' ? { bufferMax: 1 } : {},
        {},
      ];
      await gates.start({ n2: small, n3: small });
      const sent = countSent(harness);
      let handed = 0;
      if (trouble === 'lost') filterSent(harness, 'n1', (kind) => kind !== 'handed' || ++handed % 2 === 0);
      for (let round = 0; round < 3; round++) gates.send(['n1']);
      await harness.pass(100);
      await harness.settle(harness.node('n1').cluster.drain());
      expect(sent.get('kept'), trouble).toBeGreaterThan(0);
      await gates.open('n2');
      expect(gates.byPair, trouble).toEqual(gates.inOrder);
      expect(buffered(harness), trouble).toBe(0);
    }
  });

  it('goes to a node of the version before as it always did', async () => {
    const gates = new Gates();
    const { harness } = gates;
    await gates.start({ n2: [{}, { previous: true }], n3: [{}, { previous: true }] });
    const sent = countSent(harness);
    gates.send(['n1']);
    await harness.pass(100);
    await harness.settle(harness.node('n1').cluster.drain());
    await gates.open('n2');
    expect(gates.byPair).toEqual(gates.inOrder);
    expect(sent.get('handed')).toBeUndefined();
  });
});

describe('what went along with a shard', () => {
  it('goes on from its old owner when the next one dies before it has said that it keeps it', async () => {
    const gates = new Gates();
    const { harness } = gates;
    await gates.start();
    // All of it goes to one node, whose end is in the middle of it.
    await harness.settle(harness.node('n3').cluster.drain());
    harness.boot('n3');
    await harness.untilBalanced();
    gates.send(['n1', 'n2']);
    await harness.pass(100);
    let victim: NodeId | undefined;
    filterSent(harness, 'n1', (kind, to) => {
      if (kind === 'handedAll' && !victim) {
        victim = to;
        harness.clock.setTimer(0, () => harness.crash(to));
      }
      return true;
    });
    void harness.node('n1').cluster.drain();
    await harness.until(() => victim !== undefined);
    await harness.pass(3_000);
    const alive = NAMES.find((name) => name !== 'n1' && name !== victim)!;
    await gates.open(alive);
    const fromAlive = gates.inOrder.filter((pass) => pass.includes(' n1 '));
    const passed = gates.byPair.filter((pass) => pass.includes(' n1 '));
    expect(passed.filter((pass, at) => passed.indexOf(pass) !== at)).toEqual([]);
    // What was put off on the node that died is gone with it, as all that was in its memory.
    const moved = fromAlive.filter((pass) => harness.living().length > 0 && passed.includes(pass));
    expect(moved.length).toBeGreaterThan(0);
    expect(buffered(harness)).toBe(0);
  });

  it.each(['source', 'target'] as const)(
    'is never delivered twice, and every ask has its end, whenever the %s is killed',
    async (who) => {
      for (let atMs = 0; atMs <= 48; atMs += 2) {
        const gates = new Gates(atMs + 1);
        const { harness } = gates;
        await gates.start();
        const asks = [...gates.ask('n2'), ...gates.ask('n3')];
        gates.send();
        await harness.pass(60);
        void harness.node('n1').cluster.drain();
        await harness.pass(atMs);
        asks.push(...gates.ask('n2'));
        harness.crash(who === 'source' ? 'n1' : 'n3');
        await harness.pass(2_500);
        await gates.open('n2');
        await harness.pass(200);
        const where = `${who} killed after ${atMs} ms`;
        expect(gates.passed.length, where).toBe(new Set(gates.passed).size);
        const living = asks.filter(({ pass }) => who === 'source' || !pass.includes(' n3 '));
        const answers = await harness.settle(Promise.all(living.map(({ answer }) => answer)));
        living.forEach(({ pass }, at) => {
          const answer = answers[at];
          if (typeof answer === 'number') expect(gates.passed, where).toContain(pass);
          else expect(answer, `${where}: ${pass}`).toMatchObject({ code: expect.stringMatching(/^TUTTI_/) });
        });
        expect(buffered(harness), where).toBe(0);
      }
    },
  );

  it('is taken from nobody but the owner, and only for the shard that it is of', async () => {
    const gates = new Gates();
    const { harness } = gates;
    await gates.start();
    await harness.pass(100);
    const key = KEYS.find((each) => gates.shardsOf('n1').has(shardOf('gate', each, SHARDS)))!;
    const shard = shardOf('gate', key, SHARDS);
    const answers: WireValue[] = [];
    harness.network.onSent = (from, _to, channel, message) => {
      if (from === 'n2' && channel === CHANNEL.actors && kindOf(message) === 'kept') answers.push(message);
    };
    const event = { type: 'pass', from: 'n3', number: 1 };
    const forge = (from: string, ofShard: number) => {
      const { transport } = harness.node(from);
      const to = nodeId('n2');
      const parcel = ['send', `entity:gate/${key}`, event, 0, 1];
      transport.send(to, CHANNEL.actors, ['handed', ofShard, 1, ...parcel], 'bulk');
      transport.send(
        to,
        CHANNEL.actors,
        { t: 'handedAll', id: 7, shard: ofShard, epoch: 1, count: 1 },
        'bulk',
      );
    };
    forge('n3', shard);
    forge('n1', (shard + 1) % SHARDS);
    await harness.pass(50);
    expect(answers).toEqual([
      expect.objectContaining({ isKept: false }),
      expect.objectContaining({ isKept: false }),
    ]);
    expect(buffered(harness)).toBe(0);
  });
});
