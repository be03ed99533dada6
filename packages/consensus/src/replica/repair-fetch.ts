import type { LogIndex, NodeId, Term } from '@tutti/kernel';
import type { Entry } from '../raft/messages.ts';
import type { SnapshotWriter } from '../storage/log-store.ts';

/** What is being fetched, and how much of it is there. */
export type Fetch =
  | {
      readonly kind: 'hole';
      readonly from: number;
      readonly to: LogIndex;
      readonly entries: Entry[];
      bytes: number;
    }
  | {
      readonly kind: 'snapshot';
      readonly atLeast: LogIndex;
      /** Peers have the entries, which are more than are gathered: the store is not beyond repair without a snapshot. */
      readonly isForLargeHole: boolean;
      writer: SnapshotWriter | undefined;
      busy: boolean;
    }
  | {
      readonly kind: 'end';
      leader: NodeId | undefined;
      leaderTerm: Term;
      prev: number;
      target: number;
      busy: boolean;
    };

export type FetchOf<Kind extends Fetch['kind']> = Extract<Fetch, { readonly kind: Kind }>;

/** Any snapshot that reaches so far. */
export function snapshotOf(atLeast: LogIndex): FetchOf<'snapshot'> {
  return { kind: 'snapshot', atLeast, isForLargeHole: false, writer: undefined, busy: false };
}

/** The last entry before what is asked for next. */
export function previousOf(fetch: Fetch): number {
  if (fetch.kind === 'hole') return fetch.entries.at(-1)?.index ?? fetch.from - 1;
  return fetch.kind === 'end' ? fetch.prev : 0;
}
