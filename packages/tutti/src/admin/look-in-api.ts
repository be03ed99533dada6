import type { ActorInfo, ActorNodeInfo, HistoryEntry } from '@tutti/runtime';

/** One actor, as `tutti top` shows it. */
export type ActorTop = Pick<
  ActorInfo,
  'address' | 'path' | 'entity' | 'logic' | 'state' | 'mailboxDepth' | 'restarts'
> & {
  /** Messages handled a second since the last look; undefined at the first. */
  readonly perSecond: number | undefined;
};

/** `GET /top`: what one node does. */
export interface NodeTop {
  readonly node: string;
  /** How long was measured; 0 at the first look, which only begins to. */
  readonly seconds: number;
  readonly actorCount: number;
  readonly perSecond: number | undefined;
  /** Messages in all mailboxes. */
  readonly waiting: number;
  /** Of all actors that live. */
  readonly restarts: number;
  /** How much later than due the event loop came round, in milliseconds, since the last look. */
  readonly lagMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Since the node started. */
  readonly deadLetters: number;
  /** Those with most waiting first, then those that handle most; at most 50. */
  readonly actors: readonly ActorTop[];
}

/** `GET /messages`, and `POST /messages { perActor }`, which says how many to keep. */
export interface NodeMessages {
  readonly node: string;
  /** Messages kept of each actor; 0 while nothing is recorded. */
  readonly perActor: number;
  readonly entries: readonly HistoryEntry[];
}

/** `GET /tree`: the actors of one node under their supervisors. */
export interface NodeTree {
  readonly node: string;
  /** At most 10,000 actors, the upper ones first. */
  readonly tree: readonly ActorNodeInfo[];
  /** How many more there are. */
  readonly notShown: number;
}

/** `GET /trace?ref=...&from=N`: what an actor has handled after entry N of this trace. With `actors=1` also which they are. */
export interface NodeTrace {
  readonly node: string;
  /** The actors that the text names now, at most 100, if they were asked for. */
  readonly actors: readonly ActorTop[];
  /** Names this recording. In another one entries are counted from 1 again. */
  readonly run: string;
  /** The number of the last entry. Of the latest, those that there was room for are kept: 1,000 of each actor. */
  readonly count: number;
  readonly entries: readonly HistoryEntry[];
}
