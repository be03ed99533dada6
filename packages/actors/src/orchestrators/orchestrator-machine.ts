import { messageOf } from '@tutti/kernel';
import { assign, fromCallback, setup } from 'xstate';
import { onBoardChange } from '../coordination/board/watch-board.ts';
import { DelegationDesk, type OrchestratorTools, type Workload } from './delegation-desk.ts';

export type { OrchestratorTools } from './delegation-desk.ts';

/** What an orchestrator shows of itself; its delegations are the desk's. */
export type OrchestratorContext = Workload;

export type OrchestratorEvent =
  | (Workload & { readonly type: 'work.changed' })
  /** Fails this actor: for rehearsing its recovery, and when its desk has a defect. */
  | { readonly type: 'crash'; readonly problem: string };

const TYPES = {} as { context: OrchestratorContext; events: OrchestratorEvent };

/**
 * One orchestrator on one node. It holds nothing that matters: its desk compares what the board has given it with the
 * delegations at work here, and begins, reports or calls off what differs. So a restart goes on where the board is.
 * `idle`: nothing held. `active`: at work. `overloaded`: more is held than may run at once, and waits.
 */
export function orchestratorMachine(tools: OrchestratorTools) {
  return setup({
    types: TYPES,
    actors: { desk: deskOf(tools) },
    guards: {
      hasNothing: ({ context }) => context.live === 0 && context.queued === 0,
      hasWork: ({ context }) => context.live > 0 && context.queued === 0,
      hasQueue: ({ context }) => context.queued > 0,
    },
    actions: {
      note: assign(({ event, context }) =>
        event.type === 'work.changed' ? { live: event.live, queued: event.queued } : context,
      ),
      fail: ({ event }) => {
        throw new Error(event.type === 'crash' ? event.problem : 'crash');
      },
    },
  }).createMachine({
    id: 'orchestrator',
    context: { live: 0, queued: 0 },
    invoke: { src: 'desk' },
    on: {
      'work.changed': { actions: 'note' },
      crash: { actions: 'fail' },
    },
    initial: 'idle',
    states: {
      idle: {
        always: [
          { guard: 'hasQueue', target: 'overloaded' },
          { guard: 'hasWork', target: 'active' },
        ],
      },
      active: {
        always: [
          { guard: 'hasQueue', target: 'overloaded' },
          { guard: 'hasNothing', target: 'idle' },
        ],
      },
      overloaded: {
        always: [
          { guard: 'hasWork', target: 'active' },
          { guard: 'hasNothing', target: 'idle' },
        ],
      },
    },
  });
}

/** The desk lives and ends with the actor. A defect in it is the actor's failure, so that it is begun afresh. */
function deskOf(tools: OrchestratorTools) {
  return fromCallback<OrchestratorEvent>(({ sendBack }) => {
    const failed = (problem: unknown) => {
      tools.logger.error({ orchestrator: tools.id, problem }, 'the desk of an orchestrator failed');
      sendBack({ type: 'crash', problem: messageOf(problem) });
    };
    const desk = new DelegationDesk(
      tools,
      (workload) => sendBack({ type: 'work.changed', ...workload }),
      failed,
    );
    const unwatch = onBoardChange(tools.board, tools.clock, () => {
      try {
        desk.look();
      } catch (problem) {
        failed(problem);
      }
    });
    return () => {
      unwatch();
      desk.close();
    };
  });
}
