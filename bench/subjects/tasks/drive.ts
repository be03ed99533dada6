import type { Orchestration, Plan, TaskRecord } from '@tutti/actors';
import type { PackedHistogram } from '../../harness/histogram.ts';
import { closedLoop, openLoop } from '../../harness/load.ts';
import { benchTask, widePlan } from './plans.ts';

/** What one session came to. */
export interface SessionOutcome {
  readonly wallMs: number;
  readonly done: number;
  readonly lost: number;
  readonly twice: number;
}

/** Runs a plan to its end and counts what became of its tasks. */
export async function runPlan(
  orchestration: Orchestration,
  plan: Plan,
  mode: 'eager' | 'wave' = 'eager',
): Promise<SessionOutcome> {
  const start = performance.now();
  const session = await orchestration.submit(plan, { mode });
  const record = await orchestration.waitFor(session);
  return { wallMs: performance.now() - start, ...countTasks(record, plan.tasks.length) };
}

/**
 * A task is lost if its session is over and it was not done, whether the record knows of it or not; committed twice if
 * two results were accepted.
 */
export function countTasks(
  record: { readonly tasks: ReadonlyMap<string, Pick<TaskRecord, 'state' | 'completions'>> },
  submitted: number,
): Omit<SessionOutcome, 'wallMs'> {
  const tasks = [...record.tasks.values()];
  const done = tasks.filter(({ state }) => state === 'done').length;
  return {
    done,
    lost: submitted - done,
    twice: tasks.filter(({ completions }) => completions > 1).length,
  };
}

/** @throws Error unless every task was done, once */
export function mustBeWhole({ done, lost, twice }: Omit<SessionOutcome, 'wallMs'>): number {
  if (lost !== 0 || twice > 0) throw new Error(`${lost} tasks lost, ${twice} committed twice`);
  return done;
}

/** A timer of the platform may go off a millisecond early, and drops the fraction of one. */
const EARLY_MS = 2;

/** @throws Error if tasks that let so much time pass in all were done sooner than so many workers can */
export function mustHaveTaken(
  { wallMs, done }: Pick<SessionOutcome, 'wallMs' | 'done'>,
  workMs: number,
  workers: number,
): void {
  const least = (workMs - EARLY_MS * done) / workers;
  if (wallMs < least)
    throw new Error(`${done} tasks were over after ${wallMs} ms, which take at least ${least} ms`);
}

/** Callers that each submit a session of one task as soon as their last one is over. */
const CLIENTS = 128;

/** How many sessions of one task each can be opened and finished in a second; a session costs more than a task. */
export async function sessionRate(orchestration: Orchestration, durationMs: number): Promise<number> {
  const plan = widePlan(1, 256);
  const load = { clients: CLIENTS, warmUpMs: durationMs / 2, durationMs };
  const one = async (done: (failure?: Error) => void) => {
    try {
      mustBeWhole(await runPlan(orchestration, plan));
    } catch (thrown) {
      return done(thrown as Error);
    }
    done();
  };
  const { perS } = await closedLoop(load, (done) => void one(done));
  return perS;
}

/** Callers that each add a task as soon as their last one is done: as many as three orchestrators run at once. */
const ADDERS = 768;

/** One open session to which tasks are added one by one, as jobs are to a queue. */
async function openQueue(orchestration: Orchestration) {
  const session = await orchestration.submit(widePlan(0, 256), { staysOpen: true });
  let added = 0;
  return {
    /** Adds one task, and says when it was done. */
    async one(done: (failure?: Error) => void): Promise<void> {
      const id = `a${added++}`;
      try {
        await orchestration.add(session, [benchTask(id)]);
        const { state, completions } = await orchestration.waitForTask(session, id);
        if (state !== 'done' || completions !== 1)
          throw new Error(`${id} is ${state}, completed ${completions} times`);
      } catch (thrown) {
        return done(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
      done();
    },
    /**
     * How many were added.
     * @throws Error unless each of them is over, and done
     */
    async end(): Promise<number> {
      await orchestration.close(session);
      const record = await orchestration.waitFor(session);
      mustBeWhole(countTasks(record, added - record.forgotten));
      return added;
    },
  };
}

/** What a closed loop came to. */
export interface Carried {
  readonly perS: number;
  /** With those of the warm-up. */
  readonly done: number;
}

/** How many tasks can be added one by one to an open session, and done, in a second. */
export async function addRate(orchestration: Orchestration, durationMs: number): Promise<Carried> {
  const queue = await openQueue(orchestration);
  const load = { clients: ADDERS, warmUpMs: durationMs / 2, durationMs };
  const { perS } = await closedLoop(load, (done) => void queue.one(done));
  return { perS, done: await queue.end() };
}

/** Tasks added one by one to an open session at a fixed rate; latencies from when each was due to its end. */
export async function addStream(
  orchestration: Orchestration,
  ratePerS: number,
  durationMs: number,
): Promise<StreamOutcome> {
  const queue = await openQueue(orchestration);
  const load = await openLoop(ratePerS, durationMs, (done) => void queue.one(done));
  const { latencies, achievedPerS } = load;
  return { latencies: latencies.pack(), achievedPerS, done: await queue.end() };
}

/** What came of tasks at a fixed rate. */
export interface StreamOutcome {
  /** From when each was due to its end, in milliseconds. */
  readonly latencies: PackedHistogram;
  readonly achievedPerS: number;
  readonly done: number;
}

/**
 * The load under which a latency is taken, and the name of its histogram: `task` at the load that is asked for, where
 * it is carried, else `task-half` at half of what is. The two are never one figure.
 */
export function offeredOf(asked: number, carriedPerS: number): { offered: number; histogram: string } {
  return carriedPerS >= asked
    ? { offered: asked, histogram: 'task' }
    : { offered: carriedPerS / 2, histogram: 'task-half' };
}

/** Sessions of so many tasks each, one by default, at a fixed rate of sessions; a latency is that of a session. */
export async function taskStream(
  orchestration: Orchestration,
  ratePerS: number,
  durationMs: number,
  tasks = 1,
): Promise<StreamOutcome> {
  const plan = widePlan(tasks, 256);
  const one = async (done: (failure?: Error) => void) => {
    try {
      const session = await orchestration.submit(plan);
      mustBeWhole(countTasks(await orchestration.waitFor(session), tasks));
    } catch (thrown) {
      return done(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    done();
  };
  const load = await openLoop(ratePerS, durationMs, (done) => void one(done));
  const { latencies, achievedPerS, offered } = load;
  return { latencies: latencies.pack(), achievedPerS, done: offered * tasks };
}
