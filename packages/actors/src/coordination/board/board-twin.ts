import { canonicalText, unreachable } from '@tutti/kernel';
import type { Plan, PlanBarrier, PlanTask } from '../../engines/workflow/plan.ts';
import type { AddedSubmission, BoardCommand, Holder, SingleCommand } from './commands.ts';
import type { BarrierRecord, Intake, SessionState, TaskState } from './state.ts';

interface TwinTask {
  readonly plan: PlanTask;
  /** 0 for the plan's own; of added ones the order they came in. */
  readonly addedAt: number;
  state: TaskState;
  failures: number;
  /** How often in a row the life that ran it ended. */
  felled: number;
  attempts: number;
  completions: number;
  held: (Holder & { readonly fence: number }) | undefined;
  retryAt: number | undefined;
  wonBy: number | undefined;
}

interface TwinBarrier {
  readonly plan: PlanBarrier;
  state: BarrierRecord['state'];
  readonly arrived: Set<string>;
  releases: number;
}

type Outcome = 'refused' | 'accepted';

/**
 * The task board written the dumb way, for one session: no index and no counter, everything looked for anew after
 * each command. It is what the quick board must agree with; only tests use it.
 */
export class BoardTwin {
  state: SessionState = 'running';
  intake: Intake;
  /** What became of each submission of the last `tasks.add`. */
  added: readonly ('created' | 'known' | 'refused')[] = [];
  tasks: readonly TwinTask[];
  readonly barriers: readonly TwinBarrier[];
  readonly #plan: Plan;
  readonly #keptMax: number;
  readonly #submissions = new Map<string, string>();
  /** Added tasks in the order they were settled. */
  readonly #settledOrder: TwinTask[] = [];
  #addedCount = 0;
  readonly #isWave: boolean;
  readonly #slacks: ArrayLike<number>;
  #fence = 0;
  #stale = 0;
  readonly #lost: Holder[] = [];
  readonly #levels = new Map<TwinTask, number>();

  /**
   * @param slacks Of each task: which of those that are ready goes first.
   * @param keptMax Added tasks that are settled and kept.
   */
  constructor(
    plan: Plan,
    isWave: boolean,
    slacks: ArrayLike<number>,
    { intake = 'while-running', keptMax = Infinity }: { intake?: Intake; keptMax?: number } = {},
  ) {
    this.#plan = plan;
    this.intake = intake;
    this.#keptMax = keptMax;
    this.#slacks = slacks;
    this.#isWave = isWave;
    this.tasks = plan.tasks.map((task) => twinTask(task, 0));
    this.barriers = plan.barriers.map((item) => ({
      plan: item,
      state: 'filling',
      arrived: new Set(),
      releases: 0,
    }));
    this.#follow();
  }

  get staleResults(): number {
    return this.#stale;
  }

  task(id: string): TwinTask {
    return this.tasks.find((task) => task.plan.id === id)!;
  }

  levelOf(task: TwinTask): number {
    const known = this.#levels.get(task);
    if (known !== undefined) return known;
    const before = this.#plan.barriers.filter((barrier) => barrier.before.includes(task.plan.id));
    const needs = new Set([...task.plan.needs, ...before.flatMap((barrier) => barrier.after)]);
    const level = Math.max(-1, ...[...needs].map((need) => this.levelOf(this.task(need)))) + 1;
    this.#levels.set(task, level);
    return level;
  }

  apply(command: BoardCommand, now: number): Outcome {
    if (command.type === 'batch') {
      for (const part of command.commands) this.apply(part, now);
      return 'accepted';
    }
    const outcome = this.#apply(command, now);
    if (outcome === 'accepted') this.#follow();
    return outcome;
  }

