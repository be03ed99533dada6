import {
  assert,
  type Clock,
  type Logger,
  messageOf,
  type Random,
  type Timer,
  TuttiError,
} from '@tutti/kernel';
import type { AnyActorLogic, EventObject, Snapshot } from 'xstate';
import type { DeadLetterReason, DeadLetters } from '../mailbox/dead-letters.ts';
import type { Mailbox, MailboxPool, UserMessage } from '../mailbox/mailbox.ts';
import type { MailboxOverflow } from '../mailbox/mailbox-options.ts';
import type { Runnable, RunQueue } from '../scheduler/run-queue.ts';
import type { ChildPolicy } from '../supervision/policy.ts';
import { type SupervisedCell, Supervision } from '../supervision/supervision.ts';
import { type SupervisorOptions, supervisionOf } from '../supervision/supervisor.ts';
import type { ReplyTarget, StateKeeper } from '../system/actor-system.ts';
import { Asked } from './ask.ts';
import type { Address, Terminated, TerminationReason } from './ref.ts';
import type { HeldEffects, HostedSelf, HostingCell, Signal, XStateRuntime } from './xstate-adapter.ts';

/** What an actor was spawned with. Actors spawned with nothing special share one of these. */
export interface CellSettings {
  readonly input: unknown;
  readonly keeper: StateKeeper | undefined;
  readonly policy: ChildPolicy | false;
  readonly mailboxLimit: number;
  readonly overflow: MailboxOverflow;
}

/** What the cells of one node share. */
export interface CellCore {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly deadLetters: DeadLetters;
  readonly runtime: XStateRuntime;
  readonly queue: RunQueue;
  readonly mailboxes: MailboxPool<Signal<HostingCell>>;
  /** What every local address begins with. */
  readonly prefix: string;
  /** Starts the children of a supervisor's list. */
  spawnListed(parent: ActorCell, options: SupervisorOptions): void;
  /** A failure has reached the guardian, which has stopped the child it came from. */
  reportEscalation(address: Address, error: unknown): void;
  /** One live actor fewer. */
  onEnded(): void;
}

/**
 * `new`: not started. `running`: handles messages. `committing`: waits for its commit. `closing`: its children are being
 * stopped. `down`: its logic is put away, its mailbox kept; whoever supervises it decides. `stopped`: gone.
 */
export type Phase = 'new' | 'running' | 'committing' | 'closing' | 'down' | 'stopped';

interface Closing {
  /** What comes when the children are gone. */
  next: 'stop' | 'down';
  how: 'failed' | 'done' | 'suspended' | 'stopped';
  error: unknown;
  /** Children still to be stopped, the next one last. */
  readonly rest: ActorCell[];
  awaited: ActorCell | undefined;
}

interface Commit {
  readonly snapshot: Snapshot<unknown>;
  readonly effects: HeldEffects | undefined;
  readonly ask: ReplyTarget | undefined;
  outcome: 'waiting' | 'committed' | { readonly error: unknown };
}

/** What few actors have at a time. */
class RareParts {
  watchers: Set<(notice: Terminated) => void> | undefined;
  subscribers: Set<(snapshot: Snapshot<unknown>) => void> | undefined;
  supervision: Supervision | undefined;
  closing: Closing | undefined;
  commit: Commit | undefined;
  deadline: Timer | undefined;
  isAwaitingRestart = false;
  restarts = 0;
}

class ChildDown implements Signal<ActorCell> {
  readonly #child: ActorCell;
  readonly #how: 'failed' | 'done' | 'suspended';
  readonly #error: unknown;

  constructor(child: ActorCell, how: 'failed' | 'done' | 'suspended', error: unknown) {
    this.#child = child;
    this.#how = how;
    this.#error = error;
  }

  handle(cell: ActorCell): void {
    cell.onChildDown(this.#child, this.#how, this.#error);
  }
}

class ChildEnded implements Signal<ActorCell> {
  readonly #child: ActorCell;

  constructor(child: ActorCell) {
    this.#child = child;
  }

  handle(cell: ActorCell): void {
    cell.onChildEnded(this.#child);
  }
}

const SHUTDOWN_MS_DEFAULT = 5_000;
const STASH_LIMIT_DEFAULT = 1_000;

/**
 * One actor: a logic, its snapshot, its place in the tree, and its mailbox while it has messages. It never calls
 * another actor; it puts signals into the other's system lane, so that trees of any depth start, fail and stop without
 * recursion.
 */
export class ActorCell implements HostingCell, Runnable, SupervisedCell {
  readonly core: CellCore;
  readonly id: string;
  readonly parent: ActorCell | undefined;
  readonly logic: AnyActorLogic;
  readonly settings: CellSettings;
  children: Map<string, ActorCell> | undefined;
  phase: Phase = 'new';
  isQueued = false;
  stopRequested = false;
  snapshot: Snapshot<unknown> | undefined;
  self: HostedSelf | undefined;
  currentAsk: ReplyTarget | undefined;
  mailbox: Mailbox<Signal<HostingCell>> | undefined;
  #rare: RareParts | undefined;

