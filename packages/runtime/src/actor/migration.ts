import { messageOf, TuttiError } from '@tutti/kernel';
import { DeliveryLog } from '../delivery/delivery-log.ts';
import { LOGIC_VERSION_DEFAULT, type LogicIdentity } from './logic-identity.ts';

/** A stored snapshot with the identity of the code that wrote it. */
export interface StoredSnapshot extends LogicIdentity {
  /** As `getPersistedSnapshot` gave it, with refs as refs. Of before there were versions, `hash` is empty. */
  readonly snapshot: unknown;
}

/**
 * Turns a snapshot of an older version into one that the present code can restore. It must be a pure function: it may
 * run again, on another node, from the same snapshot. It is called once for the whole way from `from.version` to
 * `to.version`.
 */
export type Migrate = (from: StoredSnapshot, to: LogicIdentity) => unknown;

/** What is declared for a logic whose snapshots are stored. */
export interface VersionedLogic {
  readonly identity: LogicIdentity;
  readonly migrate: Migrate | undefined;
}

/**
 * A stored snapshot as the present code may restore it: as it is when the same code wrote it, migrated when an older
 * version did.
 * @param of What the snapshot is of, for the errors: `cart/alice`.
 * @returns the snapshot, and whether it was migrated
 * @throws TuttiError `TUTTI_SNAPSHOT_NEWER`, `TUTTI_SNAPSHOT_CHANGED`, `TUTTI_SNAPSHOT_MIGRATION_MISSING`,
 * `TUTTI_SNAPSHOT_MIGRATION_FAILED`; nothing has been overwritten then
 */
export function hydrate(
  of: string,
  snapshot: unknown,
  writtenBy: LogicIdentity | undefined,
  { identity: to, migrate }: VersionedLogic,
): { readonly snapshot: unknown; readonly isMigrated: boolean } {
  const from = writtenBy ?? { machine: to.machine, version: LOGIC_VERSION_DEFAULT, hash: '' };
  const facts = { of, machine: from.machine, stored: from.version, declared: to.version };
  if (from.version > to.version) throw new TuttiError('TUTTI_SNAPSHOT_NEWER', facts);
  if (from.version === to.version) {
    const isSame = from.hash === '' || (from.hash === to.hash && from.machine === to.machine);
    if (isSame) return { snapshot, isMigrated: false };
    const hashes = { storedHash: `${from.machine}#${from.hash}`, declaredHash: `${to.machine}#${to.hash}` };
    throw new TuttiError('TUTTI_SNAPSHOT_CHANGED', { ...facts, ...hashes });
  }
  if (!migrate) throw new TuttiError('TUTTI_SNAPSHOT_MIGRATION_MISSING', facts);
  // What was delivered to it is no part of what the user's code made.
  const { persisted, log } = DeliveryLog.takeFrom(snapshot);
  const next = migrated(migrate, { ...from, snapshot: persisted }, to, facts);
  return { snapshot: DeliveryLog.keepIn(next, log), isMigrated: true };
}

interface Facts {
  readonly of: string;
  readonly stored: number;
  readonly declared: number;
}

function migrated(migrate: Migrate, from: StoredSnapshot, to: LogicIdentity, facts: Facts): unknown {
  const failed = (problem: string, cause?: unknown) =>
    new TuttiError('TUTTI_SNAPSHOT_MIGRATION_FAILED', { ...facts, problem }, { cause });
  let next: unknown;
  try {
    next = migrate(from, to);
  } catch (thrown) {
    throw failed(messageOf(thrown), thrown);
  }
  if (typeof next === 'object' && next !== null && 'status' in next) return next;
  throw failed('it did not return a snapshot, which is an object with a status');
}
