import { messageOf, TuttiError } from '@tutti/kernel';
import type { EventObject, Snapshot } from 'xstate';
import { DeliveryLog } from '../delivery/delivery-log.ts';
import { isFinal } from '../delivery/finality.ts';
import type { UserMessage } from '../mailbox/user-lane.ts';
import type { Turn } from '../scheduler/turn.ts';
import type { SupervisedCell } from '../supervision/supervision.ts';
import { supervisionOf } from '../supervision/supervisor.ts';
import type { StateKeeper } from '../system/actor-system.ts';
import { CellFamily } from './cell-family.ts';
import { ChildDown, type Closing, Commit, isFamilyNews, type SupervisingCell } from './cell-parts.ts';
import { type KeptTimer, timerOf } from './kept-timers.ts';
import { persistedOf } from './persisted-selves.ts';
import type { TerminationReason } from './ref.ts';
import type { HeldEffects } from './xstate-adapter.ts';
import type { HostedSelf, Signal } from './xstate-self.ts';

/** Events that an actor's children are still given when it ends. */
const DRAINED_MAX = 10_000;
/** Ends it before it looks at another message. */
export const STOP_NOW: Signal<ActorCell> = { handle: (cell) => cell.stopNow() };

/**
 * One actor: a logic, its snapshot, its place in the tree, and its mailbox while it has messages. It never calls
 * another actor; it puts signals into the other's system lane, so that trees of any depth start, fail and stop without
 * recursion.
 */
export class ActorCell extends CellFamily<ActorCell> implements SupervisingCell, SupervisedCell {
  declare readonly parent: ActorCell | undefined;
  snapshot: Snapshot<unknown> | undefined;
  self: HostedSelf | undefined;

  get isReady(): boolean {
    if (this.phase === 'new') return true;
    if (this.phase === 'committing') return this.rare!.commit!.outcome !== 'waiting';
    return this.mailbox !== undefined && (this.mailbox.hasSystem || this.canHandleUser(this.mailbox));
  }

  run(turn: Turn): number {
    const { runtime } = this.core;
    const nestedBefore = runtime.nestedEvents;
    let handled = 0;
    let isHeard = false;
    let most = turn.enter(this.isSlow);
    if (this.phase === 'new' && !this.#isStoppedBeforeStart()) {
      this.#start();
      handled++;
    } else if (this.phase === 'committing') this.#endCommit();
    let all = handled + runtime.nestedEvents - nestedBefore;
    while (all < most || all < (most = turn.more(all))) {
      const { mailbox } = this;
      if (!mailbox || this.phase === 'committing') break;
      const signal = mailbox.shiftSystem();
      if (signal) signal.handle(this);
      else if (this.phase !== 'running' || this.isHeld) break;
      else {
        const message = mailbox.user.shift();
        if (message === undefined) break;
        this.handle(message);
        isHeard = true;
      }
      all = ++handled + runtime.nestedEvents - nestedBefore;
    }
    if (isHeard) this.hasHeard();
    else if (all >= most) handled += this.hearOne(handled, turn.quantum);
    this.#endTurn(undefined);
    if (this.rare?.holds) this.letSendersGo();
    if (this.stopRequested) this.#goOnStopping();
    else if (this.rare?.leavesBy !== undefined) this.goOnLeaving();
    if (this.mailbox?.isEmpty) {
      this.core.mailboxes.give(this.mailbox);
      this.mailbox = undefined;
    }
    return handled + runtime.nestedEvents - nestedBefore;
  }