  constructor(
    core: CellCore,
    id: string,
    parent: ActorCell | undefined,
    logic: AnyActorLogic,
    settings: CellSettings,
  ) {
    this.core = core;
    this.id = id;
    this.parent = parent;
    this.logic = logic;
    this.settings = settings;
  }

  get isGuardian(): boolean {
    return this.parent === undefined;
  }

  get isDown(): boolean {
    return this.phase === 'down';
  }

  get isStopped(): boolean {
    return this.phase === 'stopped';
  }

  get policy(): ChildPolicy | false {
    return this.settings.policy;
  }

  get restarts(): number {
    return this.#rare?.restarts ?? 0;
  }

  get isAwaitingRestart(): boolean {
    return this.#rare?.isAwaitingRestart ?? false;
  }

  /** The ids from the top, joined by `/`. */
  get path(): string {
    const ids: string[] = [];
    if (this.parent) ids.push(this.id);
    for (let cell = this.parent; cell?.parent; cell = cell.parent) ids.push(cell.id);
    return ids.reverse().join('/');
  }

  get address(): Address {
    return this.core.prefix + this.path;
  }

  get isReady(): boolean {
    if (this.phase === 'new') return true;
    if (this.phase === 'committing') return this.#rare!.commit!.outcome !== 'waiting';
    return this.mailbox !== undefined && (this.mailbox.hasSystem || this.#canHandleUser(this.mailbox));
  }

  #canHandleUser(mailbox: Mailbox<Signal<HostingCell>>): boolean {
    return this.phase === 'running' && mailbox.user.size > 0;
  }

  // Messages in

  sendUser(event: EventObject): void {
    this.accept(event);
  }

  /** Puts a message into the user lane, or makes a dead letter of it. */
  accept(message: UserMessage): void {
    if (this.phase === 'stopped' || this.stopRequested) return this.#refuse(message, 'stopped');
    const mailbox = (this.mailbox ??= this.core.mailboxes.take());
    if (mailbox.user.size >= this.settings.mailboxLimit) return this.#overflow(mailbox, message);
    if (this.#rare?.isAwaitingRestart && mailbox.user.size >= this.#stashLimit) {
      return this.#refuse(message, 'stash-full');
    }
    mailbox.pushUser(message);
    if (!this.isQueued && (this.phase === 'running' || this.phase === 'new')) this.core.queue.ready(this);
  }

  signal(signal: Signal<ActorCell>): void {
    if (this.phase === 'stopped') return;
    const mailbox = (this.mailbox ??= this.core.mailboxes.take());
    if (!mailbox.pushSystem(signal)) {
      this.core.logger.error({ actor: this.address }, 'the system lane of an actor is full');
    }
    if (!this.isQueued) this.core.queue.ready(this);
  }

  get #stashLimit(): number {
    return (this.policy && this.policy.stashLimit) || STASH_LIMIT_DEFAULT;
  }

  #overflow(mailbox: Mailbox<Signal<HostingCell>>, message: UserMessage): void {
    if (this.settings.overflow !== 'drop-old') return this.#refuse(message, 'overflow-new');
    this.#refuse(mailbox.user.shift()!, 'overflow-old');
    mailbox.pushUser(message);
  }

