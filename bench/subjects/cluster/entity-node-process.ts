// One node of a cluster with entities that count, in a process of its own.
import type { PeerAddress } from '@tutti/kernel';
import { replying } from '@tutti/runtime';
import { createNode, type EntityKind, type TuttiNode } from 'tutti';
import { serve, sharedNowMs } from '../../harness/fleet-member.ts';
import type { AskFrom, EntityAnswer, EntityStatus, FillRequest } from './entity-messages.ts';
import type { NodeConfig } from './node-cluster.ts';

const ASK_MS = 250;
let node: TuttiNode | undefined;
let counters: EntityKind | undefined;
let started: Promise<void> | undefined;
let introduce: (peers: readonly PeerAddress[]) => void = () => {};

function listen({ name, voters, directory, port, keys }: NodeConfig): Promise<PeerAddress> {
  const others = new Promise<readonly PeerAddress[]>((resolve) => (introduce = resolve));
  return new Promise((resolve, reject) => {
    const own = createNode({
      name,
      cluster: 'bench',
      dataDir: directory,
      ...(keys ? { keys } : {}),
      listen: { port },
      voters,
      orchestration: false,
      peers: async (self) => {
        resolve(self);
        return await others;
      },
      onFatal: (failure) => {
        throw failure;
      },
    });
    node = own;
    counters = own.entity(
      'counter',
      replying((count: number, event: { type: 'ADD' } | { type: 'GET' }, reply) => {
        const next = event.type === 'ADD' ? count + 1 : count;
        reply({ count: next, by: name } satisfies EntityAnswer);
        return next;
      }, 0),
    );
    started = own.start();
    started.catch(reject);
  });
}

const ask = (key: string, type: 'ADD' | 'GET', timeoutMs = 10_000) =>
  counters!.ref(key).ask<EntityAnswer>({ type }, { timeoutMs });

/** Makes entities by asking each once, so many at a time; resolves when every one has answered. */
async function fill({ count, clients }: FillRequest): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await ask(`k${next++}`, 'ADD', 30_000);
  };
  await Promise.all(Array.from({ length: clients }, worker));
}

/** Asks an entity until it answers from another node; gives when it did on the clock that all processes share. */
async function firstAnswer({ key, fromMs, notBy }: AskFrom): Promise<{ atMs: number } & EntityAnswer> {
  for (;;) {
    const askedMs = sharedNowMs();
    const answer = await ask(key, 'GET', ASK_MS).catch(() => undefined);
    if (answer && answer.by !== notBy && askedMs >= fromMs) return { atMs: sharedNowMs(), ...answer };
  }
}

let stopLoad = (): void => {};
let loadEnded: Promise<Record<string, { acknowledged: number; longestMs: number }>> | undefined;

/** Adds to each key, one ask after the other per key, until told to stop: what was acknowledged, and the longest wait. */
function startLoad(keys: readonly string[]): void {
  const ending = new AbortController();
  stopLoad = () => ending.abort();
  const one = async (key: string) => {
    let acknowledged = 0;
    let longestMs = 0;
    while (!ending.signal.aborted) {
      const start = performance.now();
      await ask(key, 'ADD').then(() => acknowledged++);
      longestMs = Math.max(longestMs, performance.now() - start);
    }
    return [key, { acknowledged, longestMs }] as const;
  };
  loadEnded = Promise.all(keys.map(one)).then((all) => Object.fromEntries(all));
  loadEnded.catch(() => {});
}

serve({
  listen,
  join: async (peers: readonly PeerAddress[]) => {
    introduce(peers);
    await started;
  },
  stop: () => node!.stop(),
  upCount: () => node!.members.list().filter(({ state }) => state === 'up').length,
  fill,
  getAll: async (keys: readonly string[]) => await Promise.all(keys.map((key) => ask(key, 'GET', 30_000))),
  firstAnswer,
  startLoad,
  endLoad: () => {
    stopLoad();
    return loadEnded;
  },
  status: (): EntityStatus => {
    const { shards, moving } = node!.status();
    return { shards, moving };
  },
  memory: () => {
    globalThis.gc?.();
    return process.memoryUsage().rss;
  },
});
