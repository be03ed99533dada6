import type { Incarnation, NodeId } from '@tutti/kernel';
import type { Address } from './ref.ts';

const ACTOR_ID = /^[A-Za-z0-9._~-]{1,128}$/;

/** Whether a text can name an actor among its siblings. */
export const isActorId = (text: string): boolean => ACTOR_ID.test(text);

/** A `local:` address taken apart. `path` is the ids from the top, joined by `/`. */
export interface LocalAddress {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly path: string;
  /** Which of the actors that have lived at the path; undefined stands for whoever lives there now. */
  readonly uid: number | undefined;
}

/** What comes before the path in the address of every actor of one life of one node. */
export const localPrefix = (nodeId: NodeId, incarnation: Incarnation): string =>
  `local:${nodeId}/${String(incarnation)}/`;

/** The id in an address that is a prefix and one name, without uid: most are, and need not be taken apart. */
export function nameUnder(prefix: string, address: Address): string | undefined {
  if (!address.startsWith(prefix) || address.length === prefix.length) return undefined;
  const name = address.slice(prefix.length);
  return name.includes('/') || name.includes('#') ? undefined : name;
}

/** Undefined when the text is not a well-formed `local:` address. */
export function parseLocalAddress(address: Address): LocalAddress | undefined {
  const match = /^local:([^/]+)\/(\d+)\/([^#]+)(?:#(\d+))?$/.exec(address);
  if (!match) return undefined;
  const [, node, life, path, uid] = match;
  return {
    nodeId: node as NodeId,
    incarnation: Number(life) as Incarnation,
    path: path!,
    uid: uid === undefined ? undefined : Number(uid),
  };
}
