import { assert, backoffDelayMs, type Random, TuttiError, unreachable } from '@tutti/kernel';
import type { SingleCommand } from '../board/commands.ts';
import type { DelegationPackage } from './delegation-package.ts';
import {
  type DelegationEnd,
  type DelegationEvent,
  type DelegationKind,
  type DelegationState,
  delegationStep,
  FIRST_STATE,
} from './delegation-table.ts';
import { problemOf, type WorkProblem } from './run-work.ts';

/** One attempt at one task under its orchestrator: a row that moves by {@link delegationStep}, and what it carries. */
export class Delegation {
  readonly offer: DelegationPackage;
  /** When its work has taken too long, on the clock's `now`; never while it is not at its work. */
  deadline = Infinity;
  /** How much JSON its report carries, in characters. */
  characters = 0;
  #state: DelegationState;
  #end: DelegationEnd | undefined;
  #output: unknown;
  #problem: WorkProblem | undefined;
  #controller: AbortController | undefined;
  #isAborted = false;

  constructor(offer: DelegationPackage, kind: DelegationKind) {
    this.offer = offer;
    this.#state = FIRST_STATE[kind];
  }

  get state(): DelegationState {
    return this.#state;
  }

  /**
   * Aborted when its work is not wanted any more. Made when somebody asks for it: most work is over before it could be
   * aborted, and never looks.
   */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
  }

  /** How it ended, once it has. */
  get end(): DelegationEnd | undefined {
    return this.#end;
  }

  /** Takes one step, if the event means anything now. Work that is left before its end is aborted. */
  step(event: DelegationEvent): boolean {
    const step = delegationStep(this.#state, event);
    if (!step) return false;
    if (this.#state === 'running') {
      this.deadline = Infinity;
      if (event !== 'work-done' && event !== 'work-failed') this.abort();
    }
    this.#state = step.to;
    this.#end = step.end;
    return true;
  }

  workDone(output: unknown, characters: number): boolean {
    if (!this.step('work-done')) return false;
    this.#output = output;
    this.characters = characters;
    return true;
  }

  workFailed(problem: WorkProblem): boolean {
    return this.step('work-failed') && this.#failsWith(problem);
  }

  timedOut(): boolean {
    const { task, attempt, timeoutMs } = this.offer;
    if (!this.step('timeout')) return false;
    return this.#failsWith(problemOf(new TuttiError('TUTTI_TASK_TIMEOUT', { task, attempt, timeoutMs })));
  }

  /** The log refused the report for its size; a result that is too large fails the attempt. */
  tooLarge(refusal: unknown): boolean {
    if (!this.step('too-large')) return false;
    this.#output = undefined;
    return this.#failsWith(problemOf(refusal));
  }

  #failsWith(problem: WorkProblem): boolean {
    this.#problem = problem;
    this.characters = problem.message.length;
    return true;
  }

  /** What it has to report now. */
  report(random: Random): SingleCommand {
    const { session, task, fence } = this.offer;
    switch (this.#state) {
      case 'accepted':
        return { type: 'task.start', session, task, fence };
      case 'completing':
        return { type: 'task.complete', session, task, fence, output: this.#output };
      case 'failing':
        return this.#failure(random);
      case 'returning':
        return this.#return();
      case 'running':
      case 'ended':
        throw new Error(`a delegation that is ${this.#state} has nothing to report`);
      default:
        return unreachable(this.#state);
    }
  }

  #failure(random: Random): SingleCommand {
    const { session, task, fence, failures, backoff } = this.offer;
    assert(this.#problem, 'a failing delegation has a problem');
    const { code, message, retryable } = this.#problem;
    const retryInMs = backoffDelayMs(failures, backoff, random);
    return { type: 'task.fail', session, task, fence, problem: { code, message }, retryable, retryInMs };
  }

  /** Without using up a try: that the orchestrator crashed is not the work's fault. */
  #return(): SingleCommand {
    const { session, task, fence, attempt, node, orchestrator } = this.offer;
    const { message } = new TuttiError('TUTTI_ORCHESTRATOR_RESTARTED', { task, attempt, node, orchestrator });
    return { type: 'task.return', session, task, fence, reason: message, recovery: 'restart' };
  }
}
