import { incarnation, logIndex, nodeId } from '@tutti/kernel';
import type { Member, MemberState } from '@tutti/runtime';
import type { BoardCommand } from '../coordination/board/commands.ts';
import { TaskBoard } from '../coordination/board/task-board.ts';
import type { Plan } from '../engines/workflow/plan.ts';

/** A board to which a test applies commands by hand, one millisecond of log time after the other. */
export class HandBoard {
  readonly board = new TaskBoard();
  #index = 0;

  apply(...commands: BoardCommand[]): void {
    for (const command of commands)
      this.board.apply(command, { index: logIndex(++this.#index), timeMs: this.#index });
  }

  open(session: string, plan: Plan): void {
    this.apply({ type: 'session.open', session, plan, mode: 'eager', folder: '' });
  }

  assign(session: string, node: string, ...tasks: string[]): void {
    const holder = { node: nodeId(node), incarnation: incarnation(1), why: 'a test says so' };
    this.apply({ type: 'tasks.assign', session, assignments: tasks.map((task) => ({ task, ...holder })) });
  }

  /** As {@link assign}, and running where a slot is free. */
  hand(session: string, node: string, ...tasks: string[]): void {
    const holder = { node: nodeId(node), incarnation: incarnation(1), why: 'a test says so' };
    const assignments = tasks.map((task) => ({ task, ...holder }));
    this.apply({ type: 'tasks.assign', session, begin: true, assignments });
  }

  fence(session: string, task: string): number {
    return this.board.session(session)!.tasks.get(task)!.attempts.at(-1)!.fence;
  }
}

export function memberOf(node: string, state: MemberState = 'up', life = 1): Member {
  return { nodeId: nodeId(node), incarnation: incarnation(life), state, labels: {}, since: 0 };
}
