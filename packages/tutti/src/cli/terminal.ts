import { styleText } from 'node:util';
import { fitCells } from './cells.ts';

type Style = Parameters<typeof styleText>[0];

/** Somewhere to write to: a terminal, on which a footer may be redrawn and colours used, or a plain stream. */
export class Terminal {
  readonly #stream: NodeJS.WriteStream;
  readonly live: boolean;
  readonly #colours: boolean;
  #footerLines = 0;

  /** @param colour Overrides what the stream and `NO_COLOR` say. */
  constructor(stream: NodeJS.WriteStream, colour?: boolean) {
    this.#stream = stream;
    this.live = stream.isTTY && process.env['TERM'] !== 'dumb';
    this.#colours = colour ?? (this.live && process.env['NO_COLOR'] === undefined);
  }

  get columns(): number {
    return this.#stream.columns ?? 100;
  }

  paint(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Prints above the footer. */
  line(text = ''): void {
    this.#clearFooter();
    this.#stream.write(`${text}\n`);
  }

  /** Redraws the lines at the bottom, each cut to fit; on a stream that is no terminal it does nothing. No colours. */
  footer(lines: readonly string[]): void {
    if (!this.live) return;
    this.#clearFooter();
    for (const text of lines) this.#stream.write(`${fitCells(text, this.columns - 1)}\n`);
    this.#footerLines = lines.length;
  }

  #clearFooter(): void {
    if (this.#footerLines > 0) this.#stream.write(`\u001B[${this.#footerLines}A\u001B[J`);
    this.#footerLines = 0;
  }
}
