import type { Clock, NodeId } from '@tutti/kernel';
import type { PlanWork } from '../engines/workflow/plan.ts';

/** What a worker is given for one attempt. */
export interface WorkInput {
  readonly session: string;
  readonly task: string;
  readonly orchestrator: string;
  readonly node: NodeId;
  /** From 1 up. */
  readonly attempt: number;
  /** Grows with every attempt of the cluster. Pass it to outside systems that can refuse an old one. */
  readonly fence: number;
  /** The plan's `with`. */
  readonly with: Readonly<Record<string, unknown>>;
  /** The outputs of the tasks that this one needs, directly, by task id. */
  readonly needs: Readonly<Record<string, unknown>>;
  /** The session's folder, shared by the nodes of a local cluster; writes there should be by rename. */
  readonly folder: string;
  /** Aborted on timeout, cancellation, or when this attempt's fence is old. */
  readonly signal: AbortSignal;
}

/** Runs one kind of work. The result must survive JSON and is kept in the log: keep it small, name files instead. */
export interface Worker {
  readonly type: PlanWork['type'];
  /** Whether this node can do it, or the error that says why not (`TUTTI_WORKER_UNKNOWN`). Called at submission. */
  check(work: PlanWork): Error | undefined;
  /** Rejection fails the attempt; an error with `retryable: false` on it is not tried again. */
  run(work: PlanWork, input: WorkInput): Promise<unknown>;
}

/** Lets `durationMs` of the clock pass: how models of plans run on virtual time. */
export function simulatedWorker(clock: Clock): Worker {
  return {
    type: 'simulated',
    check: () => undefined,
    run: (work, input) =>
      new Promise((resolve, reject) => {
        const timer = clock.setTimer(work.type === 'simulated' ? work.durationMs : 0, () => resolve({}));
        input.signal.addEventListener('abort', () => {
          clock.clearTimer(timer);
          reject(input.signal.reason as Error);
        });
      }),
  };
}
