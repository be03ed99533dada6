import { unreachable } from '@tutti/kernel';
import type { ApplyContext } from '@tutti/runtime';
import type { SingleCommand } from './commands.ts';
import type { BoardSession } from './session.ts';
import type { TaskRecord } from './state.ts';

/** Does what a command about one task says. @throws TuttiError the session's refusal */
export function moveTask(
  session: BoardSession,
  command: Extract<SingleCommand, { task: string }>,
  context: ApplyContext,
): TaskRecord {
  switch (command.type) {
    case 'task.start':
      return session.start(command.task, command.fence, context);
    case 'task.complete':
      return session.complete(command.task, command.fence, command.output, context);
    case 'task.fail':
      return session.fail(command, context);
    case 'task.return':
      return session.giveBack(command, context);
    case 'task.wake':
      session.refuseIfEnded();
      return session.wake(command.task, context);
    case 'task.degrade':
      session.refuseIfEnded();
      return session.degrade(command.task, command.reason, context);
    default:
      return unreachable(command);
  }
}
