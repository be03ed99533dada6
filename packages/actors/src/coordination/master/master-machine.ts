import { backoffDelayMs, type Clock, type Logger, messageOf, type Random } from '@tutti/kernel';
import type { Members, ReplicatedHandle } from '@tutti/runtime';
import { type DoneActorEvent, type ErrorActorEvent, enqueueActions, fromPromise, setup } from 'xstate';
import type { BatchAnswer, BoardCommand } from '../board/commands.ts';
import type { TaskBoard } from '../board/task-board.ts';
import { type BoardChanged, watchBoard } from '../board/watch-board.ts';
import { isTransient } from '../delegation/propose-settled.ts';
import { Agenda, ASK_AGAIN_MS, type Asked } from './agenda.ts';
import { askedBy, type MasterPolicy, masterDuties } from './duties.ts';
import { type MembersChanged, watchMembers } from './watch-members.ts';

/** What a master works with: this node's own, closed over. */
export interface MasterTools {
  readonly board: ReplicatedHandle<TaskBoard>;
  readonly members: Members;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly policy: MasterPolicy;
}

export interface MasterContext {
  readonly agenda: Agenda;
  /** What the proposal under way asks for, by key; undefined when there is none. */
  readonly asking: readonly string[] | undefined;
  /** Whether there was a reason to look while a proposal was under way. */
  readonly lookAgain: boolean;
  /** Numbers the proposals. */
  readonly proposed: number;
  /** Proposals in a row that did not reach the log. */
  readonly misses: number;
}

export type MasterEvent =
  | BoardChanged
  | MembersChanged
  /** Nothing to say: it only wakes a master that is not running yet. */
  | { readonly type: 'look' }
  /** From itself: what changed while a proposal was under way. */
  | { readonly type: 'look.again' }
  /** Fails this actor: for rehearsing its recovery. */
  | { readonly type: 'crash'; readonly problem: string }
  | DoneActorEvent
  | ErrorActorEvent;

/** A look without any reason, in case the reason was missed. */
const SWEEP_MS = 30_000;
const NO_LEADER_WAIT = { initialMs: 20, maxMs: 1_000, factor: 2, jitter: 0.5 } as const;

const TYPES = {} as { context: MasterContext; events: MasterEvent };

/**
 * The master: looks at the board and the members whenever they change, and proposes what is due, all of it as one entry
 * and one entry at a time: what changes meanwhile is the next. It remembers only what it asked for in the last second,
 * so any node can go on for it at any moment, and two of them do no harm: the log orders their proposals and the board
 * refuses the second. `watching`: follows the board. `waiting`: the log could not be reached; looks again after a
 * backoff.
 */
export function masterMachine(tools: MasterTools) {
  const { board, clock, random, logger } = tools;
  return setup({
    types: TYPES,
    actors: {
      board: watchBoard(board, clock),
      members: watchMembers(tools.members, clock),
      proposal: fromPromise<unknown, BoardCommand>(({ input }) => board.propose(input)),
    },
    delays: {
      nextLook: ({ context }) => nextLookMs(tools, context),
      noLeader: ({ context }) => backoffDelayMs(context.misses - 1, NO_LEADER_WAIT, random),
    },
    guards: {
      neverReachedLog: ({ event }) => 'error' in event && isTransient(event.error),
    },
    actions: {
      look: enqueueActions(({ context, enqueue }) => {
        if (context.asking) return enqueue.assign({ lookAgain: true });
        const agenda = context.agenda.upToDate(board.module, clock.now());
        const commands = masterDuties({
          board: board.module,
          members: tools.members.list(),
          wallTimeMs: clock.wallTime(),
          agenda,
          policy: tools.policy,
          random,
        });
        const [only] = commands;
        if (!only) return enqueue.assign({ agenda, lookAgain: false });
        const entries = commands.flatMap((command): Asked[] => askedBy(board.module, command));
        const proposed = context.proposed + 1;
        const input: BoardCommand = commands.length === 1 ? only : { type: 'batch', commands };
        enqueue.spawnChild('proposal', { id: `proposal-${proposed}`, input });
        enqueue.assign({
          agenda: agenda.with(entries, clock.now()),
          asking: entries.map(({ key }) => key),
          lookAgain: false,
          proposed,
        });
      }),
      settle: enqueueActions(({ context, event, enqueue }) => {
        if (!('actorId' in event)) return;
        const { asking, agenda, lookAgain, proposed } = context;
        if (!asking || event.actorId !== `proposal-${proposed}`) return;
        enqueue.stopChild(event.actorId);
        if ('error' in event && isTransient(event.error))
          return enqueue.assign({
            asking: undefined,
            agenda: agenda.without(asking),
            misses: context.misses + 1,
          });
        const refused = refusalsOf(event);
        if (refused.length > 0) logger.debug({ refused }, 'the board refused what the master asked for');
        enqueue.assign({ asking: undefined, misses: 0 });
        if (lookAgain) enqueue.raise({ type: 'look.again' });
      }),
      fail: ({ event }) => {
        throw new Error(event.type === 'crash' ? event.problem : 'crash');
      },
    },
  }).createMachine({
    id: 'master',
    context: { agenda: new Agenda(), asking: undefined, lookAgain: false, proposed: 0, misses: 0 },
    invoke: [{ src: 'board' }, { src: 'members' }],
    on: {
      crash: { actions: 'fail' },
      look: {},
      'xstate.done.actor.*': { actions: 'settle' },
      'xstate.error.actor.*': [
        { guard: 'neverReachedLog', target: '.waiting', actions: 'settle' },
        { actions: 'settle' },
      ],
    },
    initial: 'watching',
    states: {
      watching: {
        on: {
          'board.changed': { target: 'watching', reenter: true, actions: 'look' },
          'members.changed': { target: 'watching', reenter: true, actions: 'look' },
          'look.again': { target: 'watching', reenter: true, actions: 'look' },
        },
        after: { nextLook: { target: 'watching', reenter: true, actions: 'look' } },
      },
      waiting: { after: { noLeader: { target: 'watching', actions: 'look' } } },
    },
  });
}

function refusalsOf(event: DoneActorEvent | ErrorActorEvent): readonly unknown[] {
  if ('error' in event) return [messageOf(event.error)];
  return (event.output as Partial<BatchAnswer> | undefined)?.refused ?? [];
}

/** Until the next retry is due, what was asked may be asked again, or the next sweep. */
function nextLookMs({ board, clock }: MasterTools, { agenda }: MasterContext): number {
  const wake = board.module.nextWake();
  const wakeInMs = wake ? Math.max(1, wake.retryAt - clock.wallTime()) : SWEEP_MS;
  return Math.min(wakeInMs <= 1 ? ASK_AGAIN_MS : wakeInMs, agenda.size > 0 ? ASK_AGAIN_MS : SWEEP_MS);
}
