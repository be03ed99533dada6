/**
 * What happened in a run, folded into one number: two runs of a seed are the same run if and only if their hashes
 * are equal. The last lines are kept as text for whoever has to understand a violation.
 */
export class Trace {
  #low = 0x811c9dc5;
  #high = 0x01000193;
  readonly #linesMax: number;
  readonly #lines: string[] = [];

  /** @param linesMax How many of the last lines to keep; default none, since text costs time. */
  constructor(linesMax = 0) {
    this.#linesMax = linesMax;
  }

  note(
    timeMs: number,
    what: string,
    a: string | number = '',
    b: string | number = '',
    c: string | number = '',
  ): void {
    this.#fold(Math.round(timeMs * 1000));
    this.#foldText(what);
    for (const part of [a, b, c]) {
      if (typeof part === 'number') this.#fold(part);
      else this.#foldText(part);
    }
    if (this.#linesMax === 0) return;
    if (this.#lines.length >= 2 * this.#linesMax) this.#lines.splice(0, this.#linesMax);
    this.#lines.push(`${timeMs.toFixed(3).padStart(10)} ${what} ${a} ${b} ${c}`);
  }

  get hash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }

  get lines(): readonly string[] {
    return this.#lines.slice(-this.#linesMax);
  }

  #fold(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ (this.#low >>> 15), 0x85ebca6b);
  }

  #foldText(text: string): void {
    for (let i = 0; i < text.length; i++) this.#low = Math.imul(this.#low ^ text.charCodeAt(i), 0x01000193);
    this.#fold(text.length);
  }
}
