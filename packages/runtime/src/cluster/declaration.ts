import { TuttiError } from '@tutti/kernel';
import type { LogicIdentity } from '../actor/logic-identity.ts';
import { CLOCK_DRIFT_MAX } from './cluster-config.ts';
import type { CommandReader } from './command-reader.ts';

/** What a node runs under one name, as far as the others must agree on it. */
export interface DeclaredLogic extends LogicIdentity {
  /** The entity kind, or the name of a replicated logic. */
  readonly name: string;
  readonly placement: 'entity' | 'singleton' | 'replicated';
  readonly durable: boolean;
}

/** What a node says of itself when it joins, so that two that cannot work together find out then. */
export interface Declaration {
  readonly leaseMs: number;
  readonly takeoverWaitMs: number;
  /** Its share of the shards, beside a node of 1. */
  readonly weight: number;
  readonly logics: readonly DeclaredLogic[];
}

/** A member, for the words of a refusal. */
interface Declarer {
  readonly nodeId: string;
  readonly declares: Declaration;
}

export function readDeclaration(reader: CommandReader): Declaration {
  return {
    leaseMs: reader.amount('leaseMs'),
    takeoverWaitMs: reader.amount('takeoverWaitMs'),
    weight: reader.amount('weight'),
    logics: reader.list('logics').map(readLogic),
  };
}

function readLogic(reader: CommandReader): DeclaredLogic {
  const placement = reader.text('placement');
  if (placement !== 'entity' && placement !== 'singleton' && placement !== 'replicated')
    throw reader.invalid(`the placement ${placement} is unknown`);
  return {
    name: reader.text('name'),
    placement,
    durable: reader.fields['durable'] === true,
    machine: reader.text('machine'),
    version: reader.count('version'),
    hash: reader.text('hash'),
  };
}

/**
 * Why two nodes cannot be members at one time, if they cannot. Names that only one of them has are no reason, nor are
 * different versions of an entity's logic: a new version is brought in node by node. A replicated logic is run by all of
 * them in lockstep, so there every difference is one.
 */
export function declarationConflict(joining: Declarer, member: Declarer): TuttiError | undefined {
  const lease = leaseConflict(joining, member) ?? leaseConflict(member, joining);
  if (lease) return lease;
  const known = new Map(member.declares.logics.map((logic) => [logic.name, logic]));
  for (const logic of joining.declares.logics) {
    const other = known.get(logic.name);
    const what = other && difference(logic, other);
    if (what)
      return new TuttiError('TUTTI_DECLARATION_MISMATCH', {
        name: logic.name,
        node: joining.nodeId,
        member: member.nodeId,
        ...what,
      });
  }
  return undefined;
}

/** How long one waits before it gives a lost node's shards away must outlast the lease of the other, on any clock. */
function leaseConflict(waits: Declarer, holds: Declarer): TuttiError | undefined {
  const { takeoverWaitMs } = waits.declares;
  const { leaseMs } = holds.declares;
  if (takeoverWaitMs >= leaseMs * (1 + CLOCK_DRIFT_MAX)) return undefined;
  return new TuttiError('TUTTI_LEASE_MISMATCH', {
    node: waits.nodeId,
    takeoverWaitMs,
    holder: holds.nodeId,
    leaseMs,
  });
}

interface Difference {
  readonly what: string;
  readonly ours: string;
  readonly theirs: string;
}

function difference(ours: DeclaredLogic, theirs: DeclaredLogic): Difference | undefined {
  const differs = (what: string, of: (logic: DeclaredLogic) => unknown): Difference | undefined =>
    of(ours) === of(theirs) ? undefined : { what, ours: String(of(ours)), theirs: String(of(theirs)) };
  const isReplicated = ours.placement === 'replicated';
  return (
    differs('placement', (logic) => logic.placement) ??
    differs('durable', (logic) => logic.durable) ??
    (isReplicated ? differs('version', (logic) => logic.version) : undefined) ??
    (ours.version === theirs.version
      ? (differs('machine', (logic) => logic.machine) ??
        differs('hash of one version', (logic) => logic.hash))
      : undefined)
  );
}
