import { isTest, type SourceFile } from './sources.ts';
import { strip } from './tokens.ts';

export const LINES_MAX = 450;

/** Names that say where something lies and not what it is. */
const HOLLOW_NAME = /(^|\/)(utils?|helpers?|common|misc|types)(\.ts$|\/|\.test\.ts$)/;
/** The table is one list by design: a code is looked up in one place. */
const LONG_BY_DESIGN = ['packages/kernel/src/error/error-table.ts'];

/** What is wrong with a file, each as a sentence. */
export function houseProblems(file: SourceFile): string[] {
  const { code, comments } = strip(file.text);
  const found = [
    ...nameProblems(file),
    ...codeProblems(file, code),
    ...commentProblems(comments),
    ...placeProblems(file),
  ];
  return found.map((problem) => `${file.path}: ${problem}`);
}

function nameProblems({ path, text }: SourceFile): string[] {
  const lines = text.trimEnd().split('\n').length;
  return [
    ...(HOLLOW_NAME.test(path) ? ['name it after the concept that is in it'] : []),
    ...(!isTest(path) &&
    /^packages\/[^/]+\/src\//.test(path) &&
    lines > LINES_MAX &&
    !LONG_BY_DESIGN.includes(path)
      ? [`${lines} lines are more than ${LINES_MAX}: it holds more than one concept`]
      : []),
  ];
}

function codeProblems({ path }: SourceFile, code: string): string[] {
  const casts = /\bas\s+any\b|<any>/.test(code) ? ['`as any` hides what the type is'] : [];
  const double = /\bas\s+unknown\s+as\b/.test(code) ? ['`as unknown as` hides what the type is'] : [];
  const only = /\b(?:it|test|describe)\s*(?:\.\w+)*\s*\.\s*(?:only|skip|todo)\b/.exec(code);
  const default_ =
    /\bexport\s+default\b/.test(code) && path.startsWith('packages/') ? ['exports have names'] : [];
  return [...casts, ...double, ...(only ? [`${only[0]} leaves tests out`] : []), ...default_];
}

function commentProblems(comments: string): string[] {
  const ignore = /@ts-(?:ignore|nocheck|expect-error)/.exec(comments);
  const left = /\b(?:TODO|FIXME|XXX|HACK)\b/.exec(comments);
  return [
    ...(ignore ? [`${ignore[0]} silences the compiler`] : []),
    ...(left ? [`${left[0]}: finish it, or write an issue`] : []),
  ];
}

/** Directories of one machine and names of its servers have no place in a project that others clone. */
const PLACES = [
  /(?<![\w.$}])\/(?:work|root|home)\/[a-z]/,
  /\blocalhost:4873\b/,
  /\/\/registry\.(?!npmjs\.org)[a-z]/,
];

function placeProblems({ text }: SourceFile): string[] {
  const found = PLACES.map((place) => place.exec(text)).find((match) => match !== null);
  return found ? [`"${found[0]}" is a place on one machine`] : [];
}

/** What a package's entry must be: a module sentence, named exports, and no code of its own. */
export function entryProblems(file: SourceFile): string[] {
  const { code } = strip(file.text);
  const problems = [
    ...(/^\/\*\*[^]*?@module\b/.test(file.text)
      ? []
      : ['it begins with a sentence on the module and @module']),
    ...(/\bexport\s*\*\s*from\b/.test(code) ? ['it lists what it exports; `export *` does not'] : []),
    ...(/\bexport\s+(?:const|let|function|class|async|interface)\b/.test(code)
      ? ['a barrel holds no code']
      : []),
  ];
  return problems.map((problem) => `${file.path}: ${problem}`);
}
