import type { Clock, Logger, Random } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { assign, type DoneActorEvent, type ErrorActorEvent, enqueueActions, setup } from 'xstate';
import type { Holder } from '../coordination/board/commands.ts';
import type { HeldAttempt } from '../coordination/board/holders.ts';
import type { TaskBoard } from '../coordination/board/task-board.ts';
import { type BoardChanged, watchBoard } from '../coordination/board/watch-board.ts';
import { type DelegationOutput, delegationMachine } from '../coordination/delegation/delegation-machine.ts';
import { delegationPackage } from '../coordination/delegation/delegation-package.ts';
import type { Worker } from '../workers/worker.ts';
import type { DelegationCounts } from './delegation-counts.ts';
import { type DelegationCourse, workList } from './work-list.ts';

/** What an orchestrator works with: this node's own, closed over, since none of it can be put into an event. */
export interface OrchestratorTools {
  /** Such as `backend`. */
  readonly id: string;
  readonly holder: Holder;
  readonly board: ReplicatedHandle<TaskBoard>;
  readonly workers: readonly Worker[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly counts: DelegationCounts;
}

export interface OrchestratorContext {
  /** Fences at work here. */
  readonly live: ReadonlyMap<number, DelegationCourse>;
  /** Fences that are over, until this node's copy of the board shows it. */
  readonly settled: ReadonlySet<number>;
  /** Offered, and waiting for a slot. */
  readonly queued: number;
}

export type OrchestratorEvent =
  | BoardChanged
  /** Looks again at a fence whose report was refused, in case the board goes on showing it as held here. */
  | { readonly type: 'recheck'; readonly fence: number }
  /** Fails this actor: for rehearsing its recovery. */
  | { readonly type: 'crash'; readonly problem: string }
  | DoneActorEvent<DelegationOutput>
  | ErrorActorEvent;

/** Well over the time that this node's copy of the board is behind the log. */
const RECHECK_MS = 1_000;

const TYPES = {} as { context: OrchestratorContext; events: OrchestratorEvent };

/**
 * One orchestrator on one node. It holds nothing that matters: it compares what the board has given it with the
 * delegations at work here, and begins, reports or calls off what differs. So a restart goes on where the board is.
 * `idle`: nothing held. `active`: at work. `overloaded`: more is held than may run at once, and waits.
 */
export function orchestratorMachine(tools: OrchestratorTools) {
  const { board, clock, counts, logger } = tools;
  return setup({
    types: TYPES,
    actors: {
      board: watchBoard(board, clock),
      delegation: delegationMachine({
        ...tools,
        onLateResult: ({ task, fence }) => {
          counts.add('late');
          logger.info({ task, fence }, 'a result came after its attempt was called off; it goes nowhere');
        },
      }),
    },
    guards: {
      hasNothing: ({ context }) => context.live.size === 0 && context.queued === 0,
      hasWork: ({ context }) => context.live.size > 0 && context.queued === 0,
      hasQueue: ({ context }) => context.queued > 0,
    },
    actions: {
      reconcile: enqueueActions(({ context, enqueue }) => {
        const held = heldHere(tools);
        const { live, settled } = context;
        const list = workList({ held, live, settled, limitOf: (session) => limitOf(tools, session) });
        const begin = ({ session, record, attempt }: HeldAttempt, orphaned: boolean) => {
          const offer = delegationPackage(board.module.session(session)!, record, attempt);
          enqueue.spawnChild('delegation', { id: childId(attempt.fence), input: { offer, orphaned } });
        };
        for (const item of list.orphans) begin(item, true);
        for (const item of list.start) begin(item, false);
        for (const fence of list.cancel) enqueue.sendTo(childId(fence), { type: 'cancel' });
        const next = new Map(live);
        for (const { attempt } of [...list.orphans, ...list.start]) next.set(attempt.fence, 'at-work');
        for (const fence of list.cancel) next.set(fence, 'called-off');
        const shown = new Set(held.map((item) => item.attempt.fence));
        enqueue.assign({
          live: next,
          settled: new Set([...settled].filter((fence) => shown.has(fence))),
          queued: list.queued,
        });
      }),
      settle: enqueueActions(({ context, event, enqueue }) => {
        const fence = fenceOf(event);
        if (fence === undefined) return;
        const end = endOf(tools, event);
        counts.add(end);
        if (end === 'stale' || end === 'abandoned')
          enqueue.raise({ type: 'recheck', fence }, { delay: RECHECK_MS });
        const live = new Map(context.live);
        live.delete(fence);
        // A delegation whose actor failed has reported nothing: its attempt must be found as an orphan.
        const settled = end === 'crashed' ? context.settled : new Set([...context.settled, fence]);
        enqueue.assign({ live, settled });
        enqueue.stopChild(childId(fence));
      }),
      doubt: assign({
        settled: ({ context, event }) =>
          new Set([...context.settled].filter((fence) => event.type !== 'recheck' || fence !== event.fence)),
      }),
      fail: ({ event }) => {
        throw new Error(event.type === 'crash' ? event.problem : 'crash');
      },
    },
  }).createMachine({
    id: 'orchestrator',
    context: { live: new Map(), settled: new Set(), queued: 0 },
    invoke: { src: 'board' },
    on: {
      'board.changed': { actions: 'reconcile' },
      'xstate.done.actor.*': { actions: ['settle', 'reconcile'] },
      'xstate.error.actor.*': { actions: ['settle', 'reconcile'] },
      recheck: { actions: ['doubt', 'reconcile'] },
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

/** What the board says this orchestrator holds on this node. */
function heldHere({ board, holder, id }: OrchestratorTools): HeldAttempt[] {
  return board.module
    .heldBy(holder.node, holder.incarnation)
    .filter(({ record, session }) => record.plan.orchestrator === id && board.module.session(session));
}

function limitOf({ board, id }: OrchestratorTools, session: string): number {
  const orchestrators = board.module.session(session)?.plan.orchestrators;
  return orchestrators?.find((orchestrator) => orchestrator.id === id)?.maxConcurrentTasks ?? 1;
}

const PREFIX = 'delegation-';

function childId(fence: number): string {
  return `${PREFIX}${fence}`;
}

function fenceOf(event: OrchestratorEvent): number | undefined {
  if (!('actorId' in event) || !event.actorId.startsWith(PREFIX)) return undefined;
  return Number(event.actorId.slice(PREFIX.length));
}

function endOf({ logger }: OrchestratorTools, event: OrchestratorEvent) {
  if ('output' in event) return event.output.end;
  logger.error({ problem: 'error' in event ? event.error : undefined }, 'a delegation failed');
  return 'crashed';
}
