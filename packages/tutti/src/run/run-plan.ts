import { join } from 'node:path';
import type { ExecutionMode } from '@tutti/actors';
import type { TuttiError } from '@tutti/kernel';
import type { SessionView } from '../admin/session-view.ts';
import { keepAlive } from '../cluster/keep-alive.ts';
import type { LocalCluster } from '../cluster/local-cluster.ts';
import { replaceFile } from '../node/replace-file.ts';
import type { LoadedPlan } from '../plan/load-plan.ts';
import { htmlReport } from '../report/html-report.ts';
import type { PlannedKill } from './kill-schedule.ts';
import { Killer } from './killer.ts';
import { watchQuorum } from './quorum-watch.ts';
import type { RunDocument, RunKill, RunNode } from './run-document.ts';
import type { RunListener } from './run-listener.ts';

/** How to run a plan on a local cluster. */
export interface RunOptions {
  readonly loaded: LoadedPlan;
  readonly cluster: LocalCluster;
  readonly session: string;
  readonly mode: ExecutionMode;
  /** The session's folder, which is there. */
  readonly folder: string;
  readonly kills: readonly PlannedKill[];
  readonly listener: RunListener;
  readonly signal: AbortSignal;
}

/**
 * Submits a plan, follows it to its end, kills whom it is told to kill on the way, and says what happened. A node
 * that ends for another reason is started again. On abort the session is cancelled first, so that its workers stop.
 * @throws TuttiError `TUTTI_QUORUM_LOST`, `TUTTI_ADMIN_UNREACHABLE`, or why the plan was refused
 */
export async function runPlan(options: RunOptions): Promise<RunDocument> {
  const { loaded, cluster, session, mode, folder, listener, signal } = options;
  const client = cluster.client();
  const first = await client.leader();
  const nodes = nodesOf(cluster, new Set());
  listener.started({ session, plan: loaded.plan, mode, nodes, leader: first, directory: cluster.directory });
  await client.submit({ session, plan: loaded.plan, mode, folder });
  const killer = new Killer(options.kills, loaded.plan.tasks.length, cluster, client, listener);
  await follow(options, killer);
  if (signal.aborted)
    await cluster
      .client({ patienceMs: CANCEL_PATIENCE_MS })
      .cancel(session, 'interrupted')
      .catch(() => {});
  const kills = await killer.results();
  const view = await client.session(session);
  const last = await client.leader();
  const document = documentOf(view, nodesOf(cluster, killer.victims), { first, last }, kills, 'real', folder);
  return writeReport(document);
}

/** How long a session that is being interrupted may take to be cancelled. */
const CANCEL_PATIENCE_MS = 3_000;

/** Follows the session until it is over, the signal aborts, or the cluster can no longer end it. */
async function follow({ cluster, session, listener, signal }: RunOptions, killer: Killer): Promise<void> {
  const client = cluster.client();
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  keepAlive(cluster, {
    signal: stop,
    staysDead: (node) => killer.victims.has(node),
    listener: {
      died: (node) => killer.victims.has(node) || listener.node(node, 'died'),
      restarted: (node) => listener.node(node, 'restarted'),
      postponed: (node) => listener.node(node, 'waits'),
      gaveUp: (node) => listener.node(node, 'gave up'),
    },
  });
  let lost: TuttiError | undefined;
  const watched = { client, nodes: cluster.nodes().length, gone: () => killer.victims.size };
  const quorum = watchQuorum(watched, stop).then((error) => {
    lost = error;
    if (error) over.abort();
  });
  try {
    for await (const batch of client.events(session, stop)) {
      listener.batch(batch);
      killer.saw(batch);
    }
  } finally {
    killer.stop();
    over.abort();
    await quorum;
    if (signal.aborted || lost) killer.abandon();
  }
  if (lost) throw lost;
}

function nodesOf(cluster: LocalCluster, victims: ReadonlySet<string>): RunNode[] {
  return cluster.nodes().map((node) => ({
    id: node.id,
    pid: node.pid,
    state: node.running ? 'up' : victims.has(node.id) ? 'killed' : 'exited',
  }));
}

/** Puts the report beside the session's files, whole, and its path into the document. */
export function writeReport(document: RunDocument): RunDocument {
  const report = join(document.folder, 'report.html');
  const complete = { ...document, report };
  replaceFile(report, htmlReport(complete));
  replaceFile(join(document.folder, 'run.json'), `${JSON.stringify(complete, undefined, 2)}\n`);
  return complete;
}

/** Joins what the log says of a session with what was seen from outside. */
export function documentOf(
  view: SessionView,
  nodes: readonly RunNode[],
  leader: RunDocument['leader'],
  kills: readonly RunKill[],
  time: RunDocument['time'],
  folder: string,
): RunDocument {
  const ended = view.endedAt ?? Math.max(view.openedAt, ...view.tasks.map((task) => task.endedAt ?? 0));
  return {
    ...view,
    nodes,
    leader,
    kills: kills.map((kill) => ({ ...kill, gapMs: gapAfter(kill.at, view) })),
    makespanMs: ended - view.openedAt,
    committedTwice: view.tasks.filter((task) => task.completions > 1).length,
    lost: view.tasks.filter((task) => isLost(task.state, view.state)).length,
    time,
    folder,
    report: undefined,
  };
}

/** A session that is over owes an end to each of its tasks; one that failed or was cancelled has given the rest up. */
function isLost(task: SessionView['tasks'][number]['state'], session: SessionView['state']): boolean {
  if (session === 'done') return task !== 'done' && task !== 'degraded';
  return task === 'assigned' || task === 'running';
}

function gapAfter(at: number, view: SessionView): number | undefined {
  const ends = view.tasks.flatMap((task) =>
    task.state === 'done' && task.endedAt! > at ? [task.endedAt!] : [],
  );
  return ends.length === 0 ? undefined : Math.min(...ends) - at;
}
