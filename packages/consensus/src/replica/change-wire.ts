import { type NodeId, nodeId, type Term, TuttiError, unreachable, type WireValue } from '@tutti/kernel';
import type { MemberSpec, MembershipChange } from '../raft/membership-change.ts';
import { CHANGE_ID_LENGTH_MAX } from '../raft/membership-codec.ts';

/** Kinds beside those of `wire.ts`. */
const KIND = { request: 22, reply: 23 } as const;
const TYPES: readonly MembershipChange['type'][] = ['set', 'addLearner', 'promote', 'remove'];
/** The longest that new voters may take to catch up, in milliseconds. */
const WAIT_MS_MAX = 3_600_000;

/** Where a request has its term, after its type: behind what any change takes. */
const TERM_AT = 2;

/** Asks a leader to change the membership; the same `id` may come again. */
export interface ChangeRequest {
  readonly type: 'changeRequest';
  readonly id: string;
  readonly change: MembershipChange;
  /** How long new voters may take to catch up. */
  readonly waitMs: number;
  /**
   * Of the leader that is asked: one of another term does not carry it out, since a leader in between may have refused
   * it. Undefined from a node of an earlier version, which did not say so.
   */
  readonly term: Term | undefined;
}

/** The change is committed, or was refused with `refusal`. */
export interface ChangeReply {
  readonly type: 'changeReply';
  readonly id: string;
  readonly refusal: TuttiError | undefined;
}

const specToWire = ({ node, contact }: MemberSpec): WireValue[] => [node, contact ?? null];

export function changeToWire(message: ChangeRequest | ChangeReply): WireValue[] {
  if (message.type === 'changeReply') return [KIND.reply, message.id, message.refusal?.toJSON() ?? null];
  const { id, change, waitMs, term = null } = message;
  const head = [KIND.request, id, waitMs, TYPES.indexOf(change.type)];
  switch (change.type) {
    case 'set':
      return [...head, change.voters.map(specToWire), change.learners.map(specToWire), term];
    case 'addLearner':
      return [...head, specToWire(change.member), change.promote, term];
    case 'promote':
    case 'remove':
      return [...head, change.node, null, term];
    default:
      return unreachable(change);
  }
}

/** Whether this is a message about the membership, if perhaps not a well-formed one. */
export const isChange = (value: WireValue): boolean =>
  Array.isArray(value) && (value[0] === KIND.request || value[0] === KIND.reply);

/** The message that `value` holds; undefined when it is none. */
export function changeFromWire(value: WireValue): ChangeRequest | ChangeReply | undefined {
  try {
    const [kind, id, ...rest] = value as unknown[];
    if (typeof id !== 'string' || id.length > CHANGE_ID_LENGTH_MAX) return undefined;
    if (kind === KIND.reply) {
      const refusal = rest[0] === null ? undefined : TuttiError.fromJSON(rest[0] as TuttiError);
      return { type: 'changeReply', id, refusal };
    }
    const [waitMs, type, ...fields] = rest;
    const change = changeFrom(TYPES[type as number], fields);
    const asked = fields[TERM_AT] ?? undefined;
    if (!change || !Number.isFinite(waitMs)) return undefined;
    if (asked !== undefined && !Number.isSafeInteger(asked)) return undefined;
    const bounded = Math.min(WAIT_MS_MAX, Math.max(0, waitMs as number));
    return { type: 'changeRequest', id, change, waitMs: bounded, term: asked as Term | undefined };
  } catch {
    return undefined;
  }
}

function changeFrom(
  type: MembershipChange['type'] | undefined,
  fields: unknown[],
): MembershipChange | undefined {
  const [first, second] = fields;
  switch (type) {
    case 'set':
      return {
        type,
        voters: (first as unknown[]).map(specFrom),
        learners: (second as unknown[]).map(specFrom),
      };
    case 'addLearner':
      return { type, member: specFrom(first), promote: second === true };
    case 'promote':
    case 'remove':
      return { type, node: nameFrom(first) };
    case undefined:
      return undefined;
    default:
      return unreachable(type);
  }
}

const nameFrom = (value: unknown): NodeId => nodeId(String(value));

function specFrom(value: unknown): MemberSpec {
  const [node, contact] = value as unknown[];
  return { node: nameFrom(node), ...(typeof contact === 'string' ? { contact } : {}) };
}
