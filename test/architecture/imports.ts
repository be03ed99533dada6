import { posix } from 'node:path';
import { isTest, isTestKit, packageOf, type SourceFile } from './sources.ts';
import { specifiersOf } from './tokens.ts';

/** Who may import whom, and which third-party modules. `node:` stands for all of Node's own. */
export const TABLE: Readonly<
  Record<string, { readonly packages: readonly string[]; readonly modules: readonly string[] }>
> = {
  kernel: { packages: [], modules: [] },
  consensus: { packages: ['kernel'], modules: [] },
  transport: { packages: ['kernel'], modules: ['ws', 'msgpackr', 'node:'] },
  runtime: { packages: ['kernel', 'consensus'], modules: ['xstate'] },
  actors: { packages: ['kernel', 'runtime'], modules: ['xstate'] },
  tutti: {
    packages: ['kernel', 'consensus', 'transport', 'runtime', 'actors'],
    modules: ['commander', 'fastify', 'pino', 'xstate', 'yaml', 'zod', 'node:', 'ws'],
  },
};

/** Where a package that has no `node:` in the table may use it all the same. */
const NODE_ADAPTERS = ['packages/consensus/src/storage/file/'];
const TEST_MODULES = [
  'vitest',
  'fast-check',
  '@noble/ed25519',
  '@xstate/graph',
  'node:',
  'ws',
  'xstate',
  'yaml',
  'fastify',
];

const PORT_TO_USE: Readonly<Record<string, string>> = {
  transport: 'the Transport port of @tutti/kernel',
  runtime: 'a port of @tutti/kernel, joined in the package tutti',
  consensus: 'the replicated placement of @tutti/runtime',
  'node:': 'the Clock, Random, IdSource, LogStore or Transport that is handed in',
};

/** What a file imports against the table, each as a sentence that names what to use instead. */
export function importProblems(file: SourceFile): string[] {
  return specifiersOf(file.text).flatMap(({ from }) => {
    const problem = from.startsWith('.') ? relativeProblem(file, from) : moduleProblem(file, from);
    return problem === undefined ? [] : [`${file.path} imports "${from}": ${problem}`];
  });
}

function relativeProblem(file: SourceFile, from: string): string | undefined {
  const target = posix.join(posix.dirname(file.path), from);
  const home = `packages/${packageOf(file.path)}/`;
  if (!target.startsWith(home))
    return 'it leaves its package; import a package by its name, and bench, test and examples not at all';
  if (!isTest(file.path) && isTest(target)) return 'code does not import tests';
  return undefined;
}

function moduleProblem(file: SourceFile, from: string): string | undefined {
  const own = packageOf(file.path);
  const rule = TABLE[own];
  if (rule === undefined) return `the package "${own}" is not in the table of test/architecture/imports.ts`;
  if (from === 'tutti' || from.startsWith('@tutti/')) return siblingProblem(file, own, from, rule.packages);
  const isForTests = isTest(file.path) || isTestKit(file.path);
  const modules = isForTests ? [...rule.modules, ...TEST_MODULES] : rule.modules;
  const name = from.startsWith('node:')
    ? 'node:'
    : from
        .split('/')
        .slice(0, from.startsWith('@') ? 2 : 1)
        .join('/');
  if (modules.includes(name)) return undefined;
  if (name === 'node:' && NODE_ADAPTERS.some((adapter) => file.path.startsWith(adapter))) return undefined;
  return `${own} does without it; use ${PORT_TO_USE[name] ?? 'what the package has, or change the table with a reason'}`;
}

function siblingProblem(
  file: SourceFile,
  own: string,
  from: string,
  packages: readonly string[],
): string | undefined {
  const sibling = from === 'tutti' || from.startsWith('tutti/') ? 'tutti' : from.split('/')[1]!;
  const subpath = from.split('/').slice(2);
  if (subpath.includes('src') || subpath.length > 1) return `only what the package exports; not its insides`;
  const isForTests = isTest(file.path) || isTestKit(file.path);
  const mayBeTested = isForTests && sibling !== 'tutti' && !areStrangers(own, sibling);
  if (sibling === own || packages.includes(sibling) || mayBeTested) return undefined;
  return `${own} knows nothing of ${sibling}; use ${PORT_TO_USE[sibling] ?? 'what is handed in'}`;
}

/** These two never see each other, not even in tests. */
function areStrangers(a: string, b: string): boolean {
  return [a, b].sort().join() === 'runtime,transport';
}

/** The import graph of one package: file to the files it needs at run time. */
function graphOf(files: readonly SourceFile[]): Map<string, string[]> {
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const targets = specifiersOf(file.text)
      .filter(({ from, isType }) => from.startsWith('.') && !isType)
      .map(({ from }) => posix.join(posix.dirname(file.path), from));
    graph.set(file.path, targets);
  }
  return graph;
}

/** Each cycle of files that import each other, once, as `a.ts -> b.ts -> a.ts`. Types that are erased do not count. */
export function importCycles(files: readonly SourceFile[]): string[] {
  const graph = graphOf(files);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      cycles.push([...trail.slice(seenAt), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}
