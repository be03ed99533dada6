import type { Brand } from './brand.ts';
import { TuttiError } from './error/tutti-error.ts';
import type { Random } from './random.ts';

/** A node's name within its cluster: 1 to 64 of `a-z A-Z 0-9 . _ -`, starting with a letter or digit. */
export type NodeId = Brand<string, 'NodeId'>;
/** A cluster's name: the same alphabet. Two clusters never exchange a message. */
export type ClusterId = Brand<string, 'ClusterId'>;
/** Which life of a node this is: a number that grows with every start of the same node. */
export type Incarnation = Brand<number, 'Incarnation'>;
/** Raft's logical clock: a whole number from 0. */
export type Term = Brand<number, 'Term'>;
/** A position in the replicated log: a whole number from 0, where 0 stands before the first entry. */
export type LogIndex = Brand<number, 'LogIndex'>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function name(kind: string, text: string): string {
  if (!NAME.test(text)) throw new TuttiError('TUTTI_ID_INVALID', { kind, id: text });
  return text;
}

/** @throws TuttiError `TUTTI_ID_INVALID` */
export const nodeId = (text: string): NodeId => name('node', text) as NodeId;
/** @throws TuttiError `TUTTI_ID_INVALID` */
export const clusterId = (text: string): ClusterId => name('cluster', text) as ClusterId;
/** Takes a whole number from 1 for the number of a life of a node; it is not checked. */
export const incarnation = (value: number): Incarnation => value as Incarnation;
/** Takes a whole number from 0 for a term (Raft, section 5.1); it is not checked. */
export const term = (value: number): Term => value as Term;
/** Takes a whole number from 0 for a place in the log, whose first entry is 1; it is not checked. */
export const logIndex = (value: number): LogIndex => value as LogIndex;

/** Hands out names that do not repeat within one cluster. */
export interface IdSource {
  /** A new id such as `task-4f09…`: the prefix, a dash and 16 hexadecimal digits. */
  next(prefix: string): string;
}

/** Ids drawn from a seeded source: unguessable only as far as the seed is. */
export function randomIds(random: Random): IdSource {
  const word = () => random.uint32().toString(16).padStart(8, '0');
  return { next: (prefix) => `${prefix}-${word()}${word()}` };
}
