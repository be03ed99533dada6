import type { Clock, IdSource, Incarnation, Logger, NodeId, PeerIdentity, Random } from '@tutti/kernel';
import type { AnyActorLogic, EventFromLogic, EventObject, InputFrom, SnapshotFrom } from 'xstate';
import type { KeptTimer, TimerChange } from '../actor/kept-timers.ts';
import type { Address, Ref } from '../actor/ref.ts';
import type { ReliableOptions, ReliableRef } from '../delivery/reliable-channel.ts';
import type { Recorder } from '../inspection/recorder.ts';
import type { DeadLetters } from '../mailbox/dead-letters.ts';
import type { MailboxOptions } from '../mailbox/mailbox-options.ts';
import type { ChildPolicy } from '../supervision/policy.ts';
import type { ThreadOptions, ThreadStatus } from '../threads/thread-pool.ts';

/** Where the answer to an ask goes. Exactly one of the two is called, at most once. */
export interface ReplyTarget {
  /** When nobody waits any more, on this node's clock; undefined is never. */
  readonly deadline?: number;
  /** The life of another node that asked and waits for the answer there; undefined when it is one of this node. */
  readonly asker?: PeerIdentity;
  /** What waits here is a reliable channel: it wants to know that the event was handled, and no reply. */
  readonly isReceipt?: boolean;
  reply(value: unknown): void;
  fail(error: Error): void;
  /** The message that it came with has been handled, whether it was answered or not. */
  handled?(): void;
  /** The state of the actor puts the message off. */
  putOff?(): void;
}

/** Makes refs for addresses that are not of this system: actors on other nodes, entities, replicated ones. */
export interface AddressResolver {
  /** Whether it knows this kind of address. The first registered resolver that says yes is used. */
  matches(address: Address): boolean;
  ref(address: Address): Ref;
  /** Whether new reliable channels say there when they were born; default true. */
  readonly tellsBirths?: boolean;
}

/** One turn of an actor whose state somebody keeps: some transitions, whose effects and replies are still held back. */
export interface KeptTurn {
  /** Whether the snapshot differs from the one of the turn before. The first turn counts as a change. */
  readonly changed: boolean;
  /** The snapshot as `getPersistedSnapshot` gives it; computed when called. */
  persisted(): unknown;
  /** What became of the actor's delayed events to itself, in order; empty unless the keeper keeps them. */
  timers(): readonly TimerChange[];
}

/**
 * Keeps an actor's state outside of it: entities are made of this. With a keeper, a turn is committed before anybody
 * can see it: its effects (sends, custom actions, timers, children) and replies wait for {@link StateKeeper.commit}.
 */
export interface StateKeeper {
  /** Of an entity: the address by which others know the actor, wherever it lives. */
  readonly entity?: Address;
  /** What `getPersistedSnapshot` once gave, to go on from; undefined begins afresh. Asked at the start and at each restart. */
  restore(): unknown;
  /**
   * Whether the delayed events of a machine to itself are kept too; default false. Each turn then says what became of
   * them. Otherwise the delays of restored states begin anew.
   */
  readonly keepsTimers?: boolean;
  /**
   * Asked right after {@link restore}: the timers to set again. An event that was due and was not handled in a turn that
   * was committed is so delivered once more.
   */
  timers?(): readonly KeptTimer[];
  /**
   * Called at the end of each turn that changed the snapshot or has effects or replies to release; a turn may hold
   * several messages. Undefined releases at once. A promise holds them, and the mailbox, until it resolves; when it
   * rejects they are dropped, pending asks of the turn fail with its reason, and the actor stops as `failed` without
   * a restart.
   */
  commit(turn: KeptTurn): Promise<void> | undefined;
  /**
   * Called when a promise of {@link commit} has resolved, just before effects and replies are released, which is a turn
   * of the event loop or more later. A promise holds them once more.
   */
  confirm?(): Promise<void> | undefined;
  /**
   * How many messages one turn may hold, 1 by default. More of them share a commit, and none sees its effects before
   * that; a message that changes nothing is not held for later ones.
   */
  readonly turnMessagesMax?: number;
  /**
   * Looked at when the actor is ended in the middle of a turn whose commit is under way: what to tell those who asked for
   * what the turn is about; by default that there is no such actor any more.
   */
  readonly endedBy?: Error | undefined;
  /**
   * Called when the actor has been stopped in order, or has ended because a turn could not be committed, for each message
   * that it was sent and has not handled, oldest first: one that its state put off, that came too late to be handled within
   * the deadline of the stop, or that waited behind that turn; but not where its first turn can never be committed. True
   * when the keeper sees to it, otherwise it is a dead letter.
   */
  passOn?(event: EventObject, target: ReplyTarget | undefined): boolean;
}

/** How to spawn one actor. */
export interface SpawnOptions<Logic extends AnyActorLogic = AnyActorLogic> {
  /** Unique among its siblings: 1 to 128 of `A-Z a-z 0-9 . _ ~ -`. By default `~` and a count. */
  readonly id?: string;
  readonly input?: InputFrom<Logic>;
  /** The actor it lives and dies with; by default the node's guardian. Must be local. */
  readonly parent?: Ref;
  /** Default: restart when it fails, 3 times in 5 s, then escalate. `false`: a failure stops it and tells its watchers. */
  readonly supervise?: ChildPolicy | false;
  readonly mailbox?: MailboxOptions;
  /** Keeps its state elsewhere and commits each turn there; by default the actor's state is its own. */
  readonly keeper?: StateKeeper;
}

