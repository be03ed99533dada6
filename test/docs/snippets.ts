import { readFileSync } from 'node:fs';

/** A fenced block of a page. */
export interface Snippet {
  readonly file: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** What follows the fence, such as `ts` or `ts no-run`. */
  readonly info: string;
  readonly code: string;
  /** The nearest heading above it. */
  readonly heading: string;
}

/** Every fenced block of a Markdown text, in order. */
export function snippetsOf(file: string, text: string): Snippet[] {
  const found: Snippet[] = [];
  let heading = '';
  let open: { line: number; info: string; code: string[] } | undefined;
  text.split('\n').forEach((content, index) => {
    const fence = /^```(.*)$/.exec(content);
    if (open && fence) {
      found.push({ file, line: open.line, info: open.info, code: `${open.code.join('\n')}\n`, heading });
      open = undefined;
    } else if (open) open.code.push(content);
    else if (fence) open = { line: index + 1, info: fence[1]!.trim(), code: [] };
    else heading = /^#+\s+(.*)$/.exec(content)?.[1] ?? heading;
  });
  if (open) throw new Error(`${file}:${open.line}: a fenced block is not closed`);
  return found;
}

/** The blocks of a page on disk. */
export function snippetsIn(file: string): Snippet[] {
  return snippetsOf(file, readFileSync(file, 'utf8'));
}
