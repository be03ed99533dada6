import { seededRandom } from '@tutti/kernel';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { sharedNowMs } from '../../harness/fleet-member.ts';
import { Histogram } from '../../harness/histogram.ts';
import { sleep, within } from '../../harness/load.ts';
import type { ClusterNode } from '../cluster/node-cluster.ts';
import type { SessionOutcome } from './drive.ts';
import { timedPlan } from './plans.ts';
import { type TaskCluster, withTaskCluster } from './task-cluster.ts';

const CONCURRENCY = 8;

/** Longer than any election and any lease together: what takes longer is a failure and not a figure. */
const PATIENCE_MS = 30_000;

/** Kills the node with most running tasks, again and again, and measures for how long nothing is completed. */
export function busiestKilled({ kills, tasks, taskMs, betweenMs }: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    const gaps = new Histogram();
    const recoveries = new Histogram();
    const plan = timedPlan(tasks!, CONCURRENCY, taskMs!);
    const sum = { done: 0, lost: 0, twice: 0 };
    for (let i = 0; i < kills!; i++) {
      const session = await cluster.submit(plan);
      await sleep(betweenMs!);
      const { gapMs, recoveryMs, victim } = await killBusiest(cluster, session);
      gaps.record(gapMs);
      if (recoveryMs !== undefined) recoveries.record(recoveryMs);
      await within(PATIENCE_MS, 'the killed node takes part again', cluster.restart(victim));
      addTo(sum, await within(PATIENCE_MS, 'the end of the session', cluster.outcome(session, plan)));
    }
    return {
      figures: { lost: sum.lost, twice: sum.twice },
      histograms: { gap: gaps.pack(), recovery: recoveries.pack() },
      verified: `${sum.done} tasks done over ${kills} kills, ${sum.lost} lost, ${sum.twice} committed twice`,
    };
  });
}

type Sum = { -readonly [Key in 'done' | 'lost' | 'twice']: SessionOutcome[Key] };

function addTo(sum: Sum, { done, lost, twice }: Sum): void {
  sum.done += done;
  sum.lost += lost;
  sum.twice += twice;
}

interface KillOutcome {
  /** The longest time without a completion, from the signal to when the work of the victim is taken up again. */
  readonly gapMs: number;
  /** Undefined when the victim held nothing any more by the time it was gone. */
  readonly recoveryMs: number | undefined;
  readonly victim: ClusterNode;
}

async function killBusiest(cluster: TaskCluster, session: string): Promise<KillOutcome> {
  const { held } = await cluster.progress(cluster.first, session);
  const heldBy = ({ config }: ClusterNode) => held[config.name]?.length ?? 0;
  const victim = cluster.nodes.toSorted((a, b) => heldBy(b) - heldBy(a))[0]!;
  if (heldBy(victim) === 0) throw new Error('no node had a task when one was to be killed');
  const notBy = victim.config.name;
  const witness = cluster.nodes.find((node) => node !== victim)!;
  const killed = victim.process.kill();
  const afterMs = sharedNowMs();
  await witness.process.call('watchGaps', afterMs);
  const orphans = (await cluster.progress(witness, session)).held[notBy] ?? [];
  // What the victim had completed may reach the board yet: then there is nothing to recover, and the session just ends.
  const recovered = Promise.race([
    witness.process.call<number>('nextCompletion', { afterMs, notBy, tasks: orphans }),
    witness.process.call('over', session).then(() => undefined),
  ]);
  await killed;
  const recoveredAt = await within(PATIENCE_MS, 'the tasks of the dead node done by others', recovered);
  const gapMs = await witness.process.call<number>('longestGap');
  return { gapMs, recoveryMs: recoveredAt === undefined ? undefined : recoveredAt - afterMs, victim };
}

/**
 * A long run of tasks while nodes are killed, paused and cut off at times drawn from a seed.
 * @throws Error if a session was over before anything had happened to it
 */
export function tasksUnderFaults({
  sessions,
  tasks,
  taskMs,
  concurrency,
  faultEveryMs,
  faultMs,
  seed,
}: Sizes): Promise<Measurement> {
  return withTaskCluster(
    async (cluster) => {
      const random = seededRandom(seed!);
      const plan = timedPlan(tasks! / sessions!, concurrency!, taskMs!);
      const by: Record<Fault, number> = { kill: 0, pause: 0, partition: 0 };
      const sum = { done: 0, lost: 0, twice: 0 };
      let faults = 0;
      const start = performance.now();
      // One after the other: the board keeps only so many tasks of sessions that have ended.
      for (let i = 0; i < sessions!; i++) {
        const session = await cluster.submit(plan);
        const before = faults;
        for (;;) {
          await sleep(random.integer(faultEveryMs! / 2, faultEveryMs! * 1.5));
          // Behind the end of a session there is nothing to lose.
          if ((await cluster.progress(cluster.first, session)).state !== 'running') break;
          const fault = random.pick(FAULTS);
          by[fault]++;
          faults++;
          await inject(cluster, fault, random.pick(cluster.nodes), random.integer(faultMs! / 2, faultMs!));
        }
        if (faults === before) throw new Error(`session ${i} was over before the first fault`);
        addTo(sum, await cluster.outcome(session, plan));
      }
      const seconds = (performance.now() - start) / 1_000;
      const { done, lost, twice } = sum;
      return {
        figures: { lost, twice, faults, rate: done / seconds },
        verified: `${done} done, ${lost} lost, ${twice} committed twice, under ${by.kill} kills, ${by.pause} pauses and ${by.partition} partitions, each while tasks were under way`,
      };
    },
    { isRelayed: true },
  );
}

const FAULTS = ['kill', 'pause', 'partition'] as const;
type Fault = (typeof FAULTS)[number];

async function inject(cluster: TaskCluster, fault: Fault, victim: ClusterNode, forMs: number): Promise<void> {
  if (fault === 'kill') {
    await victim.process.kill();
    await within(PATIENCE_MS, 'the killed node takes part again', cluster.restart(victim));
  } else if (fault === 'pause') {
    victim.process.pause();
    await sleep(forMs);
    victim.process.resume();
  } else {
    const heal = cluster.isolate(victim);
    await sleep(forMs);
    heal();
  }
}
