import { describe, expect, it } from 'vitest';
import { replying } from '../actor/reply.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { shardOf } from './shard-id.ts';

type NoteEvent = { type: 'note'; number: number } | { type: 'read' };

const NAMES = ['n1', 'n2', 'n3'];
const SHARDS = 4;

/** Entities that keep the numbers they were sent; each remembers on which node it handled them. */
class Notes {
  readonly handledOn = new Map<string, number>();
  readonly harness: ClusterHarness;

  constructor(config: Partial<ClusterConfig>) {
    this.harness = new ClusterHarness(
      NAMES,
      (cluster, node) => {
        const logic = replying<readonly number[], NoteEvent>((numbers, event, answer) => {
          if (event.type === 'read') {
            answer(numbers);
            return numbers;
          }
          this.handledOn.set(node, (this.handledOn.get(node) ?? 0) + 1);
          answer(event.number);
          return [...numbers, event.number];
        }, []);
        cluster.entity('notes', logic);
      },
      { shards: SHARDS, ...config },
    );
  }

  /** A key whose entity lives on this node. */
  async keyOn(node: string): Promise<string> {
    const { harness } = this;
    await harness.start();
    return Array.from({ length: 50 }, (_, at) => `k${at}`).find(
      (key) => harness.ownerOf(shardOf('notes', key, SHARDS)) === node,
    )!;
  }

  ref(from: string, key: string) {
    return this.harness.node(from).cluster.ref<NoteEvent>('notes', key);
  }

  ask(from: string, key: string, number: number): Promise<unknown> {
    return this.ref(from, key)
      .ask({ type: 'note', number }, { timeoutMs: 20_000 })
      .catch((thrown: unknown) => thrown);
  }

  read(from: string, key: string): Promise<readonly number[]> {
    return this.harness.settle(this.ref(from, key).ask<readonly number[]>({ type: 'read' }));
  }

  /** From now on nothing that the entities of a node want to commit comes to an end. */
  hangCommits(node: string): void {
    const { consensus } = this.harness.node(node);
    const propose = consensus.propose.bind(consensus);
    consensus.propose = (module, ...rest) =>
      module === 'entities' ? new Promise(() => {}) : propose(module, ...rest);
  }

