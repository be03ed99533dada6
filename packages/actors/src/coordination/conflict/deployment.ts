import { canonicalJson } from '@tutti/kernel';
import type { Conflict, ConflictSide } from './conflict.ts';
import { asObject, CONFLICTS_MAX, partOf } from './detector.ts';

/**
 * `deployment`: configuration keys on which sides disagree. Every side may bring `{ deployment_config: {...} }` or
 * `{ deployment_strategy: {...} }`; nested objects are compared key by key (`cache.ttlSeconds`), lists and plain
 * values as a whole. A key that only one side names is nobody's conflict. Each side is compared with the first that
 * named the key.
 */
export function detectDeploymentConflicts(brought: readonly ConflictSide[]): Conflict[] {
  const first = new Map<string, ConflictSide>();
  const conflicts: Conflict[] = [];
  for (const side of brought) {
    const { orchestrator, task } = side;
    for (const [key, value] of settings(side)) {
      const known = first.get(key);
      if (!known) first.set(key, { orchestrator, task, value });
      else if (canonicalJson(known.value ?? null) !== canonicalJson(value ?? null))
        conflicts.push({
          check: 'deployment',
          subject: key,
          sides: [known, { orchestrator, task, value }],
          explanation: `${known.orchestrator} sets ${key} to ${JSON.stringify(known.value)}, ${orchestrator} to ${JSON.stringify(value)}`,
        });
    }
  }
  return conflicts.slice(0, CONFLICTS_MAX);
}

function settings(side: ConflictSide): [string, unknown][] {
  return ['deployment_config', 'deployment_strategy'].flatMap((name) => [
    ...leaves('', partOf(side, name) ?? {}),
  ]);
}

function* leaves(
  prefix: string,
  fields: Readonly<Record<string, unknown>>,
): IterableIterator<[string, unknown]> {
  for (const [name, value] of Object.entries(fields)) {
    const inner = asObject(value);
    if (inner) yield* leaves(`${prefix}${name}.`, inner);
    else yield [prefix + name, value];
  }
}
