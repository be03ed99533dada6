import { type Clock, isTuttiError, type Logger, type Random, type Timer } from '@tutti/kernel';
import type { Snapshot } from 'xstate';
import type { DeliveryLog } from '../delivery/delivery-log.ts';
import { withFinality } from '../delivery/finality.ts';
import type { DeadLetters } from '../mailbox/dead-letters.ts';
import type { MailboxPlan } from '../mailbox/lane-plan.ts';
import type { MailboxPool } from '../mailbox/mailbox.ts';
import type { RunQueue } from '../scheduler/run-queue.ts';
import type { ChildEnding } from '../supervision/decide.ts';
import type { ChildPolicy } from '../supervision/policy.ts';
import type { SupervisedCell, Supervision } from '../supervision/supervision.ts';
import type { SupervisorOptions } from '../supervision/supervisor.ts';
import type { ReplyTarget, StateKeeper } from '../system/actor-system.ts';
import type { Outpost } from '../threads/outpost.ts';
import type { CellInbox } from './cell-inbox.ts';
import type { CellListeners } from './cell-listeners.ts';
import type { TimerChange } from './kept-timers.ts';
import type { Address } from './ref.ts';
import type { HeldEffects, XStateRuntime } from './xstate-adapter.ts';
import type { HostingCell, Signal } from './xstate-self.ts';

/** What an actor was spawned with. Actors spawned with nothing special share one of these. */
export interface CellSettings {
  readonly input: unknown;
  readonly keeper: StateKeeper | undefined;
  readonly policy: ChildPolicy | false;
  readonly mailbox: MailboxPlan;
  /** The plan's limit, which every message is held against. */
  readonly mailboxLimit: number;
  /** What it is called instead of by its place, in a thread whose node knows it by another. */
  readonly address?: Address;
}

/** Why a logic was put away: it ended by itself, or its supervisor wants to start it again with others. */
export type DownReason = ChildEnding | 'suspended';

/** A cell as its children's notices find it. */
export interface SupervisingCell extends HostingCell {
  fail(error: unknown): void;
  onChildUp(child: SupervisedCell): void;
  onChildDown(child: SupervisedCell, how: DownReason, error: unknown): void;
  onChildEnded(child: SupervisedCell): void;
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
  /** A number that no actor of this node's life has had. */
  nextUid(): number;
  /** Starts the children of a supervisor's list. */
  spawnListed(parent: SupervisingCell, options: SupervisorOptions): void;
  /** A failure has reached the guardian. Says what becomes of the child that it came from. */
  reportEscalation(address: Address, error: unknown): 'restart' | 'stop';
  /** One live actor fewer. */
  onEnded(): void;
}

/**
 * `new`: not started. `running`: handles messages. `committing`: waits for its commit. `closing`: its children are being
 * stopped. `down`: its logic is put away, its mailbox kept; whoever supervises it decides. `stopped`: gone.
 */
export type Phase = 'new' | 'running' | 'committing' | 'closing' | 'down' | 'stopped';

export interface Closing<Cell> {
  /** What comes when the children are gone. */
  next: 'stop' | 'down';
  how: DownReason;
  error: unknown;
  /** Children still to be stopped, the next one last. */
  readonly rest: Cell[];
  /** Whether all are told at once, and not one when the one before is gone. */
  readonly isAtOnce: boolean;
  awaited: Cell | undefined;
}

/** What one message of a turn came to, held back until the turn is committed. */
export interface HeldMessage {
  readonly snapshot: Snapshot<unknown>;
  readonly effects: HeldEffects;
  ask: ReplyTarget | undefined;
}

/** A turn of a kept actor: it takes messages in while it is `open`, then waits for its keeper with all they did. */
export class Commit {
  /** The snapshot that was committed last; undefined when this is the first turn. */
  readonly before: Snapshot<unknown> | undefined;
  readonly messages: HeldMessage[] = [];
  /** Of numbered messages that were not handled, since they had been before, maybe in this very turn. */
  readonly receipts: ReplyTarget[] = [];
  /** What became of the actor's timers, when its keeper keeps them. */
  readonly timers: TimerChange[] = [];
  changed = false;
  /** What ended the turn early and is to be done once what came before is out: a failure, and who asked for it. */
  sequel: { readonly act: () => void; readonly ask: ReplyTarget | undefined } | undefined;
  outcome: 'open' | 'waiting' | 'committed' | { readonly error: unknown } = 'open';