  #apply(command: SingleCommand, now: number): Outcome {
    switch (command.type) {
      case 'session.open':
      case 'session.begin':
        return 'accepted';
      case 'tasks.add':
        this.added = command.submissions.map((submission) => this.#add(submission));
        return 'accepted';
      case 'session.close':
        if (this.state === 'running') this.intake = 'closed';
        return 'accepted';
      case 'session.cancel':
        if (this.state !== 'running') return this.state === 'cancelled' ? 'accepted' : 'refused';
        this.#end('cancelled');
        return 'accepted';
      case 'tasks.assign':
        if (this.state !== 'running') return 'refused';
        for (const { task, node, incarnation } of command.assignments)
          this.#assign(this.task(task), { node, incarnation }, command.begin === true);
        return 'accepted';
      case 'tasks.take':
        if (this.#isLost(command.holder)) return 'refused';
        this.#take(command.holder, command.orchestrator, command.upTo);
        return 'accepted';
      case 'holder.lost':
        this.#lost.push(command.holder);
        for (const task of this.tasks) if (task.held && isSame(task.held, command.holder)) this.#fell(task);
        return 'accepted';
      case 'barrier.resolve':
        return this.#resolve(command.barrier, command.generation, command.conflicts.length > 0);
      case 'task.wake': {
        const task = this.task(command.task);
        if (this.state !== 'running' || task.state !== 'backoff') return 'refused';
        this.#release(task, 'ready');
        return 'accepted';
      }
      case 'task.degrade': {
        const task = this.task(command.task);
        if (this.state !== 'running') return 'refused';
        if (task.state === 'degraded') return 'accepted';
        if (task.state === 'done' || !task.plan.optional) return 'refused';
        this.#release(task, 'degraded');
        return 'accepted';
      }
      case 'task.start':
      case 'task.complete':
      case 'task.fail':
      case 'task.return':
        return this.#attempt(this.task(command.task), command, now);
      default:
        return unreachable(command);
    }
  }

  #add({ id, tasks }: AddedSubmission): 'created' | 'known' | 'refused' {
    const wanted = canonicalText(tasks);
    const known = this.#submissions.get(id);
    if (known !== undefined) return known === wanted ? 'known' : 'refused';
    if (this.state !== 'running' || this.intake === 'closed' || this.#isWave || !this.#isSound(tasks))
      return 'refused';
    this.#submissions.set(id, wanted);
    this.tasks = [...this.tasks, ...tasks.map((task) => twinTask(task, ++this.#addedCount))];
    for (const { id: task } of tasks) this.levelOf(this.task(task));
    return 'created';
  }

  /**
   * As one plan with all that is there: names that are unique and known, and no way back to where it began. What was
   * there before needs nothing of these, even by the same name: that was of a task that is forgotten.
   */
  #isSound(tasks: readonly PlanTask[]): boolean {
    const all = [...this.tasks.map(({ plan }) => plan), ...tasks];
    const known = new Set(all.map(({ id }) => id));
    const added = new Map(tasks.map((task) => [task.id, task]));
    const leadsBack = (from: PlanTask, id: string, seen: Set<string>): boolean =>
      from.needs.some((need) => {
        if (need === id) return true;
        const next = added.get(need);
        if (!next || seen.has(need)) return false;
        return leadsBack(next, id, seen.add(need));
      });
    return (
      tasks.length > 0 &&
      known.size === all.length &&
      tasks.every(
        (task) =>
          this.#plan.orchestrators.some(({ id }) => id === task.orchestrator) &&
          new Set(task.needs).size === task.needs.length &&
          task.needs.every((need) => known.has(need)) &&
          !leadsBack(task, task.id, new Set()),
      )
    );
  }

  #isLost(holder: Holder): boolean {
    return this.#lost.some((lost) => lost.node === holder.node && lost.incarnation >= holder.incarnation);
  }

  #heldOn(node: string, orchestrator: string): TwinTask[] {
    return this.tasks.filter((task) => task.held?.node === node && task.plan.orchestrator === orchestrator);
  }

  #limitOf(orchestrator: string): number {
    return this.#plan.orchestrators.find(({ id }) => id === orchestrator)!.maxConcurrentTasks;
  }

