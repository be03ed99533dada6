import { TuttiError } from '@tutti/kernel';
import type { ReplyTarget } from '../system/actor-system.ts';
import { AddressedSelf } from './xstate-addressed.ts';

/** Asks that one life of an actor may hold for a later reply. */
const HELD_ASKS_MAX = 10_000;

/** The half of a `self` that knows who asked, and whom to answer. Part of `xstate-self.ts`. */
export abstract class AskedSelf extends AddressedSelf {
  /** The ask that was held while the present message was handled: what is asked meanwhile is still asked for it. */
  holding: ReplyTarget | undefined;
  /** Whether the present message was asked, and whoever asked has been answered or is somebody else's to answer. */
  isAnswered = false;
  #heldAsks: ReplyTarget[] | undefined;

  /** Answers the ask that is being handled, once; or if nobody asked, the one held longest. False when nobody waits. */
  reply(value: unknown): boolean {
    const target = this.isAnswered
      ? undefined
      : (this.takeAsk() ?? this.#takeHolding() ?? this.#heldAsks?.shift());
    target?.reply(value);
    return target !== undefined;
  }

  /** Takes the ask that is being handled, if there is one, for whoever calls this to answer. */
  takeAsk(): ReplyTarget | undefined {
    const { currentAsk } = this.cell;
    // What waits for a receipt waits for the turn to be committed, and for nothing that is said here.
    if (!currentAsk || currentAsk.isReceipt) return undefined;
    this.cell.currentAsk = undefined;
    this.isAnswered = true;
    return currentAsk;
  }

  /** The ask that the present message came with, if it is held. It was the last to be. */
  #takeHolding(): ReplyTarget | undefined {
    if (!this.holding) return undefined;
    this.holding = undefined;
    this.isAnswered = true;
    return this.#heldAsks!.pop();
  }

  /** Keeps the ask that is being handled for a later reply. */
  holdAsk(): void {
    const target = this.takeAsk();
    if (!target) return;
    const held = (this.#heldAsks ??= []);
    if (held.length < HELD_ASKS_MAX) {
      held.push(target);
      this.holding = target;
      this.isAnswered = false;
    } else {
      const details = {
        what: `The held asks of ${this.cell.address}`,
        size: held.length,
        limit: HELD_ASKS_MAX,
      };
      target.fail(new TuttiError('TUTTI_OVERLOADED', details));
    }
  }

  /** Whether an ask is held whose asker still waits. */
  owesReply(now: number): boolean {
    return this.owesUntil > now;
  }

  /** When the last asker of those whose asks are held gives up, on the clock's `now`; 0 when none is held. */
  get owesUntil(): number {
    const deadlines = this.#heldAsks?.map(({ deadline = Number.POSITIVE_INFINITY }) => deadline);
    return deadlines?.reduce((last, deadline) => Math.max(last, deadline), 0) ?? 0;
  }

  /** The present message is handled: what is said from now on has nothing to do with who asked it. */
  acknowledge(): void {
    this.holding = undefined;
    this.isAnswered = false;
  }

  /** Nobody will answer what is held. */
  protected failHeld(): void {
    const held = this.#heldAsks ?? [];
    this.#heldAsks = undefined;
    const { address } = this.cell;
    for (const target of held) target.fail(new TuttiError('TUTTI_ACTOR_UNKNOWN', { address }));
  }
}
