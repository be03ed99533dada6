import { isTuttiError, messageOf, TuttiError } from '@tutti/kernel';
import { isRetryable } from '../../resilience/retry.ts';
import { findWorker } from '../../workers/find-worker.ts';
import type { Worker } from '../../workers/worker.ts';
import type { DelegationPackage } from './delegation-package.ts';
import { missingDeliverables } from './deliverables.ts';

/** How an attempt went wrong, in the form the board keeps. */
export interface WorkProblem {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** An attempt whose work is to be done. */
export interface Attempted {
  readonly offer: DelegationPackage;
  /** For the worker; made when it asks for it. */
  readonly signal: AbortSignal;
}

/** What an attempt's work came to: exactly one of the two is called, once, on a later microtask. */
export interface WorkListener<Attempt extends Attempted> {
  /** `characters`: how much JSON the output is. */
  done(attempt: Attempt, output: unknown, characters: number): void;
  failed(attempt: Attempt, problem: WorkProblem): void;
}

/**
 * Does the work of one attempt and checks what it brings. What goes wrong is told with `TUTTI_WORKER_UNKNOWN`,
 * `TUTTI_OUTPUT_INVALID`, `TUTTI_PROPOSAL_TOO_LARGE`, `TUTTI_DELIVERABLE_MISSING`, or what the worker rejected with.
 */
export function runWork<Attempt extends Attempted>(
  workers: readonly Worker[],
  attempt: Attempt,
  listener: WorkListener<Attempt>,
): void {
  const { offer } = attempt;
  startWork(workers, attempt).then(
    (result) => {
      let checked: Output;
      try {
        checked = checkedOutput(offer, result);
      } catch (thrown) {
        return listener.failed(attempt, problemOf(thrown));
      }
      listener.done(attempt, checked.output, checked.characters);
    },
    (thrown: unknown) => listener.failed(attempt, problemOf(thrown)),
  );
}

function startWork(workers: readonly Worker[], attempted: Attempted): Promise<unknown> {
  const { session, task, orchestrator, node, attempt, fence, needs, folder, work } = attempted.offer;
  try {
    return findWorker(workers, task, work).run(work, {
      session,
      task,
      orchestrator,
      node,
      attempt,
      fence,
      with: attempted.offer.with,
      needs,
      folder,
      get signal() {
        return attempted.signal;
      },
    });
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

interface Output {
  readonly output: unknown;
  readonly characters: number;
}

function checkedOutput({ task, deliverables }: DelegationPackage, result: unknown): Output {
  const checked = throughJson(task, result);
  const missing = missingDeliverables(deliverables, checked.output);
  if (missing.length > 0) throw new TuttiError('TUTTI_DELIVERABLE_MISSING', { task, missing });
  return checked;
}

/** How large a result may be, in characters of JSON. Every node keeps it, and every task that needs it is given it. */
const OUTPUT_CHARS_MAX = 2 ** 20;

/** The result as the log will keep it, so that the next task sees the same on every node. */
function throughJson(task: string, result: unknown): Output {
  if (result === null || result === undefined) return { output: {}, characters: 2 };
  const text = jsonOf(task, result);
  if (text.length > OUTPUT_CHARS_MAX)
    throw new TuttiError('TUTTI_PROPOSAL_TOO_LARGE', { bytes: text.length, limitBytes: OUTPUT_CHARS_MAX });
  return { output: JSON.parse(text) as unknown, characters: text.length };
}

/** @throws TuttiError `TUTTI_OUTPUT_INVALID`, also for what JSON leaves out altogether, such as a function */
function jsonOf(task: string, result: unknown): string {
  try {
    const text = JSON.stringify(result) as string | undefined;
    if (text === undefined) throw new Error(`JSON has no form for a ${typeof result}`);
    return text;
  } catch (thrown) {
    throw new TuttiError('TUTTI_OUTPUT_INVALID', { task, problem: messageOf(thrown) }, { cause: thrown });
  }
}

/** How much of an error's text goes into the log with each failed attempt, in characters. */
const PROBLEM_CHARS_MAX = 4_000;

/** Reads what a worker threw, whatever that is: reporting it must not fail, or the attempt would never end. */
export function problemOf(thrown: unknown): WorkProblem {
  try {
    const problem = isTuttiError(thrown)
      ? thrown
      : new TuttiError('TUTTI_WORK_FAILED', { problem: shortened(messageOf(thrown)) });
    return { code: problem.code, message: shortened(problem.message), retryable: isRetryable(thrown) };
  } catch (unreadable) {
    const { code, message } = new TuttiError('TUTTI_WORK_FAILED', { problem: messageOf(unreadable) });
    return { code, message: shortened(message), retryable: true };
  }
}

function shortened(text: string): string {
  return text.length <= PROBLEM_CHARS_MAX ? text : `${text.slice(0, PROBLEM_CHARS_MAX)} ...`;
}
