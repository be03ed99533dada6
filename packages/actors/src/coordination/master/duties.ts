import { type Random, unreachable } from '@tutti/kernel';
import type { Member } from '@tutti/runtime';
import type { Balancer } from '../balancing/balancer.ts';
import type {
  AssignTasks,
  DegradeTask,
  Holder,
  LoseHolder,
  ResolveBarrier,
  WakeTask,
} from '../board/commands.ts';
import type { BarrierRecord, SessionRecord } from '../board/state.ts';
import type { TaskBoard } from '../board/task-board.ts';
import type { Conflict } from '../conflict/conflict.ts';
import type { Agenda, Asked, TaskMoment } from './agenda.ts';
import type { MasterCapabilities } from './capabilities.ts';
import { dispatch } from './dispatch.ts';
import type { DispatchLimits } from './dispatch-limits.ts';
import { recoverHolder } from './losses.ts';

/** What a master decides by. */
export interface MasterPolicy {
  readonly capabilities: MasterCapabilities;
  readonly balancer: Balancer;
  readonly limits: DispatchLimits;
  /** Compares what the participants of a full barrier bring. */
  readonly detect: (session: SessionRecord, barrier: BarrierRecord) => readonly Conflict[];
}

export interface MasterSituation {
  readonly board: TaskBoard;
  readonly members: readonly Member[];
  /** Wall time in milliseconds since 1970, as the log stamps it. */
  readonly wallTimeMs: number;
  readonly agenda: Agenda;
  readonly policy: MasterPolicy;
  readonly random: Random;
}

/**
 * Everything that the board waits for from a master, as commands: what was asked for a moment ago is left out. None
 * of it is needed twice and all of it may be asked twice: the board refuses what is no longer so.
 */
export function masterDuties(situation: MasterSituation): (Duty | AssignTasks)[] {
  const { board, members, wallTimeMs, agenda, policy } = situation;
  const commands: (Duty | AssignTasks)[] = [];
  const unasked = (command: Duty) => {
    if (!agenda.has(dutyKey(board, command))) commands.push(command);
  };
  for (const holder of lostHolders(board.holders(), members))
    for (const command of recoverHolder(board, members, holder).commands) unasked(command);
  for (const { session, task } of board.wakesDue(wallTimeMs)) unasked({ type: 'task.wake', session, task });
  if (policy.capabilities.cross_orchestrator_coordination)
    for (const session of board.checkedSessions())
      for (const { id: barrier, generation } of board.fullBarriers(session.id))
        unasked(resolveBarrier(policy, session, barrier, generation));
  if (policy.capabilities.orchestrator_delegation)
    commands.push(...dispatch({ ...situation, ...policy, pending: agenda.assignments() }));
  return commands.length > DUTIES_MAX ? commands.slice(0, DUTIES_MAX) : commands;
}

/** Most duties proposed at once; those that are left are due at the next look. */
const DUTIES_MAX = 2_048;

/** Holders whose life the members know to be over. A member that leaves keeps what it holds until it has left. */
export function lostHolders(holders: readonly Holder[], members: readonly Member[]): Holder[] {
  const alive = new Map(
    members
      .filter((member) => member.state === 'up' || member.state === 'leaving')
      .map((member) => [member.nodeId, member.incarnation]),
  );
  return holders.filter(({ node, incarnation }) => alive.get(node) !== incarnation);
}

function resolveBarrier(
  { detect }: MasterPolicy,
  session: SessionRecord,
  barrier: string,
  generation: number,
): Duty {
  const conflicts = detect(session, session.barriers.get(barrier)!);
  return { type: 'barrier.resolve', session: session.id, barrier, generation, conflicts };
}

/** What a master proposes, beside assignments. */
export type Duty = LoseHolder | DegradeTask | WakeTask | ResolveBarrier;

/** What a command asks for, by duty: an assignment of many tasks is many duties. */
export function askedBy(board: TaskBoard, command: Duty | AssignTasks): Asked[] {
  if (command.type !== 'tasks.assign') {
    const about = command.type === 'task.wake' ? momentOf(board, command, 'backoff') : undefined;
    return [{ key: dutyKey(board, command), about }];
  }
  const { session } = command;
  return command.assignments.map(({ task, node, incarnation }) => {
    const about = momentOf(board, { session, task }, 'ready');
    const orchestrator = board.session(session)?.tasks.get(task)?.plan.orchestrator ?? '';
    const key = `${about.attempts} ${task} of ${session}`;
    return { key, about, assignment: { session, task, node, incarnation, orchestrator } };
  });
}

function momentOf(
  board: TaskBoard,
  { session, task }: { readonly session: string; readonly task: string },
  state: TaskMoment['state'],
): TaskMoment {
  return { session, task, state, attempts: board.session(session)?.tasks.get(task)?.attemptCount ?? 0 };
}

/** One name for each occasion of a duty, so that the next occasion is not taken for the last. */
export function dutyKey(board: TaskBoard, command: Duty): string {
  switch (command.type) {
    case 'holder.lost':
      return JSON.stringify([command.type, command.holder.node, command.holder.incarnation]);
    case 'barrier.resolve':
      return JSON.stringify([command.type, command.session, command.barrier, command.generation]);
    case 'task.wake':
    case 'task.degrade': {
      const attempts = board.session(command.session)?.tasks.get(command.task)?.attemptCount;
      return JSON.stringify([command.type, command.session, command.task, attempts]);
    }
    default:
      return unreachable(command);
  }
}