  deadLetters(): number {
    return NAMES.flatMap((name) => Object.values(this.harness.node(name).system.deadLetters.counts())).reduce(
      (sum, count) => sum + count,
    );
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

describe('a hand-over for which `handOverMs` is too short', () => {
  it('brings along what is still in the mailbox of a busy entity, whole and in order', async () => {
    const notes = new Notes({ handOverMs: 20 });
    const { harness } = notes;
    const key = await notes.keyOn('n1');
    const numbers = upTo(2_000);
    const answers = numbers.slice(0, 1_990).map((number) => notes.ask('n2', key, number));
    await harness.pass(10);
    const drained = harness.node('n1').cluster.drain();
    await harness.pass(30);
    answers.push(...numbers.slice(1_990).map((number) => notes.ask('n2', key, number)));
    await harness.settle(drained);
    expect(await harness.settle(Promise.all(answers))).toEqual(numbers);
    expect(await notes.read('n3', key)).toEqual(numbers);
    expect(notes.handledOn.get('n1'), 'some of it was handled before').toBeGreaterThan(0);
    expect(notes.handledOn.get('n1'), 'and some was not').toBeLessThan(1_000);
    expect(notes.deadLetters()).toBe(0);
  });

  it('brings it along as well when the node is stopped, whose `drainMs` would not do', async () => {
    const notes = new Notes({ drainMs: 150 });
    const { harness } = notes;
    const key = await notes.keyOn('n1');
    const numbers = upTo(4_000);
    for (const number of numbers) notes.ref('n2', key).send({ type: 'note', number });
    await harness.pass(10);
    await harness.settle(harness.node('n1').cluster.stop());
    await harness.pass(1_000);
    expect(await notes.read('n3', key)).toEqual(numbers);
    expect(notes.handledOn.get('n1')).toBeLessThan(4_000);
    expect(notes.deadLetters()).toBe(0);
  });

  it('ends all the same where a turn does not, refuses what that turn was about, and goes on with the rest', async () => {
    const notes = new Notes({ handOverMs: 100, bufferMs: 5_000 });
    const { harness } = notes;
    const key = await notes.keyOn('n1');
    expect(await harness.settle(notes.ask('n2', key, 1))).toBe(1);
    notes.hangCommits('n1');
    const inTurn = notes.ask('n2', key, 2);
    await harness.pass(20);
    const inMailbox = [3, 4, 5].map((number) => notes.ask('n2', key, number));
    await harness.pass(20);
    const drained = harness.node('n1').cluster.drain();
    await harness.pass(40);
    const buffered = [6, 7].map((number) => notes.ask('n2', key, number));
    await harness.pass(1_000);
    expect(harness.node('n2').cluster.status().moving, 'while the turn may still end').toBeGreaterThan(0);
    await harness.pass(200);
    expect(harness.node('n2').cluster.status().moving).toBe(0);
    await harness.settle(drained);
    expect(await harness.settle(Promise.all([...inMailbox, ...buffered]))).toEqual([3, 4, 5, 6, 7]);
    expect(await harness.settle(inTurn)).toMatchObject({ code: 'TUTTI_EPOCH_STALE' });
    expect(await notes.read('n3', key)).toEqual([1, 3, 4, 5, 6, 7]);
  });

  it('outlasts no sender, whose buffer waits for longer than that by default', async () => {
    const notes = new Notes({ drainMs: 60_000 });
    const { harness } = notes;
    const key = await notes.keyOn('n1');
    expect(await harness.settle(notes.ask('n2', key, 1))).toBe(1);
    notes.hangCommits('n1');
    notes.ref('n2', key).send({ type: 'note', number: 2 });
    await harness.pass(20);
    const drained = harness.node('n1').cluster.drain();
    const numbers = upTo(20).map((number) => number + 2);
    for (const number of numbers) {
      notes.ref('n2', key).send({ type: 'note', number });
      await harness.pass(50);
    }
    await harness.settle(drained, 60_000);
    expect(await notes.read('n3', key)).toEqual([1, ...numbers]);
  });

  it('refuses what has waited for longer than `bufferMs` meanwhile, and counts it', async () => {
    const notes = new Notes({ handOverMs: 1_000, bufferMs: 500 });
    const { harness } = notes;
    const key = await notes.keyOn('n1');
    expect(await harness.settle(notes.ask('n2', key, 1))).toBe(1);
    notes.hangCommits('n1');
    const inTurn = notes.ask('n2', key, 2);
    await harness.pass(20);
    const drained = harness.node('n1').cluster.drain();
    await harness.pass(40);
    const asks: Promise<unknown>[] = [];
    for (let number = 3; number <= 42; number++) {
      asks.push(notes.ask('n2', key, number));
      await harness.pass(50);
    }
    await harness.settle(drained);
    const answers = await harness.settle(Promise.all(asks));
    const taken = answers.filter((answer) => typeof answer === 'number');
    const refused = answers.filter((answer) => typeof answer !== 'number');
    expect(Math.min(taken.length, refused.length)).toBeGreaterThan(0);
    for (const error of refused) expect(error).toMatchObject({ code: 'TUTTI_NODE_UNREACHABLE' });
    expect(await notes.read('n3', key)).toEqual([1, ...taken]);
    expect(taken).toEqual(taken.toSorted((a, b) => a - b));
    expect(harness.node('n2').system.deadLetters.counts().unreachable).toBe(refused.length);
    expect(await harness.settle(inTurn)).toMatchObject({ code: 'TUTTI_EPOCH_STALE' });
  });
});
