import { checkPlan, type ExecutionMode, type Plan, type SessionRecord } from '@tutti/actors';
import { runVirtual, seededRandom, settled, TuttiError } from '@tutti/kernel';
import { sinceNumber } from '../admin/event-feed.ts';
import { sessionView } from '../admin/session-view.ts';
import type { LoadedPlan } from '../plan/load-plan.ts';
import { isDue, type PlannedKill } from './kill-schedule.ts';
import type { RunDocument, RunKill, RunNode } from './run-document.ts';
import type { RunListener } from './run-listener.ts';
import { documentOf, writeReport } from './run-plan.ts';
import { VirtualCluster } from './virtual-cluster.ts';

/** How to run a plan of simulated tasks on virtual time. */
export interface VirtualRunOptions {
  readonly loaded: LoadedPlan;
  readonly nodes: number;
  readonly session: string;
  readonly mode: ExecutionMode;
  /** The session's folder, which is there. */
  readonly folder: string;
  readonly kills: readonly PlannedKill[];
  readonly seed: number;
  readonly listener: RunListener;
}

const PACED_FROM_MS = 120_000;
const PACE_MAX = 1000;

/** The longest a virtual run may take: ten virtual years, so that a plan that cannot end is told rather than waited for. */
const LIMIT_MS = 10 * 365 * 86_400_000;

/**
 * Runs a plan on a cluster in this process, on virtual time. The seed decides the run.
 * @throws TuttiError `TUTTI_VIRTUAL_REAL_WORK` for a plan with work that takes real time
 */
export async function runVirtually(options: VirtualRunOptions): Promise<RunDocument> {
  const { loaded, session, mode, folder, listener } = options;
  const real = loaded.plan.tasks.find((task) => task.work.type !== 'simulated');
  if (real) throw new TuttiError('TUTTI_VIRTUAL_REAL_WORK', { task: real.id, type: real.work.type });
  const cluster = new VirtualCluster(options.nodes, seededRandom(options.seed), paceOf(loaded.plan));
  await drive(cluster, cluster.start());
  await runVirtual(cluster.clock, () => cluster.leader() !== undefined, LIMIT_MS);
  const first = cluster.leader()?.id;
  const nodes = nodesOf(cluster);
  listener.started({ session, plan: loaded.plan, mode, nodes, leader: first, directory: undefined });
  const submitted = cluster.alive()[0]!.parts.orchestration!.submit(loaded.plan, { session, mode, folder });
  await drive(cluster, submitted);
  const kills = await followToEnd(cluster, options);
  const record = cluster.board().session(session)!;
  const leader = { first, last: cluster.leader()?.id };
  return writeReport(documentOf(sessionView(record), nodesOf(cluster), leader, kills, 'virtual', folder));
}

/** A plan whose least time is two minutes or less runs at the cluster's real pace; a longer one stretches it. */
function paceOf(plan: Plan): number {
  return Math.min(PACE_MAX, Math.max(1, checkPlan(plan).criticalPath.lengthMs / PACED_FROM_MS));
}

/** Moves time until a promise is settled. */
async function drive<T>(cluster: VirtualCluster, promise: Promise<T>): Promise<T> {
  let over = false;
  const watched = promise.finally(() => {
    over = true;
  });
  watched.catch(() => {});
  await runVirtual(cluster.clock, () => over, LIMIT_MS);
  return await watched;
}

async function followToEnd(cluster: VirtualCluster, options: VirtualRunOptions): Promise<RunKill[]> {
  const { session, listener } = options;
  const pending = [...options.kills];
  const kills: RunKill[] = [];
  const startedAt = cluster.clock.now();
  let seen = 0;
  let done = 0;
  const step = (): boolean => {
    const record = cluster.board().session(session);
    if (!record) return false;
    const events = sinceNumber(cluster.board().journal(session)!, seen);
    if (events.length > 0) {
      seen = events.at(-1)!.number + 1;
      done += events.filter((event) => event.to === 'done').length;
      listener.batch({ events, done, state: record.state, barriers: [...record.barriers.values()] });
    }
    for (const kill of Array.from(pending))
      if (
        record.state === 'running' &&
        isDue(kill, done, record.tasks.size, cluster.clock.now() - startedAt)
      ) {
        const carriedOut = carryOut(cluster, kill);
        if (!carriedOut) continue;
        pending.splice(pending.indexOf(kill), 1);
        kills.push(carriedOut);
        listener.killed(carriedOut);
      }
    return isOver(record);
  };
  await runVirtual(cluster.clock, step, LIMIT_MS);
  await settled();
  return kills.map((kill) => ({ ...kill, newLeader: cluster.leader()?.id }));
}

function isOver(record: SessionRecord): boolean {
  return record.state !== 'running';
}

function carryOut(cluster: VirtualCluster, { target }: PlannedKill): RunKill | undefined {
  const leader = cluster.leader();
  if (!leader) return undefined;
  const follower = cluster.alive().find((node) => node !== leader);
  const victim =
    target.by === 'node'
      ? cluster.alive().find((node) => node.id === target.id)
      : target.role === 'leader'
        ? leader
        : follower;
  if (!victim) return undefined;
  const role = victim === leader ? 'leader' : 'follower';
  const at = cluster.clock.wallTime();
  cluster.kill(victim.id);
  return { node: victim.id, role, at, gapMs: undefined, newLeader: undefined };
}

function nodesOf(cluster: VirtualCluster): RunNode[] {
  return cluster.nodes.map((node) => ({ id: node.id, pid: undefined, state: node.alive ? 'up' : 'killed' }));
}
