import { type LogIndex, logIndex } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';
import type { LostRange } from '../store-damage.ts';
import type { EntryIndex } from './entry-index.ts';

/** A place in the log where records are missing. */
export interface Gap {
  /** The segment that has to be written anew to close it; its file may be missing. */
  readonly sequence: number;
  /** How many whole records the segment has before it. */
  readonly after: number;
  readonly file: string;
  readonly offset: number;
}

/** Lost entries, and the gaps that they were lost in. */
export interface LostStretch extends LostRange {
  readonly gaps: readonly Gap[];
}

/**
 * Follows what is missing while a log is read back, until later records make up for it: a reset forgets everything, an
 * entry that overwrites lost ones replaces them. What is left is the least that has to be fetched.
 */
export class LostEntries {
  readonly #index: EntryIndex;
  #stretches: LostStretch[] = [];
  #openGaps: Gap[] = [];

  constructor(index: EntryIndex) {
    this.#index = index;
  }

  get stretches(): readonly LostStretch[] {
    return this.#stretches;
  }

  /** Gaps after which no entry has come yet. */
  get openGaps(): readonly Gap[] {
    return this.#openGaps;
  }

  /** Entries that are missing though nothing is damaged where they stood, and nothing has replaced them. */
  get unexplained(): LostRange | undefined {
    return this.#stretches.find(({ gaps }) => gaps.length === 0);
  }

  get hasGaps(): boolean {
    return this.#openGaps.length > 0 || this.#stretches.length > 0;
  }

  gap(gap: Gap): void {
    this.#openGaps.push(gap);
  }

  /** Everything before does not matter any more. */
  forget(): void {
    this.#stretches = [];
    this.#openGaps = [];
  }

  /**
   * An entry comes next, and is about to be put in its place. Where nothing was lost that would explain a hole before
   * it, the hole counts all the same: a gap that was closed with nothing leaves one before entries that later ones
   * replace.
   */
  before(entry: Entry): void {
    const { lastIndex } = this.#index;
    const gaps = this.#openGaps;
    this.#openGaps = [];
    this.#replacedFrom(entry);
    if (gaps.length === 0 && entry.index <= lastIndex + 1) return;
    const from = Math.min(lastIndex + 1, entry.index);
    this.#index.putLostThrough(entry.index - 1);
    this.#add({ from: logIndex(from), to: logIndex(entry.index - 1), gaps }, entry);
  }

  #replacedFrom(entry: Entry): void {
    const { index } = entry;
    const stretches = this.#stretches;
    if (stretches.length === 0 || stretches.at(-1)!.to + 1 < index) return;
    this.#stretches = [];
    for (const stretch of stretches) {
      if (stretch.to + 1 < index) this.#stretches.push(stretch);
      else {
        const from = logIndex(Math.min(stretch.from, index));
        this.#add({ from, to: logIndex(index - 1), gaps: stretch.gaps }, entry);
      }
    }
  }

  /**
   * A seam is as it should be if both its entries are of one term: the leader of that term made both, and its log has
   * no other entry in between or in their place (Log Matching, Raft figure 3). What stands before the log, in a
   * snapshot, is committed and was never replaced.
   */
  #add(stretch: LostStretch, next: Entry): void {
    const isSeam = stretch.to < stretch.from;
    const isBase = next.index === this.#index.firstIndex;
    if (isSeam && (stretch.gaps.length === 0 || isBase || this.#index.termAt(next.index - 1) === next.term))
      return;
    const before = this.#stretches.at(-1);
    if (before && before.to + 1 >= stretch.from) {
      const from: LogIndex = logIndex(Math.min(before.from, stretch.from));
      this.#stretches.pop();
      this.#stretches.push({ from, to: stretch.to, gaps: [...before.gaps, ...stretch.gaps] });
    } else this.#stretches.push(stretch);
  }
}
