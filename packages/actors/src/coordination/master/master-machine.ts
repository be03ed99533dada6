import { messageOf } from '@tutti/kernel';
import { fromCallback, setup } from 'xstate';
import { onBoardChange } from '../board/watch-board.ts';
import { MasterDesk, type MasterTools } from './master-desk.ts';
import { onMembersChange } from './watch-members.ts';

export type { MasterTools } from './master-desk.ts';

export type MasterEvent =
  /** Nothing to say: it only wakes a master that is not running yet. */
  | { readonly type: 'look' }
  /** From its desk: the log could not be reached; or it is tried again. */
  | { readonly type: 'log.lost' | 'log.tried' }
  /** Fails this actor: for rehearsing its recovery, and when its desk has a defect. */
  | { readonly type: 'crash'; readonly problem: string };

const TYPES = {} as { events: MasterEvent };

/**
 * The master: its desk looks at the board and the members whenever they change, and proposes what is due. It remembers
 * only what it asked for in the last second, so any node can go on for it at any moment, and two of them do no harm: the
 * log orders their proposals and the board refuses the second. `watching`: follows the board. `waiting`: the log could
 * not be reached; looks again after a backoff.
 */
export function masterMachine(tools: MasterTools) {
  return setup({
    types: TYPES,
    actors: { desk: deskOf(tools) },
    actions: {
      fail: ({ event }) => {
        throw new Error(event.type === 'crash' ? event.problem : 'crash');
      },
    },
  }).createMachine({
    id: 'master',
    invoke: { src: 'desk' },
    on: {
      crash: { actions: 'fail' },
      look: {},
      'log.lost': '.waiting',
      'log.tried': '.watching',
    },
    initial: 'watching',
    states: { watching: {}, waiting: {} },
  });
}

/** The desk lives and ends with the actor. A defect in it is the actor's failure, so that it is begun afresh. */
function deskOf(tools: MasterTools) {
  return fromCallback<MasterEvent>(({ sendBack }) => {
    const desk = new MasterDesk(tools, {
      reached: (isReached) => sendBack({ type: isReached ? 'log.tried' : 'log.lost' }),
      failed(problem) {
        tools.logger.error({ problem }, 'the desk of the master failed');
        sendBack({ type: 'crash', problem: messageOf(problem) });
      },
    });
    const look = () => desk.look();
    const unwatch = [
      onBoardChange(tools.board, tools.clock, look),
      onMembersChange(tools.members, tools.clock, look),
    ];
    return () => {
      for (const end of unwatch) end();
      desk.close();
    };
  });
}
