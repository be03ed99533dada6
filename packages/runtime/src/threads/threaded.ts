import { TuttiError } from '@tutti/kernel';
import type {
  ActorLogic,
  AnyActorLogic,
  EventFromLogic,
  EventObject,
  InputFrom,
  Snapshot,
  SnapshotFrom,
} from 'xstate';
import { HostedSelf } from '../actor/xstate-adapter.ts';
import type { LifeEnd } from './thread-messages.ts';

const THREADED: unique symbol = Symbol('tutti.threaded');

/** Where the logic of a threaded actor is found. */
export interface ThreadedSpec {
  /** What `import()` takes in the thread: a URL. */
  readonly module: string;
  /** The name of the export that is the logic. */
  readonly exported: string;
}

/** Logic that runs in a thread, in place of the logic itself. */
export type ThreadedLogic<Logic extends AnyActorLogic = AnyActorLogic> = ActorLogic<
  SnapshotFrom<Logic>,
  EventFromLogic<Logic>,
  InputFrom<Logic>
> & { readonly [THREADED]: ThreadedSpec };

/** The life in the thread is over; told by the outpost to the life that stands for it here. */
export const LIFE_ENDED = 'xstate.tutti.thread.ended';

interface LifeEnded extends EventObject {
  readonly type: typeof LIFE_ENDED;
  readonly end: LifeEnd;
  readonly error: unknown;
}

type StandIn = Snapshot<unknown> & { readonly input?: unknown };

const isEnd = (event: EventObject): event is LifeEnded => event.type === LIFE_ENDED;

/**
 * Places an actor on one of the node's threads, so that it may compute or block without holding up the event loop. The
 * code comes from a module, since functions cannot cross to a thread; messages, replies and input are copied there as
 * structured cloning does, and refs in them stay refs. All else is as for any actor of the node: its address, mailbox
 * options, supervision, watchers. Spawn it, or list it under a supervisor.
 *
 * ```ts no-run
 * node.spawn(threaded<typeof import('./heavy.ts').heavy>(new URL('./heavy.ts', import.meta.url), { export: 'heavy' }));
 * ```
 *
 * @param module A URL, usually made with `import.meta.url`.
 */
export function threaded<Logic extends AnyActorLogic = AnyActorLogic>(
  module: URL | string,
  options: {
    /** The name of the export that is the logic; default `default`. */
    readonly export?: string;
  } = {},
): ThreadedLogic<Logic> {
  const logic = {
    [THREADED]: { module: String(module), exported: options.export ?? 'default' },
    getInitialSnapshot: (_scope: unknown, input: unknown): StandIn => ({
      status: 'active',
      output: undefined,
      error: undefined,
      ...(input === undefined ? {} : { input }),
    }),
    getPersistedSnapshot: (snapshot: StandIn): StandIn => snapshot,
    start: ({ input }: StandIn, { self }: { readonly self: unknown }) => hostOf(self).begin(own(self), input),
    transition,
  };
  return logic as object as ThreadedLogic<Logic>;
}

function transition(
  snapshot: StandIn,
  event: EventObject,
  scope: { readonly self: unknown; readonly defer: (effect: () => void) => void },
): Snapshot<unknown> {
  const { self } = scope;
  if (isEnd(event)) return snapshotAtEnd(snapshot, event);
  if (event.type === 'xstate.stop') {
    hostOf(self).abandon();
    return { ...snapshot, status: 'stopped', output: undefined, error: undefined };
  }
  scope.defer(() => hostOf(self).forward(event, takeAsk(own(self))));
  return snapshot;
}

function snapshotAtEnd(snapshot: StandIn, { end, error }: LifeEnded): Snapshot<unknown> {
  const last = { ...snapshot, ...(end.view as object | undefined) };
  if (end.reason === 'done') return { ...last, status: 'done', error: undefined };
  if (end.reason === 'failed') return { ...last, status: 'error', output: undefined, error };
  return { ...last, status: 'stopped', output: undefined, error: undefined };
}

/** Whoever waits for this message, a receipt included, is answered from the thread. */
function takeAsk({ cell }: HostedSelf) {
  const { currentAsk } = cell;
  cell.currentAsk = undefined;
  return currentAsk;
}

function own(self: unknown): HostedSelf {
  if (self instanceof HostedSelf) return self;
  throw misplaced('invoked or spawned inside a machine');
}

function hostOf(self: unknown) {
  const { outpost } = own(self).cell;
  if (!outpost) throw misplaced('run by anything but the actor system of a node');
  return outpost;
}

export const misplaced = (how: string): TuttiError => new TuttiError('TUTTI_THREADED_MISPLACED', { how });

/** Where a logic that {@link threaded} made is found. */
export function threadedSpecOf(logic: AnyActorLogic): ThreadedSpec | undefined {
  return THREADED in logic ? (logic as ThreadedLogic)[THREADED] : undefined;
}
