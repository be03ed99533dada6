import type { Random } from '@tutti/kernel';
import type { Member } from '@tutti/runtime';
import type { Balancer, Slot } from '../balancing/balancer.ts';
import type { AssignTasks, Holder } from '../board/commands.ts';
import type { SessionRecord, TaskRecord } from '../board/state.ts';
import type { TaskBoard } from '../board/task-board.ts';
import type { DispatchLimits } from './dispatch-limits.ts';

/** An assignment that was proposed, and that this copy of the board may not show yet. */
export interface PendingAssignment extends Holder {
  readonly session: string;
  readonly task: string;
  readonly orchestrator: string;
}

export interface DispatchSituation {
  readonly board: TaskBoard;
  readonly members: readonly Member[];
  readonly pending: readonly PendingAssignment[];
  readonly limits: DispatchLimits;
  readonly balancer: Balancer;
  readonly random: Random;
}

/** Most tasks of one proposal, so that a wide plan does not make an entry without bounds. */
const BATCH_MAX = 256;

/**
 * Which ready task goes where: one command for each session that has something to give. Sessions take turns, one task
 * each, for every orchestrator; within a session the board's order counts (least slack first).
 */
export function dispatch(situation: DispatchSituation): AssignTasks[] {
  const { board, balancer, random } = situation;
  const room = new Room(situation);
  const given = new Map<string, AssignTasks['assignments'][number][]>();
  const sessions = [...board.sessions()].filter((session) => session.state === 'running');
  for (const orchestrator of orchestratorsOf(sessions)) {
    let turns = sessions
      .map((session) => readyTurn(situation, session, orchestrator))
      .filter((turn) => turn !== undefined);
    while (turns.length > 0) {
      turns = turns.filter(({ session, limit, tasks }) => {
        const batch = given.get(session) ?? [];
        const slots = batch.length < BATCH_MAX ? room.slots(orchestrator, limit) : [];
        const next = slots.length > 0 ? tasks.next() : undefined;
        if (!next || next.done) return false;
        const { slot, why } = balancer(slots, random);
        room.take(slot.node, orchestrator);
        batch.push({ task: next.value.plan.id, node: slot.node, incarnation: slot.incarnation, why });
        given.set(session, batch);
        return true;
      });
    }
  }
  return [...given].map(([session, assignments]) => ({ type: 'tasks.assign', session, assignments }));
}

function orchestratorsOf(sessions: readonly SessionRecord[]): Set<string> {
  return new Set(sessions.flatMap((session) => session.plan.orchestrators.map(({ id }) => id)));
}

interface ReadyTurn {
  readonly session: string;
  readonly limit: number;
  readonly tasks: Iterator<TaskRecord>;
}

function readyTurn(
  { board, pending }: DispatchSituation,
  session: SessionRecord,
  orchestrator: string,
): ReadyTurn | undefined {
  const limit = session.plan.orchestrators.find(({ id }) => id === orchestrator)?.maxConcurrentTasks;
  if (limit === undefined) return undefined;
  const asked = new Set(pending.filter((item) => item.session === session.id).map(({ task }) => task));
  const tasks = board.readyTasks(session.id, orchestrator);
  return { session: session.id, limit, tasks: unasked(tasks, asked) };
}

function* unasked(tasks: Iterable<TaskRecord>, asked: ReadonlySet<string>): Iterator<TaskRecord> {
  for (const task of tasks) if (!asked.has(task.plan.id)) yield task;
}

/** The places left, counting what is held and what has been proposed. */
class Room {
  readonly #members: readonly Member[];
  readonly #limits: DispatchLimits;
  readonly #busy = new Map<string, number>();
  readonly #nodeBusy = new Map<string, number>();
  #total = 0;

  constructor({ board, members, pending, limits }: DispatchSituation) {
    this.#members = members.filter((member) => member.state === 'up');
    this.#limits = limits;
    for (const { nodeId, incarnation } of this.#members)
      for (const { record } of board.heldBy(nodeId, incarnation)) this.take(nodeId, record.plan.orchestrator);
    for (const { node, orchestrator } of pending) this.take(node, orchestrator);
  }

  take(node: string, orchestrator: string): void {
    const key = JSON.stringify([node, orchestrator]);
    this.#busy.set(key, (this.#busy.get(key) ?? 0) + 1);
    this.#nodeBusy.set(node, (this.#nodeBusy.get(node) ?? 0) + 1);
    this.#total++;
  }

  slots(orchestrator: string, limit: number): Slot[] {
    const { tasksMax = Infinity, tasksPerNodeMax = Infinity } = this.#limits;
    if (this.#total >= tasksMax) return [];
    const slots: Slot[] = [];
    for (const { nodeId: node, incarnation } of this.#members) {
      const busy = this.#busy.get(JSON.stringify([node, orchestrator])) ?? 0;
      const nodeBusy = this.#nodeBusy.get(node) ?? 0;
      if (busy < limit && nodeBusy < tasksPerNodeMax)
        slots.push({ node, incarnation, busy, limit, nodeBusy });
    }
    return slots;
  }
}
