import type { Logger } from '@tutti/kernel';
import type { EventObject, Snapshot } from 'xstate';
import type { DeadLetterReason } from '../mailbox/dead-letters.ts';
import type { LaneHost } from '../mailbox/lane-plan.ts';
import { Mailbox } from '../mailbox/mailbox.ts';
import type { UserMessage } from '../mailbox/user-lane.ts';
import type { Runnable } from '../scheduler/run-queue.ts';
import type { Turn } from '../scheduler/turn.ts';
import type { Outpost } from '../threads/outpost.ts';
import { refuse } from './ask.ts';
import { CellListeners } from './cell-listeners.ts';
import { type Phase, RareParts } from './cell-parts.ts';
import { CellPlace } from './cell-place.ts';
import type { Terminated } from './ref.ts';
import type { HostingCell, Signal } from './xstate-self.ts';

const STASH_LIMIT_DEFAULT = 1_000;

/**
 * The outer side of a cell: what others may do to it at any time. Messages and signals go into its mailbox, or become
 * dead letters; watchers and subscribers are noted. None of it runs the actor: it only makes it ready to run.
 */
export abstract class CellInbox<Cell> extends CellPlace implements Runnable, LaneHost {
  phase: Phase = 'new';
  isQueued = false;
  isSlow = false;
  stopRequested = false;
  mailbox: Mailbox<Signal<HostingCell>> | undefined;
  protected rare: RareParts<Cell> | undefined;

  abstract snapshot: Snapshot<unknown> | undefined;
  abstract readonly isReady: boolean;
  abstract run(turn: Turn): number;

  get isDown(): boolean {
    return this.phase === 'down';
  }

  get keepsTimers(): boolean {
    return this.settings.keeper?.keepsTimers === true;
  }

  get restarts(): number {
    return this.rare?.restarts ?? 0;
  }

  get isAwaitingRestart(): boolean {
    return this.rare?.isAwaitingRestart ?? false;
  }

  get isStopped(): boolean {
    return this.phase === 'stopped';
  }

  sendUser(event: EventObject): void {
    this.accept(event);
  }

  /** Puts a message into the user lane, or makes a dead letter of it. */
  accept(message: UserMessage): void {
    if (this.phase === 'stopped' || this.stopRequested) return this.refuse(message, 'stopped');
    const mailbox = (this.mailbox ??= this.#openMailbox());
    if (this.rare?.isAwaitingRestart && mailbox.user.size >= this.#restartStashLimit) {
      return this.refuse(message, 'stash-full', this.#restartStashLimit);
    }
    if (mailbox.user.size >= this.settings.mailboxLimit) return this.#overflow(mailbox, message);
    mailbox.pushUser(message);
    if (!this.isQueued && (this.phase === 'running' || this.phase === 'new')) this.core.queue.ready(this);
  }

  signal(signal: Signal<HostingCell>): void {
    if (this.phase === 'stopped') {
      if (signal.message) this.refuse(signal.message, 'stopped');
      return;
    }
    const mailbox = (this.mailbox ??= this.#openMailbox());
    if (mailbox.isSystemFull && signal.message) return this.refuse(signal.message, 'overflow-new');
    mailbox.pushSystem(signal);
    if (!this.isQueued) this.core.queue.ready(this);
  }

  #openMailbox(): Mailbox<Signal<HostingCell>> {
    const { laneFor } = this.settings.mailbox;
    return laneFor ? new Mailbox(laneFor(this)) : this.core.mailboxes.take();
  }

  get logger(): Logger {
    return this.core.logger;
  }

  /** There is no room for one more message that the state puts off. */
  stashIsFull(message: UserMessage): void {
    this.refuse(message, 'stash-full', this.settings.mailbox.stashLimit);
  }

  get #restartStashLimit(): number {
    return (this.policy || undefined)?.stashLimit ?? STASH_LIMIT_DEFAULT;
  }

  #overflow(mailbox: Mailbox<Signal<HostingCell>>, message: UserMessage): void {
    const { overflow, limitWithDeferred } = this.settings.mailbox;
    if (overflow === 'drop-old') {
      const lost = mailbox.evict(message);
      this.refuse(lost, lost === message ? 'overflow-new' : 'overflow-old');
      if (lost !== message) mailbox.pushUser(message);
    } else if (overflow === 'defer' && mailbox.user.size < limitWithDeferred) {
      mailbox.pushUser(message);
      this.#holdSender();
    } else this.refuse(message, 'overflow-new');
  }

