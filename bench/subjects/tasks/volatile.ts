import { isTuttiError } from '@tutti/kernel';
import { createNode, type TuttiNode } from 'tutti';
import type { Measurement, Point, Sizes } from '../../harness/case.ts';
import { Histogram } from '../../harness/histogram.ts';
import {
  addRate,
  addStream,
  mustBeWhole,
  offeredOf,
  runPlan,
  sessionRate,
  type taskStream,
} from './drive.ts';
import { widePlan } from './plans.ts';

const CONCURRENCY = 256;
/** Tasks per second at which the target asks for the latency. */
const ASKED = 200_000;

/** A node that keeps nothing, with the one function that the plans use. */
export async function volatileNode(): Promise<TuttiNode> {
  const node = createNode({ functions: { noop: () => null } });
  await node.start();
  return node;
}

export async function volatileDispatch({ warmUpTasks, tasks, streamMs }: Sizes): Promise<Measurement> {
  const { orchestration } = await volatileNode();
  await runPlan(orchestration, widePlan(warmUpTasks!, CONCURRENCY));
  const outcome = await runPlan(orchestration, widePlan(tasks!, CONCURRENCY));
  const done = mustBeWhole(outcome);
  const rate = (done * 1_000) / outcome.wallMs;
  const added = await addRate(orchestration, streamMs!);
  const offered = offeredOf(ASKED, Math.min(rate, added));
  const stream = await addStream(orchestration, offered, streamMs!);
  // Last: what an ablation leaves on the heap is no part of the others.
  const sessions = await sessionRate(orchestration, streamMs!);
  return {
    figures: { rate, added, sessions, offered },
    histograms: { task: stream.latencies },
    verified: `${done} tasks done, each once; ${stream.offered} more added one by one`,
  };
}

/** Undefined for a load that was too much: callers of an open loop do not wait, so what they wait in runs full. */
async function carried(stream: ReturnType<typeof taskStream>): Promise<Awaited<typeof stream> | undefined> {
  try {
    return await stream;
  } catch (thrown) {
    if (isTuttiError(thrown, 'TUTTI_OVERLOADED')) return undefined;
    throw thrown;
  }
}

/** Offered load against latency, at fractions of the lower of two rates: of one wide plan, and of tasks that are added. */
export async function volatileCurve({ warmUpTasks, tasks, streamMs }: Sizes): Promise<Measurement> {
  const { orchestration } = await volatileNode();
  await runPlan(orchestration, widePlan(warmUpTasks!, CONCURRENCY));
  const outcome = await runPlan(orchestration, widePlan(tasks!, CONCURRENCY));
  const rate = (mustBeWhole(outcome) * 1_000) / outcome.wallMs;
  const most = Math.min(rate, await addRate(orchestration, streamMs!));
  return await curveOf(rate, most, (offered) => addStream(orchestration, offered, streamMs!));
}

/** Of the `most` that can be added, where the knee is: the highest load that was carried with a p95 below 100 ms. */
export async function curveOf(
  rate: number,
  most: number,
  stream: (offeredPerS: number) => ReturnType<typeof taskStream>,
): Promise<Measurement> {
  const curve: Point[] = [];
  let knee = 0;
  let kneeMs = 0;
  let tasks = 0;
  for (const fraction of [0.1, 0.25, 0.5, 0.75, 0.9]) {
    const point = await carried(stream(most * fraction));
    if (!point) break;
    const { latencies, achievedPerS, offered } = point;
    const p95 = Histogram.merged([latencies]).percentile(0.95);
    tasks += offered;
    curve.push({ x: achievedPerS, y: p95 });
    if (p95 < 100 && achievedPerS > knee) [knee, kneeMs] = [achievedPerS, p95];
  }
  return {
    figures: { rate, ...(knee > 0 ? { knee, 'knee-p95': kneeMs } : {}) },
    curves: { load: curve },
    verified: `${tasks} tasks added one by one, each done once`,
  };
}
