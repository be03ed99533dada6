import type { Address, Terminated, TerminationReason } from '../actor/ref.ts';
import type { WireError } from '../cluster/wire-error.ts';
import type { DeadLetterReason } from '../mailbox/dead-letters.ts';

/** What a life in a thread begins with. */
export interface LifeStart {
  readonly address: Address;
  readonly module: string;
  readonly exported: string;
  readonly input: unknown;
  /** The one mailbox option that is for the thread: what a state puts off waits there. */
  readonly stashLimit: number;
}

/**
 * What a node says to one of its threads. `life` numbers what runs there: one life of one actor, never used again, so
 * that nothing which is said to one can reach its successor. `seq` numbers the messages to one actor; `id` is what the
 * thread chose for an ask, a watch or a subscription of its own.
 */
export type ToThread =
  | (LifeStart & { readonly t: 'start'; readonly life: number })
  | { readonly t: 'event'; readonly life: number; readonly seq: number; readonly event: unknown }
  | {
      readonly t: 'ask';
      readonly life: number;
      readonly seq: number;
      readonly event: unknown;
      /** How long the asker still waits, in milliseconds. */
      readonly ttlMs: number;
    }
  /** `stop`: in order, after what it was sent. `drop`: at once. `follow`: show whole snapshots from now on, or no more. */
  | { readonly t: 'stop' | 'drop' | 'follow' | 'unfollow'; readonly life: number }
  | { readonly t: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly t: 'refused'; readonly id: number; readonly error: WireError }
  | { readonly t: 'gone'; readonly id: number; readonly notice: Terminated }
  | { readonly t: 'shown'; readonly id: number; readonly view: unknown }
  | { readonly t: 'ping' };

/** How a life ended. */
export interface LifeEnd {
  readonly reason: TerminationReason;
  readonly problem: string | undefined;
  /** What it failed with, where that has a code of its own. */
  readonly error?: WireError;
  /** Its last snapshot, as others may see it. */
  readonly view: unknown;
}

/** What a thread says to its node. */
export type FromThread =
  | { readonly t: 'started'; readonly life: number; readonly logic: string }
  /** Out of its mailbox: handled, or put off by its state, which leaves room for others. */
  | {
      readonly t: 'done';
      readonly life: number;
      readonly handled: readonly number[];
      readonly putOff: readonly number[];
    }
  | { readonly t: 'reply'; readonly life: number; readonly seq: number; readonly value: unknown }
  | { readonly t: 'fail'; readonly life: number; readonly seq: number; readonly error: WireError }
  /** Its snapshot: whole for who follows it, else no more than its state value. */
  | { readonly t: 'snapshot'; readonly life: number; readonly view: unknown; readonly isWhole: boolean }
  | { readonly t: 'ended'; readonly life: number; readonly end: LifeEnd }
  | { readonly t: 'send'; readonly to: Address; readonly event: unknown }
  | {
      readonly t: 'ask';
      readonly id: number;
      readonly to: Address;
      readonly event: unknown;
      readonly ttlMs: number;
    }
  | { readonly t: 'watch' | 'subscribe' | 'stop'; readonly id: number; readonly to: Address }
  | { readonly t: 'release'; readonly id: number }
  | {
      readonly t: 'dead';
      readonly address: Address;
      readonly type: string;
      readonly reason: DeadLetterReason;
      readonly count: number;
    }
  | {
      readonly t: 'log';
      readonly level: 'info' | 'error';
      readonly fields: object;
      readonly text: string;
    }
  | { readonly t: 'pong' };
