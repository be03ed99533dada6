import { globSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A file as the rules see it. */
export interface SourceFile {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Files of the project that match, without what is installed or built. */
export function sources(patterns: readonly string[]): SourceFile[] {
  return globSync([...patterns], { cwd: ROOT })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

export const isTest = (path: string): boolean => path.endsWith('.test.ts');

/** Code that ships for use in tests: conformance suites and test kits. It may ask for Vitest. */
export const isTestKit = (path: string): boolean => /\/testing\/|-suite\.ts$|\/fixtures\//.test(path);

/** The package that a path is in, such as `kernel`. */
export const packageOf = (path: string): string => path.split('/')[1]!;