/** One actor, as `tutti top` shows it. */
export interface ActorInfo {
  readonly address: Address;
  readonly path: string;
  /** Of an actor that is an entity: the address by which others know it, such as `entity:cart/alice`. */
  readonly entity?: Address;
  /** The machine's id, or the kind of logic: `transition`, `promise`, `supervisor`... */
  readonly logic: string;
  readonly state: 'running' | 'waiting-to-restart' | 'stopping' | 'stopped';
  /** The state value of a machine. */
  readonly value?: unknown;
  readonly mailboxDepth: number;
  readonly restarts: number;
  /** The number of the thread that it runs in, if it runs in one now. */
  readonly thread?: number;
}

/** One actor in the tree, as `tutti tree` shows it. */
export interface ActorNodeInfo extends ActorInfo {
  readonly children: readonly ActorNodeInfo[];
}

/** A failure that no supervisor below the guardian took care of. The failed subtree has been put away. */
export interface Escalation {
  readonly address: Address;
  readonly error: unknown;
}

/** What bounds a node's actors. */
export interface ActorLimits {
  /** Most live actors; default 2,000,000. Spawning more throws `TUTTI_OVERLOADED`. */
  readonly actors?: number;
  /** Most asks waiting for a reply; default 1,000,000. More reject with `TUTTI_OVERLOADED`. */
  readonly asks?: number;
  /** Messages one actor handles before the next one's turn; default 64. */
  readonly quantum?: number;
  /**
   * How long one turn of the event loop may be used for actors, in milliseconds; default 10. One message may exceed it, of
   * actors that begin to be slow some more; see `Turn`.
   */
  readonly turnMs?: number;
  /** Microsteps one event may cause in a machine before it fails; default 1,000. */
  readonly microsteps?: number;
}

/** What the actors of one life of one node are given from outside. */
export interface ActorSystemOptions {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdSource;
  readonly logger?: Logger;
  readonly limits?: ActorLimits;
  /** Told of every failure that reaches the guardian, which has logged it and put that subtree away. */
  readonly onEscalation?: (escalation: Escalation) => void;
  /** Default `stop-actor`. */
  readonly guardian?: GuardianPolicy;
  /** Where the actors of `threaded(...)` run. Without it they are refused. */
  readonly threads?: ThreadOptions;
}

/**
 * What the guardian does about an actor whose failures have reached it. `stop-actor`: the actor is gone. `restart-actor`:
 * it is started again when the window of its intensity is over (5 s by default), its failures counted anew, with what
 * waits in its mailbox, as often as it takes. `stop-system`: the actor is gone, and every other is stopped in order, for
 * nodes that are better started anew by whoever watches the process.
 */
export type GuardianPolicy = 'stop-actor' | 'restart-actor' | 'stop-system';

/** The actors of one node: a tree under one guardian, with one scheduler. */
export interface ActorSystem {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly deadLetters: DeadLetters;
  /**
   * Starts an actor. Its initial state is computed on the node's next turn, not on this stack.
   * @throws TuttiError `TUTTI_ACTOR_ID_INVALID`, `TUTTI_ACTOR_ID_TAKEN`, `TUTTI_ACTOR_UNKNOWN` (the parent), `TUTTI_CLOSED`,
   * and of threaded logic `TUTTI_THREADS_OFF`, `TUTTI_THREADED_MISPLACED`
   */
  spawn<Logic extends AnyActorLogic>(
    logic: Logic,
    options?: SpawnOptions<Logic>,
  ): Ref<EventFromLogic<Logic>, SnapshotFrom<Logic>>;
  /** A ref for any address; of an actor that does not exist too, whose messages become dead letters. */
  ref<Event extends EventObject = EventObject, Snapshot = unknown>(address: Address): Ref<Event, Snapshot>;
  /** Teaches this system a kind of address that is not its own. Returns the function that takes it back. */
  addResolver(resolver: AddressResolver): () => void;
  /** A message from the wire for an actor of this system. With a target, it is an ask. */
  deliver(address: Address, event: EventObject, target?: ReplyTarget): void;
  /**
   * The actors at the top, with everything below them: all of it at once, which with a million actors takes longer than a
   * node may stand still. {@link survey} does not.
   */
  tree(): readonly ActorNodeInfo[];
  /**
   * Shows every actor to `visit`, parents before their children, 2,000 in one turn of the event loop. One that begins or
   * ends meanwhile may be left out, or not. Resolves after the last; rejects with what `visit` threw.
   */
  survey(visit: (actor: ActorInfo, parent: ActorInfo | undefined) => void): Promise<void>;
  /**
   * Opens a channel to an actor that loses nothing and keeps its order; see {@link ReliableRef}. Close it when it is
   * not needed any more.
   */
  reliable<Event extends EventObject>(ref: Ref<Event>, options?: ReliableOptions): ReliableRef<Event>;
  /**
   * When the ask that is being handled now is over, on the clock; `Infinity` while none is. An ask that an actor makes
   * while it handles one ends then at the latest. Code that waits, such as a promise, takes it before its first `await`.
   */
  readonly askDeadline: number;
  /** Tells a recorder what the actors do from now on; returns the function that ends it. */
  record(recorder: Recorder): () => void;
  /** Asks waiting for a reply now. */
  readonly pendingAsks: number;
  /** Live actors now. */
  readonly actorCount: number;
  /** The threads that run now, in the order of their start. */
  readonly threads: readonly ThreadStatus[];
  /** Stops everything, last started first, each within its shutdown deadline. */
  stop(): Promise<void>;
}