  constructor(before: Snapshot<unknown> | undefined) {
    this.before = before;
  }

  get last(): Snapshot<unknown> {
    return this.messages.at(-1)!.snapshot;
  }

  /** Calls back when the outcome is known. */
  follow(promise: Promise<void>, ready: () => void): void {
    this.outcome = 'waiting';
    const end = (outcome: Commit['outcome']) => {
      this.outcome = outcome;
      ready();
    };
    promise.then(
      () => end('committed'),
      (error: unknown) => end({ error }),
    );
  }

  /** The turn is committed, which is all that a receipt says, whatever its effects come to. */
  confirm(): void {
    for (const message of this.messages) {
      if (!message.ask?.isReceipt) continue;
      message.ask.reply(undefined);
      message.ask = undefined;
    }
    for (const receipt of this.receipts.splice(0)) receipt.reply(undefined);
  }

  /**
   * Nobody who asked from this message on gets an answer. Whatever the error says of what they did together, it does not
   * say of each: a numbered message may come again, by itself.
   */
  fail(error: Error, from = 0): void {
    const isOfOne = this.messages.length === 1 || !isTuttiError(error);
    const refusal = isOfOne ? error : withFinality(error, false);
    for (const receipt of this.receipts) receipt.fail(refusal);
    for (const { ask } of this.messages.slice(from)) ask?.fail(ask.isReceipt ? refusal : error);
    this.sequel?.ask?.fail(error);
  }
}

/** What few actors have at a time. */
export class RareParts<Cell> {
  /** What it knows of the channels that it gets numbered messages from. */
  deliveries: DeliveryLog | undefined;
  listeners: CellListeners | undefined;
  supervision: Supervision | undefined;
  closing: Closing<Cell> | undefined;
  commit: Commit | undefined;
  /** It ended with a commit, and whether what waits is passed on; undefined of any other end. */
  passesOn: boolean | undefined;
  deadline: Timer | undefined;
  /** It is to stop when it owes no answer any more that it may give by then, on the clock's `now`. The stop has until then. */
  leavesBy: number | undefined;
  /** For when nobody waits for those answers any longer. */
  lapse: Timer | undefined;
  isAwaitingRestart = false;
  restarts = 0;
  /** The persisted snapshot that the next life goes on from. */
  kept: Snapshot<unknown> | undefined;
  /** Whose full mailbox it waits for, having sent there; only with `overflow: 'defer'`. */
  heldFor: CellInbox<Cell> | undefined;
  /** Who waits for this one's mailbox. */
  holds: Set<CellInbox<Cell>> | undefined;
  /** What it has in place of logic of its own, if that runs in a thread. */
  outpost: Outpost | undefined;
}

export class ChildUp implements Signal<SupervisingCell> {
  readonly #child: SupervisedCell;

  constructor(child: SupervisedCell) {
    this.#child = child;
  }

  handle(cell: SupervisingCell): void {
    cell.onChildUp(this.#child);
  }
}

export class ChildDown implements Signal<SupervisingCell> {
  readonly #child: SupervisedCell;
  readonly #how: DownReason;
  readonly #error: unknown;

  constructor(child: SupervisedCell, how: DownReason, error: unknown) {
    this.#child = child;
    this.#how = how;
    this.#error = error;
  }

  handle(cell: SupervisingCell): void {
    cell.onChildDown(this.#child, this.#how, this.#error);
  }
}

export class ChildEnded implements Signal<SupervisingCell> {
  readonly #child: SupervisedCell;

  constructor(child: SupervisedCell) {
    this.#child = child;
  }

  handle(cell: SupervisingCell): void {
    cell.onChildEnded(this.#child);
  }
}

/** Whether a signal only says how the children of a cell fare. */
export const isFamilyNews = (signal: object): boolean =>
  signal instanceof ChildDown || signal instanceof ChildEnded || signal instanceof ChildUp;
