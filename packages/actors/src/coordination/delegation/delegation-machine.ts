import { assert, backoffDelayMs, type Clock, isTuttiError, type Random, TuttiError } from '@tutti/kernel';
import { assign, fromPromise, setup } from 'xstate';
import type { Worker } from '../../workers/worker.ts';
import type { BoardCommand } from '../board/commands.ts';
import type { DelegationPackage } from './delegation-package.ts';
import { type Proposer, proposeSettled } from './propose-settled.ts';
import { problemOf, runWork, type WorkProblem } from './run-work.ts';

/** What delegations are given by their orchestrator. */
export interface DelegationTools {
  readonly board: Proposer;
  readonly workers: readonly Worker[];
  readonly clock: Clock;
  readonly random: Random;
  /** Called when work that was aborted brings a result after all; the result goes nowhere. */
  readonly onLateResult: (offer: DelegationPackage) => void;
}

export interface DelegationInput {
  readonly offer: DelegationPackage;
  /** The attempt was running under an orchestrator that crashed: there is no work to go on with, only to give back. */
  readonly orphaned: boolean;
}

/**
 * How a delegation ended. `returned`: given back, since its orchestrator had crashed. `stale`: the board has given the task to another attempt, or to nobody. `cancelled`: the
 * orchestrator called it off. `abandoned`: this node is stopping and could not tell the board any more.
 */
export type DelegationEnd = 'done' | 'failed' | 'returned' | 'stale' | 'cancelled' | 'abandoned';

export interface DelegationOutput {
  readonly fence: number;
  readonly end: DelegationEnd;
}

export interface DelegationContext {
  readonly offer: DelegationPackage;
  readonly orphaned: boolean;
  readonly output: unknown;
  readonly problem: WorkProblem | undefined;
  readonly end: DelegationEnd | undefined;
}

/**
 * Calls the delegation off: its fence is old or its session is over. The worker is aborted. A report that is under way
 * goes on, since this may be its own effect, seen before its answer.
 */
export interface CancelDelegation {
  readonly type: 'cancel';
}

const isStale = (thrown: unknown) =>
  isTuttiError(thrown) && !isTuttiError(thrown, 'TUTTI_ABORTED') && !isTuttiError(thrown, 'TUTTI_CLOSED');

const TYPES = {} as {
  context: DelegationContext;
  events: CancelDelegation;
  input: DelegationInput;
  output: DelegationOutput;
};

/**
 * One attempt at one task, from the offer to the report: offered -> accepted (the start is being logged) -> running
 * -> completing or failing (the end is being logged) -> ended. What an orchestrator that crashed left running is only
 * given back: offered -> returning -> ended. Whoever leaves `running` aborts the worker; what it brings afterwards is
 * only counted. Every report carries the fence, so a report too late changes nothing.
 */
export function delegationMachine(tools: DelegationTools) {
  return setup({
    types: TYPES,
    actors: {
      report: fromPromise<unknown, BoardCommand>(({ input, signal }) => proposeSettled(tools, input, signal)),
      work: fromPromise<unknown, DelegationPackage>(({ input, signal }) => watchedWork(tools, input, signal)),
    },
    delays: { timeout: ({ context }) => context.offer.timeoutMs },
    guards: { isOrphaned: ({ context }) => context.orphaned },
  }).createMachine({
    id: 'delegation',
    context: ({ input }) => ({ ...input, output: undefined, problem: undefined, end: undefined }),
    output: ({ context }) => {
      assert(context.end, 'a delegation that is over has said how');
      return { fence: context.offer.fence, end: context.end };
    },
    initial: 'offered',
    states: {
      offered: {
        always: [{ guard: 'isOrphaned', target: 'returning' }, { target: 'accepted' }],
      },
      accepted: {
        on: { cancel: { target: 'ended', actions: assign({ end: 'cancelled' }) } },
        invoke: {
          src: 'report',
          input: ({ context }) => ({ type: 'task.start', ...idsOf(context.offer) }),
          onDone: 'running',
          onError: { target: 'ended', actions: assign({ end: ({ event }) => endOfRefusal(event.error) }) },
        },
      },
      running: {
        on: { cancel: { target: 'ended', actions: assign({ end: 'cancelled' }) } },
        invoke: {
          src: 'work',
          input: ({ context }) => context.offer,
          onDone: { target: 'completing', actions: assign({ output: ({ event }) => event.output }) },
          onError: { target: 'failing', actions: assign({ problem: ({ event }) => problemOf(event.error) }) },
        },
        after: {
          timeout: {
            target: 'failing',
            actions: assign({ problem: ({ context }) => timeoutProblem(context.offer) }),
          },
        },
      },
      completing: {
        invoke: {
          src: 'report',
          input: ({ context }) => ({
            type: 'task.complete',
            ...idsOf(context.offer),
            output: context.output,
          }),
          onDone: { target: 'ended', actions: assign({ end: 'done' }) },
          onError: [
            {
              guard: ({ event }) => isTuttiError(event.error, 'TUTTI_PROPOSAL_TOO_LARGE'),
              target: 'failing',
              actions: assign({ output: undefined, problem: ({ event }) => problemOf(event.error) }),
            },
            { target: 'ended', actions: assign({ end: ({ event }) => endOfRefusal(event.error) }) },
          ],
        },
      },
      failing: {
        invoke: {
          src: 'report',
          input: ({ context }) => failCommand(context, tools.random),
          onDone: { target: 'ended', actions: assign({ end: 'failed' }) },
          onError: { target: 'ended', actions: assign({ end: ({ event }) => endOfRefusal(event.error) }) },
        },
      },
      returning: {
        invoke: {
          src: 'report',
          input: ({ context }) => returnCommand(context.offer),
          onDone: { target: 'ended', actions: assign({ end: 'returned' }) },
          onError: { target: 'ended', actions: assign({ end: ({ event }) => endOfRefusal(event.error) }) },
        },
      },
      ended: { type: 'final' },
    },
  });
}

function idsOf({ session, task, fence }: DelegationPackage) {
  return { session, task, fence };
}

function endOfRefusal(thrown: unknown): DelegationEnd {
  return isStale(thrown) ? 'stale' : 'abandoned';
}

function failCommand(context: DelegationContext, random: Random): BoardCommand {
  const { offer, problem } = context;
  assert(problem, 'a failing delegation has a problem');
  return {
    type: 'task.fail',
    ...idsOf(offer),
    problem: { code: problem.code, message: problem.message },
    retryable: problem.retryable,
    retryInMs: backoffDelayMs(offer.failures, offer.backoff, random),
  };
}

function timeoutProblem({ task, attempt, timeoutMs }: DelegationPackage): WorkProblem {
  return problemOf(new TuttiError('TUTTI_TASK_TIMEOUT', { task, attempt, timeoutMs }));
}

/** Without using up a try: that the orchestrator crashed is not the work's fault. */
function returnCommand(offer: DelegationPackage): BoardCommand {
  const { task, attempt, node, orchestrator } = offer;
  const problem = new TuttiError('TUTTI_ORCHESTRATOR_RESTARTED', { task, attempt, node, orchestrator });
  return { type: 'task.return', ...idsOf(offer), reason: problem.message, recovery: 'restart' };
}

/** The work, with its result counted when it comes after the abort. */
async function watchedWork(
  tools: DelegationTools,
  offer: DelegationPackage,
  signal: AbortSignal,
): Promise<unknown> {
  const output = await runWork(tools.workers, offer, signal);
  if (signal.aborted) tools.onLateResult(offer);
  return output;
}
