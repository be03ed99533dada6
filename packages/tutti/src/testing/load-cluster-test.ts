import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, TuttiError } from '@tutti/kernel';
import type { ClusterTest, ClusterTestSource } from './cluster-test.ts';
import { KNOWN_FAULT_KINDS } from './fault.ts';
import { standIn } from './virtual-globals.ts';

/**
 * Reads the test that a file exports as its default.
 * @throws TuttiError `TUTTI_TEST_INVALID`
 */
export async function loadClusterTest(file: string): Promise<ClusterTestSource> {
  // The loader would name this file as the one that wanted it.
  if (!existsSync(resolve(file))) throw invalid(file, 'there is no such file');
  standIn();
  let source: unknown;
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as { default?: unknown };
    source = module.default;
  } catch (thrown) {
    throw invalid(file, messageOf(thrown), thrown);
  }
  if (source === undefined) throw invalid(file, 'it has no default export');
  const problem = problemOf(madeBy(source, file));
  if (problem !== undefined) throw invalid(file, problem);
  return source as ClusterTestSource;
}

function madeBy(source: unknown, file: string): unknown {
  try {
    return typeof source === 'function' ? (source as () => unknown)() : source;
  } catch (thrown) {
    throw invalid(file, messageOf(thrown), thrown);
  }
}

function problemOf(made: unknown): string | undefined {
  if (typeof made !== 'object' || made === null) return 'its default export is no test';
  const test = made as Partial<Record<keyof ClusterTest, unknown>>;
  if (typeof test.workload !== 'function') return 'its test has no `workload`';
  for (const name of ['setup', 'check'] as const)
    if (test[name] !== undefined && typeof test[name] !== 'function') return `\`${name}\` is no function`;
  for (const name of ['nodes', 'durationMs', 'settleMs', 'faultEveryMs'] as const)
    if (test[name] !== undefined && !(Number(test[name]) > 0)) return `\`${name}\` is not a number above 0`;
  const isKind = (kind: unknown): boolean => KNOWN_FAULT_KINDS.includes(kind as never);
  if (test.faults !== undefined && !(Array.isArray(test.faults) && test.faults.every(isKind)))
    return `\`faults\` holds something else than ${KNOWN_FAULT_KINDS.join(', ')}`;
  return undefined;
}

const invalid = (file: string, problem: string, cause?: unknown): TuttiError =>
  new TuttiError('TUTTI_TEST_INVALID', { file, problem }, { cause });