  #isStoppedBeforeStart(): boolean {
    if (!this.stopRequested || this.children?.size || this.mailbox?.hasUser) return false;
    this.#finalize('stopped', undefined);
    return true;
  }

  /** Runs one event through the logic: snapshot, commit, effects, and what the snapshot's status asks for. */
  override process(event: EventObject): void {
    if (this.phase !== 'running') return;
    let next: Snapshot<unknown>;
    try {
      next = this.core.runtime.transition(this, event);
    } catch (error) {
      return this.fail(error);
    }
    const { keeper } = this.settings;
    // A failure, or an order to stop, is no state to go on from: what was committed before stays the last.
    if (keeper && (next.status === 'error' || next.status === 'stopped')) {
      this.core.runtime.hold(this);
      return this.#afterTurn(() => this.#settle(next));
    }
    if (keeper) {
      const isNumbered = this.rare?.deliveries?.arrived() ?? false;
      const fired = keeper.keepsTimers ? timerOf(event) : undefined;
      const isNews = fired !== undefined || isNumbered || next !== this.snapshot || this.rare?.commit;
      if (isNews || this.core.runtime.hasEffects(this)) return this.#keep(keeper, next, isNumbered, fired);
    }
    this.#adopt(next, undefined);
  }

  /** Takes what a message did into the turn, which goes on while there are messages and room. */
  #keep(keeper: StateKeeper, next: Snapshot<unknown>, isNumbered = false, fired?: KeptTimer): void {
    const commit = (this.rareParts.commit ??= new Commit(this.snapshot));
    const effects = this.core.runtime.hold(this);
    if (fired !== undefined) commit.timers.push({ type: 'gone', timer: fired });
    commit.timers.push(...effects.timers);
    commit.messages.push({ snapshot: next, effects, ask: this.currentAsk });
    commit.changed ||= isNumbered || next !== this.snapshot || commit.timers.length > 0;
    this.currentAsk = undefined;
    this.snapshot = next;
    const isFull = commit.messages.length >= (keeper.turnMessagesMax ?? 1);
    // What it did to its timers may be to cancel one whose event waits.
    const isLast = isFull || (effects.timers.length > 0 && this.self!.system.timers.hasFired);
    if (isLast || !commit.changed || next.status !== 'active') this.#endTurn(undefined);
  }

  /** Does something now, or when the open turn is committed and out. */
  #afterTurn(act: () => void): void {
    const ask = this.currentAsk;
    if (this.rare?.commit?.outcome !== 'open') return act();
    this.currentAsk = undefined;
    this.#endTurn({ act, ask });
  }

  get isFreeForInner(): boolean {
    return this.phase === 'running' && !this.mailbox?.hasSystem;
  }

  /** An event from within, which waits as one from outside would if the state puts it off. */
  processInner(event: EventObject): void {
    if (this.phase !== 'running')
      return event.type.startsWith('xstate.') ? undefined : this.refuse(event, 'stopped');
    if (!this.mailbox?.defer(event)) this.process(event);
  }

  #adopt(next: Snapshot<unknown>, effects: HeldEffects | undefined): void {
    const before = this.snapshot;
    if (next.status === 'error') this.keepForRestart(before);
    try {
      this.core.runtime.release(this, effects, next);
    } catch (error) {
      this.snapshot = before;
      return this.fail(error);
    }
    this.#settle(next);
  }

  #settle(next: Snapshot<unknown>): void {
    if (next.status === 'error') return this.fail(next.error);
    this.rare?.listeners?.publish(next, () => this.address, this.core);
    if (next.status !== 'active') this.#end(next.status);
  }

  /** It came to its end by itself. */
  #end(how: 'done' | 'stopped'): void {
    if (this.outpost?.isRecalled) return this.#close('down', 'suspended', undefined);
    const isPermanent = this.policy !== false && this.policy.restart === 'permanent';
    this.#close(isPermanent && !this.stopRequested ? 'down' : 'stop', how, undefined);
  }

  finish(how: 'done' | 'stopped'): void {
    if (this.phase === 'running') this.#afterTurn(() => this.#end(how));
  }

  #start(): void {
    this.phase = 'running';
    const { runtime } = this.core;
    const { input, keeper } = this.settings;
    let snapshot: Snapshot<unknown>;
    try {
      const { persisted, log } = DeliveryLog.takeFrom(keeper ? keeper.restore() : this.rare?.kept);
      if (log || (keeper && this.rare)) this.rareParts.deliveries = log;
      snapshot = runtime.initialSnapshot(this, input, persisted, keeper?.timers?.());
    } catch (error) {
      return this.fail(error);
    }
    if (snapshot.status === 'error') {
      runtime.hold(this);
      return this.fail(snapshot.error);
    }
    if (!keeper) return this.#begin(snapshot, undefined);
    this.#keep(keeper, snapshot);
    this.#endTurn(undefined);
  }

  #begin(snapshot: Snapshot<unknown>, effects: HeldEffects | undefined): void {
    this.snapshot = snapshot;
    try {
      this.core.runtime.begin(this, snapshot, effects);
    } catch (error) {
      return this.fail(error);
    }
    if (this.rare?.kept) this.rare.kept = undefined;
    const listed = supervisionOf(this.logic);
    if (listed) this.startFamily(listed);
    else if (!this.outpost) this.reportUp();
    this.#settle(snapshot);
  }

  /** Hands the open turn, if there is one, to the keeper. Until it is committed the snapshot is the one before it. */
  #endTurn(sequel: Commit['sequel']): void {
    const commit = this.rare?.commit;
    if (commit?.outcome !== 'open') return;
    commit.sequel = sequel;
    this.snapshot = commit.before;
    const { changed, last, timers } = commit;
    const log = this.rare?.deliveries;
    const persisted = () => DeliveryLog.keepIn(persistedOf(this.logic, last), log);
    let promise: Promise<void> | undefined;
    try {
      promise = this.settings.keeper!.commit({ changed, persisted, timers: () => timers });
    } catch (error) {
      return this.#failForGood(error);
    }
    if (promise) this.#await(commit, promise);
    else this.#release(commit);
  }

  #await(commit: Commit, promise: Promise<void>): void {
    this.phase = 'committing';
    commit.follow(promise, () => {
      if (this.rare?.commit === commit) this.core.queue.ready(this);
    });
  }

  #endCommit(): void {
    const commit = this.rare!.commit!;
    if (commit.outcome === 'waiting') return;
    this.phase = 'running';
    if (commit.outcome !== 'committed')
      return this.#failForGood((commit.outcome as { error: unknown }).error);
    // Some time may have gone by since it was told so.
    const confirmation = this.settings.keeper!.confirm?.();
    if (confirmation) this.#await(commit, confirmation);
    else this.#release(commit);
  }

  /** Lets out what the messages of a committed turn did, in their order. */
  #release(commit: Commit): void {
    this.rare!.commit = undefined;
    commit.confirm();
    for (const [at, { snapshot, effects, ask }] of commit.messages.entries()) {
      this.currentAsk = ask;
      if (this.snapshot === undefined) this.#begin(snapshot, effects);
      else this.#adopt(snapshot, effects);
      this.acknowledge();
      if (this.phase !== 'running')
        return commit.fail(this.failure('it ended while it released what was committed with this'), at + 1);
    }
    this.currentAsk = commit.sequel?.ask;
    commit.sequel?.act();
    this.currentAsk = undefined;
  }

  /** The logic failed: it is put away, its children are stopped, and whoever supervises it is told. */
  fail(error: unknown): void {
    if (this.phase !== 'running') return;
    this.rare?.deliveries?.settle();
    if (this.rare?.commit?.outcome === 'open') return this.#afterTurn(() => this.fail(error));
    const fields = { actor: this.address, problem: messageOf(error), restarts: this.restarts };
    this.core.logger.warn(fields, 'an actor failed');
    this.currentAsk?.fail(this.failure(error));
    this.currentAsk = undefined;
    this.keepForRestart(this.snapshot);
    this.core.runtime.dispose(this, true, error);
    this.#close('down', 'failed', error);
  }

  /** What it did was not committed, so it is not the one to go on; a restart would only do it again. */
  #failForGood(error: unknown): void {
    const reason =
      error instanceof Error ? error : new TuttiError('TUTTI_INTERNAL', { problem: messageOf(error) });
    const rare = this.rare!;
    // What cannot even begin would do so again and again with the mail that is passed on.
    rare.passesOn = rare.commit?.before !== undefined || !isFinal(reason);
    rare.commit?.fail(reason);
    rare.commit = undefined;
    this.core.runtime.dispose(this, true, error);
    this.#close('stop', 'failed', error);
  }

  suspend(): void {
    if (this.phase === 'closing') return this.#setDeadline(); // whatever it ends with is news enough
    if (this.phase === 'running' && this.outpost?.recall()) return; // its thread says when
    if (this.phase === 'committing') this.#dropCommit();
    this.keepForRestart(this.snapshot);
    this.#close('down', 'suspended', undefined);
    if (this.rare?.closing) this.#setDeadline();
  }

  #dropCommit(): void {
    const commit = this.rare?.commit;
    if (!commit) return;
    this.rare!.commit = undefined;
    const { endedBy } = this.settings.keeper ?? {};
    commit.fail(endedBy ?? new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: this.address }));
  }

  #close(next: Closing<ActorCell>['next'], how: Closing<ActorCell>['how'], error: unknown): void {
    this.phase = 'closing';
    this.endSupervision();
    const rest = this.children ? [...this.children.values()] : [];
    if (rest.length === 0 && next === 'stop') return this.#finalize(how as TerminationReason, error);
    const isAtOnce = supervisionOf(this.logic)?.strategy === 'dynamic';
    this.rareParts.closing = { next, how, error, rest, isAtOnce, awaited: undefined };
    this.closeNext();
  }

  /** Stops the children one after another, last started first, then goes on to what was asked for. */
  protected closeNext(): void {
    const closing = this.rare!.closing!;
    for (let child = closing.rest.pop(); child; child = closing.rest.pop()) {
      child.requestStop();
      closing.awaited = child;
      if (!child.isStopped && !closing.isAtOnce) return;
    }
    if (closing.isAtOnce && this.children!.size > 0) return;
    this.rare!.closing = undefined;
    const { how, error } = closing;
    if (closing.next === 'stop') return this.#finalize(how as TerminationReason, error);
    this.core.runtime.dispose(this, how === 'failed', error);
    this.snapshot = undefined;
    this.phase = 'down';
    this.#clearDeadline();
    if (this.stopRequested) return this.#finalize(how === 'failed' ? how : 'stopped', error);
    this.parent!.signal(new ChildDown(this, how, error));
  }

  /** The first start waits for its turn. What it is sent meanwhile is kept. */
  holdBack(): void {
    if (this.phase === 'new') this.phase = 'down';
  }

  start(): void {
    this.phase = 'new';
    this.core.queue.ready(this);
  }

  awaitRestart(): void {
    this.rareParts.isAwaitingRestart = true;
  }

  /** A new life at the same address, with what is left in the mailbox. */
  restart(): void {
    this.rareParts.isAwaitingRestart = false;
    this.rareParts.restarts++;
    this.snapshot = undefined;
    this.core.logger.info({ actor: this.address, restarts: this.restarts }, 'an actor was restarted');
    this.start();
  }

  terminate(reason: TerminationReason, error?: unknown): void {
    if (this.phase !== 'stopped') this.#finalize(reason, error);
  }

  /** Begins the ordered stop. Messages that wait are handled first; later ones are dead letters. */
  requestStop(): void {
    if (this.phase === 'stopped' || this.stopRequested) return;
    this.stopRequested = true;
    this.goOn();
    if (this.phase === 'down') return this.#finalize('stopped', undefined);
    if (this.phase === 'closing') return this.#setDeadline();
    if (this.stopMs <= 0) this.signal(STOP_NOW);
    else this.core.queue.ready(this);
  }

  #goOnStopping(): void {
    if (this.phase === 'running' && !this.mailbox?.hasUser && !this.outpost?.stop()) {
      this.#close('stop', 'stopped', undefined);
    }
    if (!this.isStopped) this.#setDeadline();
  }

  #setDeadline(): void {
    if (this.rare?.deadline || this.shutdownMs === Infinity) return;
    const end = () => this.stopNow(this.stopRequested);
    this.rareParts.deadline = this.core.clock.setTimer(this.stopMs, end);
  }

  #clearDeadline(): void {
    if (!this.rare?.deadline) return;
    this.core.clock.clearTimer(this.rare.deadline);
    this.rare.deadline = undefined;
  }

  /**
   * The deadline is over: everything below ends now, and so does the actor itself, unless it was only put down for a
   * restart, and goes on to that. What waits becomes dead letters.
   */
  stopNow(alsoItself = true): void {
    const { how, error } = this.rare?.closing ?? {};
    this.endBelow();
    if (!alsoItself) return;
    if (how === 'failed') this.terminate('failed', error);
    else this.terminate('stopped');
  }

  #finalize(reason: TerminationReason, error: unknown): void {
    this.#drainChildEvents();
    this.phase = 'stopped';
    this.#dropCommit();
    this.core.runtime.dispose(this, reason === 'failed', error);
    this.#clearDeadline();
    const rare = this.rare;
    this.endSupervision();
    const unheard: UserMessage[] = [];
    const { mailbox } = this;
    this.mailbox = undefined;
    for (let signal = mailbox?.shiftSystem(); signal; signal = mailbox?.shiftSystem()) {
      if (signal.message) this.refuse(signal.message, 'stopped');
    }
    mailbox?.open();
    for (let message = mailbox?.user.shift(); message; message = mailbox?.user.shift()) unheard.push(message);
    const passesOn = rare?.passesOn ?? reason === 'stopped';
    const bury = (messages: readonly UserMessage[]) => this.bury(messages, reason, error, passesOn);
    rare?.outpost?.takeBack(bury);
    bury(unheard);
    this.parent?.children!.delete(this.id);
    this.core.onEnded();
    rare?.listeners?.terminated(this.address, reason, error, this.core);
    this.goOn();
    if (this.rare?.holds) this.letSendersGo();
    this.rare = undefined;
    this.parent?.endedBelow(this);
  }

  /** What was sent to in-machine children before the end still reaches them, as XState would have it. */
  #drainChildEvents(): void {
    if (!this.mailbox || !this.self) return;
    if (this.phase === 'running') this.phase = 'closing';
    const { runtime } = this.core;
    const most = runtime.nestedEvents + DRAINED_MAX;
    for (let handled = 0; handled + runtime.nestedEvents < most; handled++) {
      const signal = this.mailbox.shiftSystem();
      if (!signal) return;
      if (signal !== STOP_NOW && !isFamilyNews(signal)) signal.handle(this);
    }
  }
}
