import type { Random } from '@tutti/kernel';

/** How badly a drive behaves. Chances per call, 0 to 1. */
export interface DriveFaults {
  /** A read or write that does only a part of what it was asked for, and says so. */
  readonly shortChance: number;
  /** A write or flush that fails; of a flush that failed the next one says nothing. */
  readonly errorChance: number;
  /** A write that finds no space. */
  readonly fullChance: number;
}

export const NO_DRIVE_FAULTS: DriveFaults = {
  shortChance: 0,
  errorChance: 0,
  fullChance: 0,
};

/** What ails one drive now, and what it has done to its node: whoever stops because of that is excused. */
export class DriveAilment {
  readonly #random: Random;
  #faults: DriveFaults;
  #slowness = 1;
  #hung: (() => void)[] | undefined;
  #isFull = false;
  /** The first thing in this life of the node that may rightly have stopped it. */
  excuse: string | undefined;
  /** Whether a call of this life found no space; its node may be refused to start by that, and must not stop. */
  lackedSpace = false;
  /** Told of everything that goes wrong. */
  readonly struck: (what: string) => void;

  constructor(random: Random, faults: DriveFaults, struck: (what: string) => void = () => {}) {
    this.#random = random;
    this.#faults = faults;
    this.struck = struck;
  }

  /** Times as long as usual. */
  get slowness(): number {
    return this.#slowness;
  }

  set slowness(times: number) {
    this.#slowness = times;
    if (times > 1) this.excuse ??= 'a slow disk';
  }

  /** From now on nothing comes back. */
  hang(): void {
    this.#hung ??= [];
    this.excuse ??= 'a hung disk';
  }

  /** From now on no file can grow; what has its place already can be written over. */
  fill(): void {
    this.#isFull = true;
  }

  wake(): void {
    const waiting = this.#hung ?? [];
    this.#hung = undefined;
    for (const action of waiting) action();
  }

  whenAwake(action: () => void): void {
    if (this.#hung) this.#hung.push(action);
    else action();
  }

  /** What ails it for a while is over; its chances of failing stay. */
  recover(): void {
    this.#slowness = 1;
    this.#isFull = false;
    this.wake();
  }

  /** Nothing goes wrong any more. */
  heal(): void {
    this.recover();
    this.#faults = NO_DRIVE_FAULTS;
  }

  /** How much of what is asked for is done by one call. */
  lengthOf(length: number): number {
    if (length < 2 || !this.#random.chance(this.#faults.shortChance)) return length;
    this.struck('short call');
    return this.#random.integer(1, length - 1);
  }

  /** The error that a call fails with, if it does. @param grows whether it needs more space than its file has */
  refusalOf(call: 'write' | 'fsync', grows = false): 'EIO' | 'ENOSPC' | undefined {
    if (grows && this.#isFull) {
      this.lackedSpace = true;
      return 'ENOSPC';
    }
    const { errorChance, fullChance } = this.#faults;
    if (this.#random.chance(errorChance)) return this.#excused('EIO', call);
    if (call === 'write' && this.#random.chance(fullChance)) return this.#excused('ENOSPC', call);
    return undefined;
  }

  /** The same of a short text that replaces a file: space is all that it can lack. */
  refusalOfText(text: string): 'ENOSPC' | undefined {
    if (!this.#isFull || text.length === 0) return undefined;
    this.lackedSpace = true;
    return 'ENOSPC';
  }

  #excused<T extends string>(code: T, call: string): T {
    this.excuse ??= `${code} from ${call}`;
    this.struck(code === 'ENOSPC' ? 'full disk' : `failed ${call}`);
    return code;
  }
}
