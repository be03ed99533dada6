import { StringDecoder } from 'node:string_decoder';

/** Keeps the last part of what a program prints, whatever it prints. */
export class OutputTail {
  readonly #charsMax: number;
  readonly #decoder = new StringDecoder('utf8');
  #text = '';
  #dropped = 0;

  constructor(charsMax: number) {
    this.#charsMax = charsMax;
  }

  add(bytes: Buffer): void {
    this.#text += this.#decoder.write(bytes);
    const excess = this.#text.length - this.#charsMax;
    if (excess <= 0) return;
    this.#text = this.#text.slice(excess);
    this.#dropped += excess;
  }

  get text(): string {
    return this.#text;
  }

  /** The last line that is not empty, unless its beginning was dropped. */
  get lastLine(): string | undefined {
    const lines = this.#text.trimEnd().split('\n');
    if (lines.length === 1 && this.#dropped > 0) return undefined;
    return lines.at(-1)?.trim() || undefined;
  }
}
