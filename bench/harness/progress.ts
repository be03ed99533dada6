import type { SampleNotice } from './schedule.ts';

/** What is to be measured of one subject. */
export interface PlannedSamples {
  readonly samples: number;
  readonly expectedMs: number | undefined;
}

/** Says on one line per sample how far a run is, and about how long it will still take. */
export class Progress {
  #total = 0;
  readonly #write: (line: string) => void;
  #done = 0;
  /** The first time of each subject foretells its others; those not seen yet count as the mean of all. */
  readonly #timeMs = new Map<string, number>();
  readonly #left = new Map<string, number>();
  readonly #foretold = new Map<string, number>();

  /** @param planned By `case subject`, how many samples each will take, and how long one does if the case says so. */
  constructor(planned: ReadonlyMap<string, PlannedSamples>, write: (line: string) => void) {
    for (const [key, { samples, expectedMs }] of planned) {
      this.#left.set(key, samples);
      if (expectedMs !== undefined) this.#foretold.set(key, expectedMs);
      this.#total += samples;
    }
    this.#write = write;
  }

  sample({ caseId, subjectId, run, runs, elapsedMs, problem }: SampleNotice): void {
    const key = `${caseId} ${subjectId}`;
    this.#done++;
    this.#timeMs.set(key, elapsedMs);
    this.#left.set(key, (this.#left.get(key) ?? 1) - 1);
    const what =
      problem === undefined ? `${(elapsedMs / 1_000).toFixed(1)} s` : `failed: ${firstLine(problem)}`;
    const left = this.#done < this.#total ? `, about ${showTime(this.remainingMs())} left` : '';
    this.#write(`[${this.#done}/${this.#total}] ${key} ${run}/${runs}: ${what}${left}`);
  }

  remainingMs(): number {
    // The long ones say so themselves, and would make the mean too long for those that do not.
    const known = [...this.#timeMs].flatMap(([key, ms]) => (this.#foretold.has(key) ? [] : [ms]));
    const mean = known.reduce((sum, ms) => sum + ms, 0) / Math.max(1, known.length);
    let sum = 0;
    for (const [key, count] of this.#left)
      sum += count * (this.#timeMs.get(key) ?? this.#foretold.get(key) ?? mean);
    return sum;
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.slice(0, 160);
}

function showTime(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
