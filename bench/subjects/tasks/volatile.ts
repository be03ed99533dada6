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
  type StreamOutcome,
  sessionRate,
} from './drive.ts';
import { widePlan } from './plans.ts';
import { borneOut, WorkWitness } from './work-witness.ts';

const CONCURRENCY = 256;
/** Tasks per second at which the target asks for the latency. */
const ASKED = 200_000;

/** A node that keeps nothing, with the functions that the plans use. */
export async function volatileNode(witness = new WorkWitness()): Promise<TuttiNode> {
  const node = createNode({ functions: witness.functions });
  await node.start();
  return node;
}

/** What is measured on one node and on three, each action borne out by the calls of the function. */
async function witnessedNode() {
  const witness = new WorkWitness();
  const { orchestration } = await volatileNode(witness);
  const counted = <Outcome extends { readonly done: number }>(action: () => Promise<Outcome>) =>
    borneOut(() => witness.calls, action);
  return {
    orchestration,
    run: (tasks: number) => counted(() => runPlan(orchestration, widePlan(tasks, CONCURRENCY))),
    added: (durationMs: number) => counted(() => addRate(orchestration, durationMs)),
    stream: (ratePerS: number, durationMs: number) =>
      counted(() => addStream(orchestration, ratePerS, durationMs)),
  };
}

export async function volatileDispatch({ warmUpTasks, tasks, streamMs }: Sizes): Promise<Measurement> {
  const node = await witnessedNode();
  await node.run(warmUpTasks!);
  const outcome = await node.run(tasks!);
  const done = mustBeWhole(outcome);
  const rate = (done * 1_000) / outcome.wallMs;
  const added = (await node.added(streamMs!)).perS;
  const { offered, histogram } = offeredOf(ASKED, Math.min(rate, added));
  const stream = await node.stream(offered, streamMs!);
  // Last: what an ablation leaves on the heap is no part of the others.
  const sessions = await sessionRate(node.orchestration, streamMs!);
  return {
    figures: { rate, added, sessions, offered },
    histograms: { [histogram]: stream.latencies },
    verified: `${done} tasks done, each once; ${stream.done} more added one by one; as many calls`,
  };
}

/** Undefined for a load that was too much: callers of an open loop do not wait, so what they wait in runs full. */
async function carried(stream: Promise<StreamOutcome>): Promise<StreamOutcome | undefined> {
  try {
    return await stream;
  } catch (thrown) {
    if (isTuttiError(thrown, 'TUTTI_OVERLOADED')) return undefined;
    throw thrown;
  }
}

/** Offered load against latency, at fractions of the lower of two rates: of one wide plan, and of tasks that are added. */
export async function volatileCurve({ warmUpTasks, tasks, streamMs }: Sizes): Promise<Measurement> {
  const node = await witnessedNode();
  await node.run(warmUpTasks!);
  const outcome = await node.run(tasks!);
  const rate = (mustBeWhole(outcome) * 1_000) / outcome.wallMs;
  const most = Math.min(rate, (await node.added(streamMs!)).perS);
  return await curveOf(rate, most, streamMs!, node.stream);
}

/** Of what the node still has to do after the load before: none of it is in the next point. */
const SETTLE_MS = 500;

/**
 * Of the `most` that can be added, where the knee is: the last load before the first one with a p95 of 100 ms or more,
 * 0 if that is already the first. Each load runs for a while before it is measured.
 */
export async function curveOf(
  rate: number,
  most: number,
  streamMs: number,
  stream: (offeredPerS: number, durationMs: number) => Promise<StreamOutcome>,
): Promise<Measurement> {
  const curve: Point[] = [];
  let knee: Point = { x: 0, y: 0 };
  let isPast = false;
  let tasks = 0;
  for (const fraction of [0.1, 0.25, 0.5, 0.75, 0.9]) {
    const settled = await carried(stream(most * fraction, SETTLE_MS));
    const point = settled && (await carried(stream(most * fraction, streamMs)));
    if (!point) break;
    tasks += settled.done + point.done;
    const reached = { x: point.achievedPerS, y: Histogram.merged([point.latencies]).percentile(0.95) };
    curve.push(reached);
    isPast ||= reached.y >= KNEE_MS;
    if (!isPast) knee = reached;
  }
  return {
    figures: { rate, knee: knee.x, ...(knee.x > 0 ? { 'knee-p95': knee.y } : {}) },
    curves: { load: curve },
    verified: `${tasks} tasks added one by one, each done once; as many calls`,
  };
}

const KNEE_MS = 100;
