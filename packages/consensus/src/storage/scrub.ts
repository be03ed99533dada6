import type { LostRange } from './store-damage.ts';

/**
 * Damage that was found in a store while it is in use. Unlike damage that is found when a store is opened, it makes its
 * node forget nothing: which entries stood there, and of which terms, is still in memory.
 */
export interface ScrubDamage {
  /** For people: a `TUTTI_STORE_CORRUPT` that names file, byte and problem. */
  readonly failure: Error;
  /** A snapshot is replaced by another one; a log is mended. */
  readonly part: 'log' | 'snapshot';
  /** Entries that stand nowhere else, lowest first, apart from each other; `mend` wants them. */
  readonly lost: readonly LostRange[];
}

/** What one step of reading again has brought. */
export interface ScrubStep {
  /** Bytes read; 0 where a write is under way that comes first. */
  readonly bytes: number;
  /** Everything that is stored has been read: the next step begins anew. */
  readonly passEnded: boolean;
  readonly damage: ScrubDamage | undefined;
}

export type ScrubCallback = (failure: Error | undefined, step?: ScrubStep) => void;

/** `still` is what is damaged yet: nothing has been changed then. */
export type MendCallback = (failure: Error | undefined, still?: ScrubDamage) => void;
