import type { SampleNotice } from './schedule.ts';

/** Says on one line per sample how far a run is, and about how long it will still take. */
export class Progress {
  readonly #total: number;
  readonly #write: (line: string) => void;
  #done = 0;
  /** The first time of each subject foretells its others; those not seen yet count as the mean of all. */
  readonly #timeMs = new Map<string, number>();
  readonly #left = new Map<string, number>();

  /** @param planned How many samples each subject will take, by `case subject`. */
  constructor(planned: ReadonlyMap<string, number>, write: (line: string) => void) {
    this.#left = new Map(planned);
    this.#total = [...planned.values()].reduce((sum, count) => sum + count, 0);
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
    const known = [...this.#timeMs.values()];
    const mean = known.reduce((sum, ms) => sum + ms, 0) / Math.max(1, known.length);
    let sum = 0;
    for (const [key, count] of this.#left) sum += count * (this.#timeMs.get(key) ?? mean);
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
