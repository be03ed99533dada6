import { type Logger, TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import { type ActorCell, STOP_NOW } from '../actor/actor-cell.ts';
import type { Asked, AskTable } from '../actor/ask.ts';
import { guarded } from '../actor/cell-listeners.ts';
import {
  type Address,
  type AskOptions,
  listenerOf,
  type Ref,
  type SnapshotListener,
  type Terminated,
} from '../actor/ref.ts';
import type { DeadLetterReason, DeadLetters } from '../mailbox/dead-letters.ts';

/** What refs of one system share. */
export interface RefCore {
  readonly asks: AskTable;
  readonly deadLetters: DeadLetters;
  readonly logger: Logger;
  /** The live actor at an address, or why there is none. */
  find(address: Address): ActorCell | DeadLetterReason;
  /** Calls later, never on this stack. */
  later(action: () => void): void;
}

/**
 * A ref to an actor of this node: to the one that its address names by uid, or, for an address without one, to whoever
 * lives at the path when it is used.
 */
export class LocalRef implements Ref {
  readonly #core: RefCore;
  #cell: ActorCell | undefined;
  #address: Address | undefined;

  constructor(core: RefCore, cell: ActorCell | undefined, address?: Address) {
    this.#core = core;
    this.#cell = cell;
    this.#address = address;
  }

  get address(): Address {
    return (this.#address ??= this.#cell!.address);
  }

  /** The live actor, if there is one now. */
  get cell(): ActorCell | undefined {
    const found = this.#find();
    return typeof found === 'string' ? undefined : found;
  }

  /** Messages that wait for it now; 0 when it is gone. */
  get mailboxDepth(): number {
    return this.cell?.waiting ?? 0;
  }

  #find(): ActorCell | DeadLetterReason {
    const cell = this.#cell;
    if (cell && !cell.isStopped) return cell;
    if (cell) this.#address ??= cell.address;
    const found = this.#core.find(this.address);
    if (typeof found !== 'string') this.#cell = found;
    return found;
  }

  send(event: EventObject): void {
    const found = this.#find();
    if (typeof found === 'string') this.#core.deadLetters.publish(this.address, event, found);
    else found.accept(event);
  }

  ask<Reply = unknown>(event: EventObject, options: AskOptions = {}): Promise<Reply> {
    return this.#core.asks.ask<Reply>(this.address, event, options, (asked) => this.deliver(asked));
  }

  /** Puts an ask into the mailbox, or fails it. */
  deliver(asked: Asked): void {
    const found = this.#find();
    if (typeof found !== 'string') return found.accept(asked);
    this.#core.deadLetters.publish(this.address, asked.event, found);
    asked.target.fail(new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: this.address }));
  }

  watch(listener: (notice: Terminated) => void): () => void {
    const { cell } = this;
    if (cell) return cell.watch(listener);
    const { address } = this;
    const tell = guarded(listener, address, this.#core.logger, 'a watcher threw');
    let isWanted = true;
    this.#core.later(() => {
      if (isWanted) tell({ address, reason: 'unknown' });
    });
    return () => void (isWanted = false);
  }

  subscribe(follower: SnapshotListener<unknown>): () => void {
    const { cell } = this;
    if (!cell) return () => {};
    const listener = listenerOf(follower);
    // What stands for one in a thread has no more of it than that shows: it is asked for the present one.
    if (cell.snapshot && !cell.outpost)
      guarded(listener, this.address, this.#core.logger, 'a subscriber threw')(cell.snapshot);
    return cell.subscribe(listener);
  }

  stop(): Promise<void> {
    return this.#endBy((cell) => cell.requestStop());
  }

  /** Stops it when it owes no answer any more, or none that it may give within this time; see `CellReception.leave`. */
  leave(withinMs: number): Promise<void> {
    return this.#endBy((cell) => cell.leave(withinMs));
  }

  #endBy(act: (cell: ActorCell) => void): Promise<void> {
    const { cell } = this;
    if (!cell) return Promise.resolve();
    return new Promise((resolve) => {
      cell.watch(() => resolve());
      act(cell);
    });
  }

  /** Stops it with the turn that it is in: what else waits for it is passed on, or becomes dead letters. */
  stopAfterTurn(): void {
    this.cell?.signal(STOP_NOW);
  }

  /** Stops it in the middle of its turn: nothing of that is let out. */
  stopNow(): void {
    this.cell?.stopNow();
  }

  toJSON(): { address: Address } {
    return { address: this.address };
  }
}
