import { canonicalJson } from '@tutti/kernel';
import type { Conflict, ConflictSide } from './conflict.ts';
import { asObject, CONFLICTS_MAX, partOf } from './detector.ts';

/**
 * `infrastructure`: what one side needs against what another provisions. Shapes, by service:
 *
 * - needs: `{ infrastructure_needs: { postgres: { version: '>=15', port: 5432, memoryMb: 512, extensions: ['pgcrypto'] } } }`
 * - provisions: `{ infrastructure_provisions: { postgres: { version: '16.2', port: 5432, memoryMb: 1024, ... } } }`
 *
 * A field is met when: `version` fits (`16` any 16.x, `16.2` any 16.2.x, `>=15` that or newer); `port` is equal; a
 * number is provided at least as large; a list is provided with all its members; anything else is equal. A service
 * or a field that is needed and not provided is a conflict; what is provided and not needed is none. Several sides
 * may provision: the first that names the service counts. Needs of several tasks are not added up.
 */
export function detectInfrastructureConflicts(brought: readonly ConflictSide[]): Conflict[] {
  const providers = brought.filter((side) => partOf(side, 'infrastructure_provisions'));
  const conflicts = brought.flatMap((needer) =>
    Object.entries(partOf(needer, 'infrastructure_needs') ?? {}).flatMap(([service, need]) => {
      const named = providers.find((side) => provision(side, service) !== undefined);
      const other =
        named ?? providers[0] ?? brought.find((side) => side.orchestrator !== needer.orchestrator);
      return other ? serviceConflicts(service, needer, need, other) : [];
    }),
  );
  return conflicts.slice(0, CONFLICTS_MAX);
}

function provision(side: ConflictSide, service: string): unknown {
  return partOf(side, 'infrastructure_provisions')?.[service];
}

function serviceConflicts(
  service: string,
  needer: ConflictSide,
  need: unknown,
  provider: ConflictSide,
): Conflict[] {
  const provided = provision(provider, service);
  const conflict = (subject: string, needed: unknown, found: unknown, explanation: string): Conflict => ({
    check: 'infrastructure',
    subject,
    sides: [
      { orchestrator: needer.orchestrator, task: needer.task, value: needed },
      { orchestrator: provider.orchestrator, task: provider.task, value: found ?? null },
    ],
    explanation,
  });
  const has = asObject(provided);
  if (!has) {
    const explanation = `${needer.orchestrator} needs ${service}, which ${provider.orchestrator} does not provision`;
    return [conflict(service, need, provided, explanation)];
  }
  return Object.entries(asObject(need) ?? {})
    .filter(([field, needed]) => !isMet(field, needed, has[field]))
    .map(([field, needed]) => {
      const found = has[field] === undefined ? 'none' : JSON.stringify(has[field]);
      const explanation = `${needer.orchestrator} needs ${field} ${JSON.stringify(needed)} of ${service}, ${provider.orchestrator} provisions ${found}`;
      return conflict(`${service}.${field}`, needed, has[field], explanation);
    });
}

function isMet(field: string, needed: unknown, provided: unknown): boolean {
  if (field === 'version') return isVersionMet(textOf(needed), textOf(provided));
  if (field !== 'port' && typeof needed === 'number')
    return typeof provided === 'number' && provided >= needed;
  if (Array.isArray(needed)) {
    const members = new Set(Array.isArray(provided) ? provided.map((item) => canonicalJson(item)) : []);
    return needed.every((item) => members.has(canonicalJson(item)));
  }
  return provided !== undefined && canonicalJson(needed ?? null) === canonicalJson(provided ?? null);
}

/** A version may be written as a number, `16`. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function isVersionMet(needed: string, provided: string): boolean {
  const isMinimum = needed.startsWith('>=');
  const least = numbersOf(isMinimum ? needed.slice(2) : needed);
  const found = numbersOf(provided);
  if (!least || !found) return needed === provided;
  for (const [at, part] of least.entries()) {
    const other = found[at] ?? 0;
    if (other !== part) return isMinimum && other > part;
  }
  return true;
}

/** The parts of a dotted version; undefined when it is not one. */
function numbersOf(version: string): number[] | undefined {
  const parts = version.trim().replace(/^v/, '').split('.').map(Number);
  return parts.every(Number.isSafeInteger) && version.trim() !== '' ? parts : undefined;
}