  /** Whoever is sending, if it is an actor of this node, goes no further until there is room here. */
  #holdSender(): void {
    const { running } = this.core.queue;
    if (!(running instanceof CellInbox) || running.stopRequested || running.isStopped) return;
    const sender = running as CellInbox<Cell>;
    if (sender === this || sender.rare?.heldFor || this.#waitsFor(sender)) return;
    sender.rareParts.heldFor = this;
    (this.rareParts.holds ??= new Set()).add(sender);
  }

  /** Whether it waits for another's mailbox, by way of others too: both would wait for ever. */
  #waitsFor(other: CellInbox<Cell>): boolean {
    let next = this.rare?.heldFor;
    while (next && next !== other) next = next.rare?.heldFor;
    return next !== undefined;
  }

  /** Those held for this mailbox may go on, if it has room again. */
  protected letSendersGo(): void {
    const { holds } = this.rare!;
    if (!holds || (this.mailbox && this.mailbox.user.size >= this.settings.mailboxLimit)) return;
    this.rare!.holds = undefined;
    for (const sender of holds) {
      sender.rare!.heldFor = undefined;
      if (sender.isReady) this.core.queue.ready(sender);
    }
  }

  /** Waits for nobody any more. */
  protected goOn(): void {
    this.rare?.heldFor?.rare?.holds?.delete(this);
    if (this.rare) this.rare.heldFor = undefined;
  }

  refuse(message: UserMessage, reason: DeadLetterReason, limit?: number): void {
    const { mailboxLimit } = this.settings;
    const { overflow, limitWithDeferred } = this.settings.mailbox;
    const tells = overflow === 'reject' || overflow === 'defer' || reason === 'stash-full';
    const size = reason === 'stash-full' ? limit! : (this.mailbox?.user.size ?? 0);
    const full = { size, limit: limit ?? (overflow === 'defer' ? limitWithDeferred : mailboxLimit) };
    refuse(this.core.deadLetters, this.address, message, reason, tells ? full : undefined);
  }

  protected get rareParts(): RareParts<Cell> {
    return (this.rare ??= new RareParts<Cell>());
  }

  get #listeners(): CellListeners {
    return (this.rareParts.listeners ??= new CellListeners());
  }

  /** The actor must not be stopped. */
  watch(listener: (notice: Terminated) => void): () => void {
    return this.#listeners.watch(listener);
  }

  subscribe(listener: (snapshot: Snapshot<unknown>) => void): () => void {
    if (this.phase === 'stopped') return () => {};
    const end = this.#listeners.subscribe(listener);
    const unfollow = this.outpost?.follow();
    if (!unfollow) return end;
    return () => {
      end();
      unfollow();
    };
  }

  /** What runs its logic elsewhere, if it is not run here. */
  get outpost(): Outpost | undefined {
    return this.rare?.outpost;
  }

  setOutpost(outpost: Outpost): void {
    this.rareParts.outpost = outpost;
  }

  /** Messages that nobody has handled, here or in its thread. */
  get waiting(): number {
    return (this.mailbox?.waiting ?? 0) + (this.outpost?.waiting ?? 0);
  }

  /** There is room in its thread. */
  wake(): void {
    if (this.isReady) this.core.queue.ready(this);
  }

  /** Takes over what its thread shows of it. */
  mirror(snapshot: Snapshot<unknown>, isWhole: boolean): void {
    if (this.phase !== 'running') return;
    this.snapshot = snapshot;
    if (isWhole) this.rare?.listeners?.publish(snapshot, () => this.address, this.core);
  }

  /** Whether it takes no user message for now: somebody else has to make room first. */
  protected get isHeld(): boolean {
    const { rare } = this;
    return rare !== undefined && (rare.heldFor !== undefined || rare.outpost?.isFull === true);
  }
}