  #assign(task: TwinTask, holder: Holder, begin: boolean): void {
    if (task.state !== 'ready' || this.#isLost(holder)) return;
    const { orchestrator } = task.plan;
    const running = this.#heldOn(holder.node, orchestrator).filter(({ state }) => state === 'running');
    task.state = begin && running.length < this.#limitOf(orchestrator) ? 'running' : 'assigned';
    task.attempts++;
    task.held = { ...holder, fence: ++this.#fence };
  }

  #take(holder: Holder, orchestrator: string, upTo: number): void {
    const inOrder = this.tasks
      .map((task, at) => ({ task, slack: task.addedAt > 0 ? 0 : this.#slacks[at]! }))
      .filter(({ task }) => task.state === 'ready' && task.plan.orchestrator === orchestrator)
      .sort(
        (a, b) =>
          a.task.addedAt - b.task.addedAt ||
          a.slack - b.slack ||
          this.levelOf(a.task) - this.levelOf(b.task) ||
          (a.task.plan.id < b.task.plan.id ? -1 : 1),
      );
    for (const { task } of inOrder)
      if (this.#heldOn(holder.node, orchestrator).length < Math.min(upTo, this.#limitOf(orchestrator)))
        this.#assign(task, holder, true);
  }

  #attempt(task: TwinTask, command: Extract<BoardCommand, { fence: number }>, now: number): Outcome {
    if (command.type === 'task.complete' && task.state === 'done' && task.wonBy === command.fence)
      return 'accepted';
    if (task.held?.fence !== command.fence) {
      this.#stale++;
      return 'refused';
    }
    switch (command.type) {
      case 'task.start': {
        const { orchestrator } = task.plan;
        const running = this.#heldOn(task.held.node, orchestrator).filter(({ state }) => state === 'running');
        if (task.state !== 'running' && running.length >= this.#limitOf(orchestrator)) return 'refused';
        task.state = 'running';
        return 'accepted';
      }
      case 'task.complete':
        if (task.state !== 'running') return 'refused';
        task.completions++;
        task.wonBy = command.fence;
        this.#release(task, 'done');
        return 'accepted';
      case 'task.return':
        if (command.recovery === 'restart') this.#fell(task);
        else {
          task.felled = 0;
          this.#release(task, 'ready');
        }
        return 'accepted';
      case 'task.fail': {
        task.failures++;
        task.felled = 0;
        const again = command.retryable && task.failures < task.plan.retry.attemptsMax;
        if (again) this.#release(task, command.retryInMs > 0 ? 'backoff' : 'ready');
        else this.#release(task, task.plan.optional ? 'degraded' : 'failed');
        if (task.state === 'backoff') task.retryAt = now + command.retryInMs;
        if (task.state === 'failed') this.#end('failed');
        return 'accepted';
      }
      default:
        return unreachable(command);
    }
  }

  #resolve(id: string, generation: number, isConflict: boolean): Outcome {
    const barrier = this.barriers.find(({ plan }) => plan.id === id)!;
    if (this.state !== 'running' || barrier.state !== 'full' || generation !== 1) return 'refused';
    barrier.state = isConflict ? 'conflict' : 'released';
    if (isConflict) this.#end('failed');
    else barrier.releases++;
    return 'accepted';
  }

  #release(task: TwinTask, to: TaskState): void {
    task.held = undefined;
    task.retryAt = undefined;
    task.state = to;
  }

  /** The life that held it is over: only if that was often so, and it ran, is it taken for the task's fault. */
  #fell(task: TwinTask): void {
    if (task.state === 'running') task.felled++;
    const isOnceTooOften = task.felled === 10;
    this.#release(task, isOnceTooOften ? (task.plan.optional ? 'degraded' : 'failed') : 'ready');
    if (task.state === 'failed') this.#end('failed');
  }

  #end(state: SessionState): void {
    this.state = state;
    for (const task of this.tasks)
      if (!['done', 'degraded', 'failed', 'cancelled'].includes(task.state)) this.#release(task, 'cancelled');
  }

  /** Everything that follows by itself: arrivals, releases, readiness, the end. */
  #follow(): void {
    if (this.state !== 'running') return;
    const settled = (id: string) => ['done', 'degraded'].includes(this.task(id).state);
    for (const barrier of this.barriers) {
      if (barrier.state !== 'filling') continue;
      const { participants, after, check } = barrier.plan;
      for (const participant of participants)
        if (after.filter((id) => this.task(id).plan.orchestrator === participant).every(settled))
          barrier.arrived.add(participant);
      if (barrier.arrived.size < participants.length) continue;
      barrier.state = check === undefined ? 'released' : 'full';
      if (check === undefined) barrier.releases++;
    }
    for (const task of this.tasks)
      if (task.state === 'waiting' && this.#mayStart(task, settled)) task.state = 'ready';
    const isOver = this.intake !== 'open' && this.tasks.every((task) => settled(task.plan.id));
    this.#forget(settled);
    if (isOver && this.barriers.every((barrier) => barrier.state === 'released')) this.state = 'done';
  }

  /** The added tasks that were settled last are kept, and what somebody needs who is not settled. */
  #forget(settled: (id: string) => boolean): void {
    for (const task of this.tasks)
      if (task.addedAt > 0 && settled(task.plan.id) && !this.#settledOrder.includes(task))
        this.#settledOrder.push(task);
    const old = this.#settledOrder.slice(0, Math.max(0, this.#settledOrder.length - this.#keptMax));
    const isNeeded = ({ plan: { id } }: TwinTask) =>
      this.tasks.some(({ plan, addedAt }) => addedAt > 0 && plan.needs.includes(id) && !settled(plan.id));
    const forgotten = old.filter((task) => !isNeeded(task));
    this.tasks = this.tasks.filter((task) => !forgotten.includes(task));
  }

  #mayStart(task: TwinTask, settled: (id: string) => boolean): boolean {
    const gates = this.barriers.filter(({ plan }) => plan.before.includes(task.plan.id));
    if (!task.plan.needs.every(settled) || !gates.every((gate) => gate.state === 'released')) return false;
    const level = this.levelOf(task);
    return (
      !this.#isWave || this.tasks.every((other) => this.levelOf(other) >= level || settled(other.plan.id))
    );
  }
}

function twinTask(plan: PlanTask, addedAt: number): TwinTask {
  return {
    plan,
    addedAt,
    state: 'waiting',
    failures: 0,
    felled: 0,
    attempts: 0,
    completions: 0,
    held: undefined,
    retryAt: undefined,
    wonBy: undefined,
  };
}

function isSame(a: Holder, b: Holder): boolean {
  return a.node === b.node && a.incarnation === b.incarnation;
}
