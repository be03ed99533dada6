// One node of a durable cluster in a process of its own.
import { partsOf } from '@tutti/actors';
import type { PeerAddress } from '@tutti/kernel';
import { createNode, type TuttiNode } from 'tutti';
import { serve, sharedNowMs } from '../../harness/fleet-member.ts';
import type { NodeConfig } from '../cluster/node-cluster.ts';
import { addRate, addStream, countTasks, runPlan, sessionRate, taskStream } from './drive.ts';
import { workFile } from './task-cluster.ts';
import type { CompletionWait, PlanRequest, StreamRequest, TaskProgress } from './task-node.ts';
import { WorkWitness } from './work-witness.ts';

let node: TuttiNode | undefined;
let witness: WorkWitness | undefined;
let started: Promise<void> | undefined;
let introduce: (peers: readonly PeerAddress[]) => void = () => {};
/** Who waits for the next completion, and from when on. */
const watchers: (CompletionWait & { readonly seen: (atMs: number) => void })[] = [];
/** Without any completion, since a moment that somebody named. */
const gap = { sinceMs: 0, longestMs: 0 };

function listen({ name, voters, directory, port }: NodeConfig): Promise<PeerAddress> {
  const others = new Promise<readonly PeerAddress[]>((resolve) => (introduce = resolve));
  return new Promise((resolve, reject) => {
    witness = new WorkWitness(workFile(directory));
    node = createNode({
      name,
      cluster: 'bench',
      dataDir: directory,
      listen: { port },
      voters,
      functions: witness.functions,
      peers: async (self) => {
        resolve(self);
        return await others;
      },
      onFatal: (failure) => {
        throw failure;
      },
    });
    node.orchestration.board.watch({
      applied(command, outcome) {
        if (outcome instanceof Error) return;
        for (const part of partsOf(command))
          if (part.type === 'task.complete') completed(part.session, part.task);
      },
    });
    started = node.start();
    started.catch(reject);
  });
}

function completed(session: string, task: string): void {
  const now = sharedNowMs();
  gap.longestMs = Math.max(gap.longestMs, now - gap.sinceMs);
  gap.sinceMs = now;
  const by = node!.orchestration.board.module.session(session)?.tasks.get(task)?.attempts.at(-1)?.node;
  for (const watcher of watchers.slice()) {
    // What the dead node had completed may still be on its way to this copy of the board.
    if (now <= watcher.afterMs || by === watcher.notBy || !watcher.tasks.includes(task)) continue;
    watchers.splice(watchers.indexOf(watcher), 1);
    watcher.seen(now);
  }
}

function progress(session: string): TaskProgress {
  const board = node!.orchestration.board.module;
  const record = board.session(session);
  if (!record) return { state: 'unknown', held: {} };
  const held: Record<string, string[]> = {};
  for (const [id, { state, attempts }] of record.tasks)
    if (state === 'running' || state === 'assigned') (held[attempts.at(-1)!.node] ??= []).push(id);
  return { state: record.state, held };
}

serve({
  listen,
  join: async (peers: readonly PeerAddress[]) => {
    introduce(peers);
    await started;
  },
  upCount: () => node!.members.list().filter(({ state }) => state === 'up').length,
  run: ({ plan, mode }: PlanRequest) => runPlan(node!.orchestration, plan, mode),
  submit: ({ plan, mode }: PlanRequest) => node!.orchestration.submit(plan, { mode }),
  stream: ({ ratePerS, durationMs, tasks }: StreamRequest) =>
    tasks === undefined
      ? addStream(node!.orchestration, ratePerS, durationMs)
      : taskStream(node!.orchestration, ratePerS, durationMs, tasks),
  added: (durationMs: number) => addRate(node!.orchestration, durationMs),
  sessions: (durationMs: number) => sessionRate(node!.orchestration, durationMs),
  progress,
  calls: () => witness!.calls,
  outcome: async ({ session, submitted }: { session: string; submitted: number }) => {
    const record = await node!.orchestration.waitFor(session);
    return countTasks(record, submitted);
  },
  over: async (session: string) => void (await node!.orchestration.waitFor(session)),
  watchGaps: (sinceMs: number) => void Object.assign(gap, { sinceMs, longestMs: 0 }),
  longestGap: () => gap.longestMs,
  nextCompletion: (wait: CompletionWait) => new Promise<number>((seen) => watchers.push({ ...wait, seen })),
  memory: () => {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    return { rss, heap: heapUsed };
  },
});
