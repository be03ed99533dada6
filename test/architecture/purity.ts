import type { SourceFile } from './sources.ts';
import { strip } from './tokens.ts';

interface Ban {
  readonly name: string;
  readonly pattern: RegExp;
  readonly instead: string;
}

/** Not a property of something, nor part of a longer name. */
const FREE = '(?<![.\\w$#])';
/** Something of it is reached for; a type that is only named is not. */
const REACHED = '\\s*(?:\\?\\.|[.[])';

const banned = (name: string, instead: string, pattern = `${FREE}${name}${REACHED}`): Ban => ({
  name,
  pattern: new RegExp(pattern, 'g'),
  instead,
});

const timer = (name: string): Ban => banned(name, 'Clock.setTimer or Clock.nextTurn', `${FREE}${name}\\b`);
const TIMERS: ReadonlySet<string> = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']);

/** What would let the world in by the window. */
export const BANS: readonly Ban[] = [
  banned(
    'Date',
    'Clock.now or Clock.wallTime',
    `${FREE}(?:new\\s+Date\\b(?!\\s*\\(\\s*[^)\\s])|(?<!\\bnew\\s+)Date\\s*[.([])`,
  ),
  banned('performance', 'Clock.now'),
  banned('Math.random', 'Random', `${FREE}Math\\s*\\.\\s*random\\b`),
  banned('crypto', 'Random or IdSource'),
  timer('setTimeout'),
  timer('setInterval'),
  timer('setImmediate'),
  timer('queueMicrotask'),
  banned('process', 'an option that the host sets'),
  banned('console', 'Logger'),
  banned('globalThis', 'what is handed in'),
];

/** The adapters, and what each is there to touch. */
export const ADAPTERS: readonly { readonly path: RegExp; readonly may: readonly string[] }[] = [
  {
    path: /^packages\/kernel\/src\/clock\/system-clock\.ts$/,
    may: ['Date', 'performance', 'setTimeout', 'setImmediate'],
  },
  { path: /^packages\/kernel\/src\/system-random\.ts$/, may: ['crypto'] },
  { path: /^packages\/kernel\/src\/clock\/virtual-clock\.ts$/, may: ['setImmediate'] },
  { path: /^packages\/consensus\/src\/storage\/file\//, may: BANS.map(({ name }) => name) },
];

/** Each use of time, chance or the outside world that did not come in by the door. */
export function purityProblems(file: SourceFile): string[] {
  const may = ADAPTERS.find(({ path }) => path.test(file.path))?.may ?? [];
  const { code } = strip(file.text);
  return BANS.filter(({ name }) => !may.includes(name)).flatMap(({ name, pattern, instead }) =>
    Array.from(code.matchAll(pattern)).flatMap(({ 0: found, index }) => {
      if (TIMERS.has(name) && isDefinition(code, index + found.length)) return [];
      const line = code.slice(0, index).split('\n').length;
      return [`${file.path}:${line} uses ${name}: use ${instead}`];
    }),
  );
}

/** Whether a name that ends here is being defined: a key, or a method with its parameters and then a body or a type. */
function isDefinition(code: string, from: number): boolean {
  const rest = code.slice(from).trimStart();
  if (rest.startsWith(':') || rest.startsWith('?:')) return true;
  if (!rest.startsWith('(')) return false;
  let depth = 0;
  let at = 0;
  do {
    if (rest[at] === '(') depth++;
    else if (rest[at] === ')') depth--;
    at++;
  } while (depth > 0 && at < rest.length);
  return /^\s*[:{]/.test(rest.slice(at));
}
