import type { EventObject, Snapshot } from 'xstate';
import type { DeadLetterReason } from '../mailbox/dead-letters.ts';
import type { Mailbox, UserMessage } from '../mailbox/mailbox.ts';
import type { Runnable } from '../scheduler/run-queue.ts';
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
export abstract class CellInbox<Cell> extends CellPlace implements Runnable {
  phase: Phase = 'new';
  isQueued = false;
  stopRequested = false;
  mailbox: Mailbox<Signal<HostingCell>> | undefined;
  protected rare: RareParts<Cell> | undefined;

  abstract readonly isReady: boolean;
  abstract run(budget: number): number;

  get isStopped(): boolean {
    return this.phase === 'stopped';
  }

  sendUser(event: EventObject): void {
    this.accept(event);
  }

  /** Puts a message into the user lane, or makes a dead letter of it. */
  accept(message: UserMessage): void {
    if (this.phase === 'stopped' || this.stopRequested) return this.refuse(message, 'stopped');
    const mailbox = (this.mailbox ??= this.core.mailboxes.take());
    if (mailbox.user.size >= this.settings.mailboxLimit) return this.#overflow(mailbox, message);
    if (this.rare?.isAwaitingRestart && mailbox.user.size >= this.#stashLimit) {
      return this.refuse(message, 'stash-full');
    }
    mailbox.pushUser(message);
    if (!this.isQueued && (this.phase === 'running' || this.phase === 'new')) this.core.queue.ready(this);
  }

  signal(signal: Signal<HostingCell>): void {
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
    if (this.settings.overflow !== 'drop-old') return this.refuse(message, 'overflow-new');
    this.refuse(mailbox.user.shift()!, 'overflow-old');
    mailbox.pushUser(message);
  }

  protected refuse(message: UserMessage, reason: DeadLetterReason): void {
    const { mailboxLimit, overflow } = this.settings;
    const limit = reason === 'stash-full' ? this.#stashLimit : mailboxLimit;
    const tells = overflow === 'reject' || reason === 'stash-full';
    const size = this.mailbox?.user.size ?? 0;
    refuse(this.core.deadLetters, this.address, message, reason, tells ? { size, limit } : undefined);
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
    return this.phase === 'stopped' ? () => {} : this.#listeners.subscribe(listener);
  }
}
