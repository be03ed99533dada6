import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '@tutti/actors';
import { loadPlan } from '../../../packages/tutti/src/plan/load-plan.ts';
import type { RunDocument } from '../../../packages/tutti/src/run/run-document.ts';
import type { RunListener } from '../../../packages/tutti/src/run/run-listener.ts';
import { runVirtually } from '../../../packages/tutti/src/run/virtual-run.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { dataFolder } from '../../harness/requirements.ts';
import { criticalPathMs, grahamBoundMs, heftMakespanMs, type TimedTask } from './graham.ts';

const NODES = 3;
/** Recorded workflows of WfCommons, by the short name that the figures have. */
export const TRACES: Readonly<Record<string, string>> = {
  chain: 'helloworld-chain-5-chameleon',
  forkjoin: 'helloworld-forkjoin-10-chameleon',
  blast: 'blast-chameleon-small-001',
  epigenomics: 'epigenomics-chameleon-hep-1seq-50k-001',
  montage: 'montage-chameleon-2mass-005d-001',
  seismology: 'seismology-chameleon-100p-001',
  srasearch: 'srasearch-chameleon-10a-001',
};

const silent: RunListener = {
  started() {},
  batch() {},
  killed() {},
  leader() {},
  node() {},
  ended() {},
};

/** Every trace on a whole cluster on virtual time, beside its critical path, Graham's bound and HEFT's schedule. */
export async function traces({ perNode, seed }: Sizes): Promise<Measurement> {
  const workers = NODES * perNode!;
  const figures: Record<string, number> = {};
  const told: string[] = [];
  for (const [name, file] of Object.entries(TRACES)) {
    const path = join(dataFolder('wfformat')!, `${file}.json`);
    if (!existsSync(path)) throw new Error(`there is no trace ${path}`);
    const loaded = await loadPlan(path);
    const orchestrators = loaded.plan.orchestrators.map((one) => ({ ...one, maxConcurrentTasks: perNode! }));
    const plan: Plan = { ...loaded.plan, orchestrators };
    const { makespanMs, atOnce } = await makespanOf({ ...loaded, plan }, seed!);
    if (atOnce > workers) throw new Error(`${name}: ${atOnce} tasks at once on ${workers} workers`);
    const tasks = timedTasks(plan);
    figures[`heft-${name}`] = makespanMs / heftMakespanMs(tasks, workers);
    figures[`graham-${name}`] = makespanMs / grahamBoundMs(tasks, workers);
    figures[`path-${name}`] = makespanMs / criticalPathMs(tasks);
    told.push(`${name} ${tasks.length} tasks, at most ${atOnce} at once`);
  }
  const worst = (kind: string) => Object.keys(TRACES).map((name) => figures[`${kind}-${name}`]!);
  return {
    figures: {
      ...figures,
      'heft-worst': Math.max(...worst('heft')),
      'graham-worst': Math.max(...worst('graham')),
      'path-least': Math.min(...worst('path')),
    },
    verified: `every task done once, none before what it needs: ${told.join('; ')}`,
  };
}

function timedTasks({ tasks }: Plan): TimedTask[] {
  const place = new Map(tasks.map(({ id }, i) => [id, i]));
  return tasks.map(({ estimateMs, needs }) => ({
    durationMs: estimateMs,
    needs: needs.map((need) => place.get(need)!),
  }));
}

async function makespanOf(
  loaded: Parameters<typeof runVirtually>[0]['loaded'],
  seed: number,
): Promise<{ makespanMs: number; atOnce: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-bench-trace-'));
  try {
    const run = await runVirtually({
      loaded,
      nodes: NODES,
      session: 'trace',
      mode: 'eager',
      folder,
      kills: [],
      seed,
      listener: silent,
    });
    mustBeInOrder(run);
    return { makespanMs: run.makespanMs, atOnce: atOnceIn(run) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function mustBeInOrder({ tasks, state, lost, committedTwice }: RunDocument): void {
  if (state !== 'done' || lost > 0 || committedTwice > 0)
    throw new Error(`${state}, ${lost} lost, ${committedTwice} twice`);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  for (const { id, needs, startedAt } of tasks)
    for (const need of needs)
      if (byId.get(need)!.endedAt! > startedAt!) throw new Error(`${id} began before ${need} had ended`);
}

/** The most tasks that ran at one time; a task that ends when another begins is not beside it. */
function atOnceIn({ tasks }: RunDocument): number {
  const changes = tasks
    .filter(({ startedAt, endedAt }) => endedAt! > startedAt!)
    .flatMap(({ startedAt, endedAt }) => [[startedAt!, 1] as const, [endedAt!, -1] as const])
    .sort(([a, up], [b, down]) => a - b || up - down);
  let now = 0;
  return changes.reduce((most, [, change]) => Math.max(most, (now += change)), 0);
}
