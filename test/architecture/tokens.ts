/** A source without its comments, and with every string literal replaced by `"n"`, its place in `strings`. */
export interface Stripped {
  readonly code: string;
  readonly strings: readonly string[];
  /** What the comments say. */
  readonly comments: string;
}

/** After these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEX =
  /(?:^|[([{}=,:;!&|?+\-*%~^<>]|=>|\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield))\s*$/;

/**
 * Takes comments and literals out of TypeScript, so that a rule about code is not set off by prose. Code within
 * `${...}` of a template stays. It knows only what is needed for that; line breaks are kept.
 */
export function strip(source: string): Stripped {
  const strings: string[] = [];
  let comments = '';
  let code = '';
  let at = 0;
  /** How many braces are open in each template expression that we are in. */
  const templates: number[] = [];

  const literal = (text: string) => {
    code += `"${strings.push(text) - 1}"`;
  };
  const until = (end: number) => {
    const text = source.slice(at, end);
    at = end;
    return text;
  };
  const template = () => {
    let text = '';
    while (at < source.length && source[at] !== '`' && !source.startsWith('${', at)) {
      if (source[at] === '\\') text += source[at++];
      text += source[at++];
    }
    literal(text);
    if (source[at] === '`') at++;
    else {
      at += 2;
      templates.push(0);
      code += '+(';
    }
  };

  while (at < source.length) {
    const char = source[at]!;
    if (source.startsWith('//', at)) comments += `${until(endOf(source, '\n', at))}\n`;
    else if (source.startsWith('/*', at)) {
      const text = until(endOf(source, '*/', at + 2) + 2);
      comments += `${text}\n`;
      code += text.replaceAll(/[^\n]/g, '');
    } else if (char === "'" || char === '"') literal(until(endOfQuoted(source, at)).slice(1, -1));
    else if (char === '`') {
      at++;
      template();
    } else if (char === '/' && BEFORE_REGEX.test(code.slice(-12))) {
      at = endOfRegex(source, at);
      code += '/x/';
    } else if (char === '}' && templates.at(-1) === 0) {
      templates.pop();
      code += ')+';
      at++;
      template();
    } else {
      if (templates.length > 0 && (char === '{' || char === '}'))
        templates[templates.length - 1]! += char === '{' ? 1 : -1;
      code += char;
      at++;
    }
  }
  return { code, strings, comments };
}

function endOf(source: string, mark: string, from: number): number {
  const end = source.indexOf(mark, from);
  return end < 0 ? source.length : end;
}

function endOfQuoted(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && source[at] !== source[start] && source[at] !== '\n')
    at += source[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfRegex(source: string, start: number): number {
  let isInClass = false;
  let at = start + 1;
  for (; at < source.length && source[at] !== '\n'; at++) {
    const char = source[at];
    if (char === '\\') at++;
    else if (char === '[') isInClass = true;
    else if (char === ']') isInClass = false;
    else if (char === '/' && !isInClass) break;
  }
  return at + 1;
}

/** One import or re-export of a file. */
export interface Specifier {
  readonly from: string;
  /** `import type`: nothing of it is left at run time. */
  readonly isType: boolean;
}

const STATEMENT = /\b(import|export)\s+(type\s+)?(?:[\w$*{},\s]*?)\bfrom\s*"(\d+)"|\bimport\s*\(?\s*"(\d+)"/g;

/** Every module that a source imports or re-exports from. */
export function specifiersOf(source: string): Specifier[] {
  const { code, strings } = strip(source);
  return Array.from(code.matchAll(STATEMENT), (match) => ({
    from: strings[Number(match[3] ?? match[4])]!,
    isType: match[2] !== undefined,
  }));
}
