import { type NodeId, nodeId, TuttiError } from '@tutti/kernel';
import type { Membership } from './messages.ts';

/** Voters and learners together, of both sides while joint. */
export const MEMBERS_MAX = 64;
/** The longest contact address, in characters. */
const CONTACT_LENGTH_MAX = 512;
/** How many changes a configuration remembers, so that a repeated request for one of them is recognised. */
export const CHANGES_REMEMBERED = 8;
/** The longest id of a request for a change. */
export const CHANGE_ID_LENGTH_MAX = 160;
/** What all of this can come to at most, in bytes. */
const MEMBERSHIP_BYTES_MAX = 256 * 1024;

const VERSION = 1;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The bytes of a configuration: the data of its entry in the log, and its form on the wire. JSON, since they are few
 * and seldom: version, voters, learners, outgoing voters or null, promotable learners, contacts, changes.
 */
export function encodeMembership(membership: Membership): Uint8Array {
  const { voters, learners, outgoing, promotable = [], contacts = {}, changes = [] } = membership;
  const fields = [VERSION, voters, learners, outgoing ?? null, promotable, Object.entries(contacts), changes];
  return encoder.encode(JSON.stringify(fields));
}

/** @throws TuttiError `TUTTI_CODEC_INVALID` when these bytes are no configuration that could be in force */
export function decodeMembership(data: Uint8Array): Membership {
  if (data.length > MEMBERSHIP_BYTES_MAX) throw invalid('it is too long');
  let fields: unknown;
  try {
    fields = JSON.parse(decoder.decode(data));
  } catch {
    throw invalid('it is no JSON');
  }
  if (!Array.isArray(fields) || fields[0] !== VERSION) throw invalid(`it is not of version ${VERSION}`);
  const [, voters, learners, outgoing, promotable, contacts, changes] = fields;
  const found: Membership = {
    voters: names('voters', voters),
    learners: names('learners', learners),
    ...(outgoing === null ? {} : { outgoing: names('outgoing voters', outgoing) }),
    ...optional('promotable', names('promotable learners', promotable)),
    ...contactsOf(contacts),
    ...optional('changes', texts('changes', changes, CHANGE_ID_LENGTH_MAX)),
  };
  const problem = membershipProblem(found);
  if (problem) throw invalid(problem);
  return found;
}

/** What keeps a configuration from being in force; undefined when nothing does. */
export function membershipProblem(membership: Membership): string | undefined {
  const { voters, learners, outgoing = [], promotable = [], contacts = {}, changes = [] } = membership;
  const everyone = new Set([...voters, ...outgoing, ...learners]);
  for (const list of [voters, learners, outgoing, promotable])
    if (new Set(list).size < list.length) return 'a node is named twice';
  if (voters.length === 0) return 'nobody votes';
  if (membership.outgoing?.length === 0) return 'nobody votes on the old side';
  if (learners.some((node) => voters.includes(node))) return 'a node is voter and learner';
  if (promotable.some((node) => !learners.includes(node))) return 'who is to be promoted is no learner';
  if (everyone.size > MEMBERS_MAX) return `it has more than ${MEMBERS_MAX} members`;
  for (const [node, contact] of Object.entries(contacts)) {
    if (!everyone.has(node as NodeId)) return `there is a contact of ${node}, which is no member`;
    if (contact.length > CONTACT_LENGTH_MAX)
      return `the contact of ${node} has more than ${CONTACT_LENGTH_MAX} characters`;
  }
  return changes.length > CHANGES_REMEMBERED ? 'it remembers too many changes' : undefined;
}

function names(what: string, value: unknown): NodeId[] {
  return texts(what, value, 64).map(nodeId);
}

function texts(what: string, value: unknown, lengthMax: number): string[] {
  if (!Array.isArray(value) || value.length > MEMBERS_MAX) throw invalid(`its ${what} are no list`);
  for (const text of value)
    if (typeof text !== 'string' || text.length > lengthMax) throw invalid(`its ${what} hold no text`);
  return value as string[];
}

function contactsOf(value: unknown): Pick<Membership, 'contacts'> {
  if (!Array.isArray(value) || value.length > MEMBERS_MAX) throw invalid('its contacts are no list');
  if (value.length === 0) return {};
  const pairs = value.map((pair) => texts('contacts', pair, CONTACT_LENGTH_MAX));
  if (pairs.some((pair) => pair.length !== 2)) throw invalid('its contacts are no pairs');
  return { contacts: Object.fromEntries(pairs) };
}

const optional = <Key extends string, Item>(key: Key, list: readonly Item[]) =>
  (list.length === 0 ? {} : { [key]: list }) as { readonly [K in Key]?: readonly Item[] };

const invalid = (problem: string): TuttiError =>
  new TuttiError('TUTTI_CODEC_INVALID', { problem: `of a membership: ${problem}` });
