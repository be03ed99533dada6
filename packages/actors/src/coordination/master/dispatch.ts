import type { Random } from '@tutti/kernel';
import type { Member } from '@tutti/runtime';
import type { Balancer } from '../balancing/balancer.ts';
import type { AssignTasks } from '../board/commands.ts';
import type { TaskRecord } from '../board/state.ts';
import type { TaskBoard } from '../board/task-board.ts';
import type { DispatchLimits } from './dispatch-limits.ts';
import { type PendingAssignment, Room, type RoomLane } from './room.ts';

export interface DispatchSituation {
  readonly board: TaskBoard;
  readonly members: readonly Member[];
  readonly pending: readonly PendingAssignment[];
  readonly limits: DispatchLimits;
  readonly balancer: Balancer;
  readonly random: Random;
}

/** Most tasks given at once, so that a wide plan does not make an entry without bounds. */
const ASSIGNMENTS_MAX = 1_024;

/** The same in characters of names and reasons, so that long ones do not make it one either. */
const CHARACTERS_MAX = 2 ** 18;

/** Most sessions looked at for one orchestrator at once, with room or without. */
const SESSIONS_MAX = 4_096;

/** The assignments of one look, by session. */
class Assignments {
  readonly bySession = new Map<string, AssignTasks['assignments'][number][]>();
  #size = 0;
  #characters = 0;

  get isFull(): boolean {
    return this.#size >= ASSIGNMENTS_MAX || this.#characters >= CHARACTERS_MAX;
  }

  add(session: string, assignment: AssignTasks['assignments'][number]): void {
    let assignments = this.bySession.get(session);
    if (!assignments) this.bySession.set(session, (assignments = []));
    assignments.push(assignment);
    this.#size++;
    this.#characters += assignment.task.length + assignment.why.length + session.length;
  }
}

/**
 * Which ready task goes where: one command for each session that has something to give. Sessions take turns, one task
 * each, for every orchestrator; within a session the board's order counts (least slack first).
 */
export function dispatch(situation: DispatchSituation): AssignTasks[] {
  const { board, members, pending, limits } = situation;
  const room = new Room(board, members, pending, limits);
  const asked = askedBySession(pending);
  const given = new Assignments();
  for (const orchestrator of board.waitedFor()) {
    if (given.isFull) break;
    const lane = room.lane(orchestrator);
    let turns: Iterable<Turn> = firstTurns(board, orchestrator, asked);
    for (let served: Turn[] = []; ; turns = served, served = []) {
      for (const turn of turns) if (giveOne(situation, turn, lane, given)) served.push(turn);
      if (served.length === 0) break;
    }
  }
  return [...given.bySession].map(([session, assignments]) => {
    return { type: 'tasks.assign', session, begin: true, assignments };
  });
}

/** Whether the session got another task. */
function giveOne(
  { balancer, random }: DispatchSituation,
  { session, limit, tasks }: Turn,
  lane: RoomLane,
  given: Assignments,
): boolean {
  const slots = given.isFull ? [] : lane.slots(limit);
  const next = slots.length > 0 ? tasks.next() : undefined;
  if (!next || next.done) return false;
  const { slot, why } = balancer(slots, random);
  const { node, incarnation } = slot;
  lane.take(node);
  given.add(session, { task: next.value.plan.id, node, incarnation, why });
  return true;
}

interface Turn {
  readonly session: string;
  readonly limit: number;
  readonly tasks: Iterator<TaskRecord>;
}

function* firstTurns(
  board: TaskBoard,
  orchestrator: string,
  asked: ReadonlyMap<string, ReadonlySet<string>>,
): IterableIterator<Turn> {
  let looked = 0;
  for (const session of board.turnsOf(orchestrator)) {
    if (++looked > SESSIONS_MAX) return;
    const tasks = board.readyTasks(session.id, orchestrator);
    yield {
      session: session.id,
      limit: session.limitOf(orchestrator),
      tasks: unasked(tasks, asked.get(session.id)),
    };
  }
}

function unasked(tasks: Iterator<TaskRecord> & Iterable<TaskRecord>, asked: ReadonlySet<string> | undefined) {
  return asked ? without(tasks, asked) : tasks;
}

function* without(tasks: Iterable<TaskRecord>, asked: ReadonlySet<string>): IterableIterator<TaskRecord> {
  for (const task of tasks) if (!asked.has(task.plan.id)) yield task;
}

function askedBySession(pending: readonly PendingAssignment[]): Map<string, Set<string>> {
  const asked = new Map<string, Set<string>>();
  for (const { session, task } of pending) {
    let tasks = asked.get(session);
    if (!tasks) asked.set(session, (tasks = new Set()));
    tasks.add(task);
  }
  return asked;
}
