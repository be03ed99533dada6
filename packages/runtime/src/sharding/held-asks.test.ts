import { describe, expect, it } from 'vitest';
import { assign, fromCallback, fromPromise, setup } from 'xstate';
import { reply, replyLater } from '../actor/reply.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { shardOf } from './shard-id.ts';

const NAMES = ['n1', 'n2', 'n3'];
const SHARDS = 4;
const WORK_MS = 1_000;
type How = 'promise' | 'callback' | 'delay' | 'message';
type JobEvent =
  | { readonly type: How }
  | { readonly type: 'answer' | 'read' }
  | { readonly type: 'note'; readonly number: number };

/** Entities that hold an ask until something comes: a promise, a callback, a delay, or a message. */
class Jobs {
  readonly harness: ClusterHarness;
  /** Nodes on which a promise was begun. */
  readonly begunOn: string[] = [];

  constructor(config: Partial<ClusterConfig> = {}) {
    this.harness = new ClusterHarness(
      NAMES,
      (cluster, node) => {
        const after = (act: () => void) => void this.harness.clock.setTimer(WORK_MS, act);
        const promise = fromPromise(() => {
          this.begunOn.push(node);
          return new Promise<void>(after);
        });
        const callback = fromCallback(({ sendBack }) => after(() => sendBack({ type: 'answer' })));
        const job = setup({
          types: { context: {} as { notes: readonly number[] }, events: {} as JobEvent },
          actors: { promise, callback },
        }).createMachine({
          context: { notes: [] },
          initial: 'idle',
          on: {
            note: { actions: assign({ notes: ({ context, event }) => [...context.notes, event.number] }) },
            read: { actions: reply(({ context }) => context.notes) },
          },
          states: {
            idle: {
              on: {
                promise: { target: 'promise', actions: replyLater() },
                callback: { target: 'callback', actions: replyLater() },
                delay: { target: 'delay', actions: replyLater() },
                message: { target: 'message', actions: replyLater() },
              },
            },
            promise: { invoke: { src: 'promise', onDone: { target: 'idle', actions: reply(node) } } },
            callback: {
              invoke: { src: 'callback' },
              on: { answer: { target: 'idle', actions: reply(node) } },
            },
            delay: { after: { [WORK_MS]: { target: 'idle', actions: reply(node) } } },
            message: { on: { answer: { target: 'idle', actions: reply(node) } } },
          },
        });
        // Less than any work takes: of a move that is no limit.
        cluster.entity('job', job, { supervise: { shutdownMs: 100 } });
      },
      { shards: SHARDS, drainMs: 20_000, ...config },
    );
  }

  /** A key whose entity lives on n1. */
  async start(): Promise<string> {
    const { harness } = this;
    await harness.start();
    return Array.from({ length: 50 }, (_, at) => `k${at}`).find(
      (key) => harness.ownerOf(shardOf('job', key, SHARDS)) === 'n1',
    )!;
  }

  ref(key: string) {
    return this.harness.node('n2').cluster.ref<JobEvent>('job', key);
  }

  /** What came of an ask, and when; n1 hands its shards over while it is under way. */
  async askInMove(key: string, type: How): Promise<{ readonly answer: unknown; readonly tookMs: number }> {
    const { harness } = this;
    const asked = this.ref(key)
      .ask({ type }, { timeoutMs: 20_000 })
      .catch((thrown: unknown) => thrown);
    await harness.pass(100);
    const drained = harness.node('n1').cluster.drain();
    const from = harness.clock.now();
    const answer = await harness.settle(asked);
    const tookMs = harness.clock.now() - from;
    await harness.settle(drained);
    return { answer, tookMs };
  }
}

describe('an ask that is held when its shard moves', () => {
  it.each(['promise', 'callback', 'delay'] as const)('is answered where a %s leads to it', async (how) => {
    const jobs = new Jobs();
    const key = await jobs.start();
    expect((await jobs.askInMove(key, how)).answer).toBe('n1');
    expect(jobs.begunOn, 'no work was begun twice').toEqual(how === 'promise' ? ['n1'] : []);
    const moved = await jobs.harness.settle(jobs.ref(key).ask({ type: 'delay' }));
    expect(moved, 'its entity has moved').not.toBe('n1');
  });

  it.each([
    ['`handOverMs` is over', { handOverMs: 300 }, 300],
    ['half of what is left to a node that leaves is over', { drainMs: 1_000 }, 500],
  ] as const)('fails when %s', async (_, config, limitMs) => {
    const jobs = new Jobs(config);
    const key = await jobs.start();
    const { answer, tookMs } = await jobs.askInMove(key, 'promise');
    expect(answer).toMatchObject({ code: 'TUTTI_ACTOR_UNKNOWN' });
    expect(tookMs).toBeGreaterThan(limitMs / 2);
    expect(tookMs).toBeLessThan(limitMs + 100);
  });

  it('fails at once when only a message can lead to its answer: none comes before the shard has moved', async () => {
    const jobs = new Jobs();
    const key = await jobs.start();
    const { answer, tookMs } = await jobs.askInMove(key, 'message');
    expect(answer).toMatchObject({ code: 'TUTTI_ACTOR_UNKNOWN' });
    expect(tookMs).toBeLessThan(200);
  });

  it('holds up nothing when its asker gives up', async () => {
    const jobs = new Jobs();
    const key = await jobs.start();
    const ask = jobs.ref(key).ask({ type: 'promise' }, { timeoutMs: 300 });
    await jobs.harness.pass(100);
    const from = jobs.harness.clock.now();
    const drained = jobs.harness.node('n1').cluster.drain();
    await expect(jobs.harness.settle(ask)).rejects.toMatchObject({ code: 'TUTTI_ASK_TIMEOUT' });
    await jobs.harness.settle(drained);
    expect(jobs.harness.clock.now() - from).toBeLessThan(WORK_MS / 2);
  });

  it('changes nothing about the order of what others send meanwhile', async () => {
    const jobs = new Jobs();
    const key = await jobs.start();
    const { harness } = jobs;
    let next = 0;
    const note = () => jobs.ref(key).send({ type: 'note', number: next++ });
    const asked = jobs.ref(key).ask({ type: 'promise' }, { timeoutMs: 20_000 });
    note();
    await harness.pass(100);
    const drained = harness.node('n1').cluster.drain();
    for (let at = 0; at < 30; at++) {
      note();
      await harness.pass(at < 10 ? 1 : 100);
    }
    expect(await harness.settle(asked)).toBe('n1');
    await harness.settle(drained);
    const notes = await harness.settle(jobs.ref(key).ask({ type: 'read' }));
    expect(notes).toEqual(Array.from({ length: next }, (_, at) => at));
  });
});