  #refuse(message: UserMessage, reason: DeadLetterReason): void {
    const { address } = this;
    if (!(message instanceof Asked)) return this.core.deadLetters.publish(address, message, reason);
    this.core.deadLetters.publish(address, message.event, reason);
    if (reason === 'stopped') message.target.fail(new TuttiError('TUTTI_ACTOR_UNKNOWN', { address }));
    else if (reason === 'stash-full' || this.settings.overflow === 'reject') {
      const size = this.mailbox?.user.size ?? 0;
      const limit = reason === 'stash-full' ? this.#stashLimit : this.settings.mailboxLimit;
      message.target.fail(
        new TuttiError('TUTTI_OVERLOADED', { what: `the mailbox of ${address}`, size, limit }),
      );
    }
  }

  // Running

  run(budget: number): number {
    let handled = 0;
    if (this.phase === 'new' && !this.#isStoppedBeforeStart()) {
      this.#start();
      handled++;
    } else if (this.phase === 'committing') this.#endCommit();
    while (handled < budget && this.phase !== 'committing') {
      const { mailbox } = this;
      if (!mailbox) break;
      const signal = mailbox.shiftSystem();
      if (signal) signal.handle(this);
      else if (this.phase !== 'running') break;
      else {
        const message = mailbox.user.shift();
        if (message === undefined) break;
        this.#handle(message);
      }
      handled++;
    }
    if (this.stopRequested) this.#goOnStopping();
    if (this.mailbox?.isEmpty) {
      this.core.mailboxes.give(this.mailbox);
      this.mailbox = undefined;
    }
    return handled;
  }

  #isStoppedBeforeStart(): boolean {
    if (!this.stopRequested || this.children?.size || this.mailbox?.user.size) return false;
    this.#finalize('stopped', undefined);
    return true;
  }

  #handle(message: UserMessage): void {
    if (message instanceof Asked) {
      this.currentAsk = message.target;
      this.process(message.event);
      this.currentAsk = undefined;
    } else this.process(message);
  }

  /** Runs one event through the logic: snapshot, commit, effects, and what the snapshot's status asks for. */
  process(event: EventObject): void {
    if (this.phase !== 'running') return;
    let next: Snapshot<unknown>;
    try {
      next = this.core.runtime.transition(this, event);
    } catch (error) {
      return this.fail(error);
    }
    const { keeper } = this.settings;
    if (keeper && (next !== this.snapshot || this.core.runtime.hasEffects(this))) {
      return this.#commit(keeper, next, next !== this.snapshot);
    }
    this.#adopt(next, undefined);
  }

  #adopt(next: Snapshot<unknown>, effects: HeldEffects | undefined): void {
    const before = this.snapshot;
    this.snapshot = next;
    try {
      this.core.runtime.release(this, effects);
    } catch (error) {
      this.snapshot = before;
      return this.fail(error);
    }
    this.#settle(next);
  }

  #settle(next: Snapshot<unknown>): void {
    if (next.status === 'error') return this.fail(next.error);
    if (this.#rare?.subscribers) this.#publish(next);
    if (next.status === 'active') return;
    const isPermanent = this.policy !== false && this.policy.restart === 'permanent';
    if (next.status === 'done' && isPermanent && !this.stopRequested) this.#close('down', 'done', undefined);
    else this.#close('stop', next.status === 'done' ? 'done' : 'stopped', undefined);
  }

  #start(): void {
    this.phase = 'running';
    const { runtime } = this.core;
    const { input, keeper } = this.settings;
    let snapshot: Snapshot<unknown>;
    try {
      snapshot = runtime.initialSnapshot(this, input, keeper?.restore());
    } catch (error) {
      return this.fail(error);
    }
    if (snapshot.status === 'error') {
      runtime.hold(this);
      return this.fail(snapshot.error);
    }
    if (keeper) return this.#commit(keeper, snapshot, true);
    this.#begin(snapshot, undefined);
  }

  #begin(snapshot: Snapshot<unknown>, effects: HeldEffects | undefined): void {
    this.snapshot = snapshot;
    try {
      this.core.runtime.begin(this, snapshot, effects);
    } catch (error) {
      return this.fail(error);
    }
    const listed = supervisionOf(this.logic);
    if (listed) this.core.spawnListed(this, listed);
    this.#settle(snapshot);
  }

  // Commit

  #commit(keeper: StateKeeper, snapshot: Snapshot<unknown>, changed: boolean): void {
    let promise: Promise<void> | undefined;
    try {
      promise = keeper.commit({ changed, persisted: () => this.logic.getPersistedSnapshot(snapshot) });
    } catch (error) {
      this.core.runtime.hold(this);
      return this.fail(error);
    }
    if (!promise) return this.#goOn(snapshot, undefined);
    const effects = this.core.runtime.hold(this);
    const commit: Commit = { snapshot, effects, ask: this.currentAsk, outcome: 'waiting' };
    this.currentAsk = undefined;
    this.phase = 'committing';
    this.#rareParts.commit = commit;
    const end = (outcome: Commit['outcome']) => {
      commit.outcome = outcome;
      if (this.#rare?.commit === commit) this.core.queue.ready(this);
    };
    promise.then(
      () => end('committed'),
      (error: unknown) => end({ error }),
    );
  }

  #endCommit(): void {
    const { commit } = this.#rare!;
    if (!commit || commit.outcome === 'waiting') return;
    this.#rare!.commit = undefined;
    this.phase = 'running';
    this.currentAsk = commit.ask;
    if (commit.outcome === 'committed') this.#goOn(commit.snapshot, commit.effects);
    else this.#failForGood(commit.outcome.error);
    this.currentAsk = undefined;
  }

  #goOn(snapshot: Snapshot<unknown>, effects: HeldEffects | undefined): void {
    if (this.snapshot === undefined) this.#begin(snapshot, effects);
    else this.#adopt(snapshot, effects);
  }

  // Failing, closing, restarting

  /** The logic failed: it is put away, its children are stopped, and whoever supervises it is told. */
  fail(error: unknown): void {
    if (this.phase !== 'running') return;
    const { address } = this;
    const problem = messageOf(error);
    this.core.logger.warn({ actor: address, problem, restarts: this.restarts }, 'an actor failed');
    this.currentAsk?.fail(new TuttiError('TUTTI_ACTOR_FAILED', { address, problem }, { cause: error }));
    this.currentAsk = undefined;
    this.core.runtime.dispose(this, true);
    this.#close('down', 'failed', error);
  }

  /** What it did was not committed, so it is not the one to go on; a restart would only do it again. */
  #failForGood(error: unknown): void {
    const reason =
      error instanceof Error ? error : new TuttiError('TUTTI_INTERNAL', { problem: messageOf(error) });
    this.currentAsk?.fail(reason);
    this.currentAsk = undefined;
    this.core.runtime.dispose(this, true);
    this.#close('stop', 'failed', error);
  }

  suspend(): void {
    if (this.phase === 'new') {
      this.phase = 'down';
      this.parent!.signal(new ChildDown(this, 'suspended', undefined));
    } else if (this.phase === 'running') this.#close('down', 'suspended', undefined);
    else if (this.phase === 'committing') {
      this.#dropCommit();
      this.#close('down', 'suspended', undefined);
    }
  }

  #dropCommit(): void {
    const commit = this.#rare?.commit;
    if (!commit) return;
    this.#rare!.commit = undefined;
    commit.ask?.fail(new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: this.address }));
  }

  #close(next: Closing['next'], how: Closing['how'], error: unknown): void {
    this.phase = 'closing';
    this.#rare?.supervision?.cancel();
    const rest = this.children ? [...this.children.values()] : [];
    if (rest.length === 0 && next === 'stop') return this.#finalize(how as TerminationReason, error);
    this.#rareParts.closing = { next, how, error, rest, awaited: undefined };
    this.#closeNext();
  }

  /** Stops the children one after another, last started first, then goes on to what was asked for. */
  #closeNext(): void {
    const closing = this.#rare!.closing!;
    for (let child = closing.rest.pop(); child; child = closing.rest.pop()) {
      child.requestStop();
      closing.awaited = child;
      if (!child.isStopped) return;
    }
    this.#rare!.closing = undefined;
    const { how, error } = closing;
    if (closing.next === 'stop') return this.#finalize(how as TerminationReason, error);
    this.core.runtime.dispose(this, how === 'failed');
    this.snapshot = undefined;
    this.phase = 'down';
    if (this.stopRequested) return this.#finalize(how === 'failed' ? how : 'stopped', error);
    assert(how !== 'stopped', 'an actor goes down to be restarted, or stops');
    this.parent!.signal(new ChildDown(this, how, error));
  }

  awaitRestart(): void {
    this.#rareParts.isAwaitingRestart = true;
  }

  /** A new life at the same address, with what is left in the mailbox. */
  restart(): void {
    this.#rareParts.isAwaitingRestart = false;
    this.#rareParts.restarts++;
    this.snapshot = undefined;
    this.phase = 'new';
    this.core.logger.info({ actor: this.address, restarts: this.restarts }, 'an actor was restarted');
    this.core.queue.ready(this);
  }

  terminate(reason: TerminationReason, error?: unknown): void {
    if (this.phase !== 'stopped') this.#finalize(reason, error);
  }

  /** Begins the ordered stop. Messages that wait are handled first; later ones are dead letters. */
  requestStop(): void {
    if (this.phase === 'stopped' || this.stopRequested) return;
    this.stopRequested = true;
    if (this.phase === 'down') this.#finalize('stopped', undefined);
    else if (this.phase !== 'closing') this.core.queue.ready(this);
  }

  #goOnStopping(): void {
    if (this.phase === 'running' && (!this.mailbox || this.mailbox.user.size === 0)) {
      this.#close('stop', 'stopped', undefined);
    }
    if (this.isStopped || this.#rare?.deadline) return;
    const { shutdownMs = SHUTDOWN_MS_DEFAULT } = this.policy || {};
    if (shutdownMs === Infinity) return;
    this.#rareParts.deadline = this.core.clock.setTimer(shutdownMs, () => this.#stopNow());
  }

  /** The deadline is over: everything below ends now, deepest first, and what waits becomes dead letters. */
  #stopNow(): void {
    const order: ActorCell[] = [this];
    for (let i = 0; i < order.length; i++) {
      for (const child of order[i]!.children?.values() ?? []) order.push(child);
    }
    for (const cell of order.reverse()) cell.terminate('stopped');
  }

  #finalize(reason: TerminationReason, error: unknown): void {
    this.#drainChildEvents();
    this.phase = 'stopped';
    this.#dropCommit();
    this.core.runtime.dispose(this, reason === 'failed');
    const rare = this.#rare;
    if (rare?.deadline) this.core.clock.clearTimer(rare.deadline);
    rare?.supervision?.cancel();
    const { mailbox } = this;
    this.mailbox = undefined;
    for (let message = mailbox?.user.shift(); message; message = mailbox?.user.shift()) {
      this.#refuse(message, 'stopped');
    }
    this.parent?.children!.delete(this.id);
    this.core.onEnded();
    if (rare?.watchers) this.#tellWatchers(rare.watchers, reason, error);
    this.#rare = undefined;
    this.parent?.endedBelow(this);
  }

  /** What was sent to in-machine children before the end still reaches them, as XState would have it. */
  #drainChildEvents(): void {
    if (!this.mailbox || !this.self) return;
    if (this.phase === 'running') this.phase = 'closing';
    for (let i = 0; i < 10_000; i++) {
      const signal = this.mailbox.shiftSystem();
      if (!signal) return;
      if (!(signal instanceof ChildDown) && !(signal instanceof ChildEnded)) signal.handle(this);
    }
  }

  // Children

  /** Called by a child at its end. Only a parent that waits for it needs a turn. */
  endedBelow(child: ActorCell): void {
    if (this.#rare?.closing || this.#rare?.supervision) this.signal(new ChildEnded(child));
  }

  onChildEnded(child: ActorCell): void {
    this.#rare?.supervision?.onEnded(child);
    if (this.#rare?.closing?.awaited === child) this.#closeNext();
  }

  onChildDown(child: ActorCell, how: 'failed' | 'done' | 'suspended', error: unknown): void {
    if (this.phase !== 'running') return;
    const rare = this.#rareParts;
    if (!rare.supervision) {
      const listed = supervisionOf(this.logic);
      const host = {
        clock: this.core.clock,
        random: this.core.random,
        supervisedCells: () => this.children?.values() ?? [],
        escalate: (cell: SupervisedCell, cause: unknown) => this.#escalate(cell, cause),
      };
      rare.supervision = new Supervision(host, listed?.strategy ?? 'one-for-one', listed?.totalIntensity);
    }
    rare.supervision.onDown(child, how, error);
  }

  #escalate(child: SupervisedCell, error: unknown): void {
    const address = `${this.address}${this.isGuardian ? '' : '/'}${child.id}`;
    child.terminate('failed', error);
    if (this.isGuardian) this.core.reportEscalation(address, error);
    else this.fail(error);
  }

  // Watching

  get #rareParts(): RareParts {
    return (this.#rare ??= new RareParts());
  }

  /** The actor must not be stopped. */
  watch(listener: (notice: Terminated) => void): () => void {
    const watchers = (this.#rareParts.watchers ??= new Set());
    const own = (notice: Terminated) => listener(notice);
    watchers.add(own);
    return () => void watchers.delete(own);
  }

  subscribe(listener: (snapshot: Snapshot<unknown>) => void): () => void {
    if (this.phase === 'stopped') return () => {};
    const subscribers = (this.#rareParts.subscribers ??= new Set());
    const own = (snapshot: Snapshot<unknown>) => listener(snapshot);
    subscribers.add(own);
    return () => void subscribers.delete(own);
  }

  #publish(snapshot: Snapshot<unknown>): void {
    for (const listener of this.#rare!.subscribers!) this.#call(listener, snapshot, 'a subscriber threw');
  }

  #tellWatchers(
    watchers: Set<(notice: Terminated) => void>,
    reason: TerminationReason,
    error: unknown,
  ): void {
    const { address } = this;
    const notice: Terminated =
      error === undefined ? { address, reason } : { address, reason, problem: messageOf(error) };
    for (const listener of watchers) this.#call(listener, notice, 'a watcher threw');
  }

  #call<Value>(listener: (value: Value) => void, value: Value, what: string): void {
    try {
      listener(value);
    } catch (error) {
      this.core.logger.error({ actor: this.address, problem: messageOf(error) }, what);
    }
  }
}
