import { seededRandom } from '@tutti/kernel';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { sharedNowMs } from '../../harness/fleet-member.ts';
import { Histogram } from '../../harness/histogram.ts';
import { sleep } from '../../harness/load.ts';
import type { SessionOutcome } from './drive.ts';
import { widePlan } from './plans.ts';
import { type TaskCluster, type TaskNode, withTaskCluster } from './task-cluster.ts';

const CONCURRENCY = 8;

/** Kills the node with most running tasks, again and again, and measures how long nothing is completed. */
export function busiestKilled({ kills, tasks, taskMs, betweenMs }: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    const gaps = new Histogram();
    const recoveries = new Histogram();
    const work = { type: 'simulated', durationMs: taskMs! } as const;
    let lost = 0;
    let twice = 0;
    let done = 0;
    for (let i = 0; i < kills!; i++) {
      const session = await cluster.submit(widePlan(tasks!, CONCURRENCY, work));
      await sleep(betweenMs!);
      const { gapMs, recoveryMs, victim } = await killBusiest(cluster, session);
      gaps.record(gapMs);
      recoveries.record(recoveryMs);
      await cluster.restart(victim);
      const outcome = await cluster.first.process.call<SessionOutcome>('outcome', session);
      lost += outcome.lost;
      twice += outcome.twice;
      done += outcome.done;
    }
    return {
      figures: { lost, twice },
      histograms: { gap: gaps.pack(), recovery: recoveries.pack() },
      verified: `${done} tasks done over ${kills} kills, ${lost} lost, ${twice} committed twice`,
    };
  });
}

async function killBusiest(
  cluster: TaskCluster,
  session: string,
): Promise<{ readonly gapMs: number; readonly recoveryMs: number; readonly victim: TaskNode }> {
  const { held } = await cluster.progress(cluster.first, session);
  const heldBy = ({ config }: TaskNode) => held[config.name] ?? [];
  const victim = cluster.nodes.toSorted((a, b) => heldBy(b).length - heldBy(a).length)[0]!;
  if (heldBy(victim).length === 0) throw new Error('no node had a task when one was to be killed');
  const witness = cluster.nodes.find((node) => node !== victim)!.process;
  const killed = victim.process.kill();
  const afterMs = sharedNowMs();
  const notBy = victim.config.name;
  const next = witness.call<number>('nextCompletion', { afterMs, notBy });
  const recovered = witness.call<number>('nextCompletion', { afterMs, notBy, tasks: heldBy(victim) });
  await killed;
  return { gapMs: (await next) - afterMs, recoveryMs: (await recovered) - afterMs, victim };
}

/** A long run of tasks while nodes are killed and paused at times drawn from a seed. */
export function tasksUnderFaults({
  tasks,
  taskMs,
  faultEveryMs,
  pauseMs,
  seed,
}: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    const random = seededRandom(seed!);
    const work = { type: 'simulated', durationMs: taskMs! } as const;
    const session = await cluster.submit(widePlan(tasks!, 32, work));
    const faults = { kills: 0, pauses: 0 };
    const start = performance.now();
    while ((await cluster.progress(cluster.first, session)).state === 'running') {
      await sleep(random.integer(faultEveryMs! / 2, faultEveryMs! * 1.5));
      const victim = random.pick(cluster.nodes);
      if (random.chance(0.5)) {
        faults.kills++;
        await victim.process.kill();
        await cluster.restart(victim);
      } else {
        faults.pauses++;
        victim.process.pause();
        await sleep(random.integer(pauseMs! / 2, pauseMs!));
        victim.process.resume();
      }
    }
    const seconds = (performance.now() - start) / 1_000;
    const { done, lost, twice } = await cluster.first.process.call<SessionOutcome>('outcome', session);
    return {
      figures: { lost, twice, rate: done / seconds },
      verified: `${done} done, ${lost} lost, ${twice} committed twice, under ${faults.kills} kills and ${faults.pauses} pauses`,
    };
  });
}
