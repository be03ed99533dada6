import type { LogIndex, Term } from '@tutti/kernel';
import type { RaftNode } from '../raft/raft-node.ts';
import type { Applier } from './applier.ts';
import { onceNonceOf } from './command.ts';
import type { SessionTable } from './session-table.ts';

/**
 * Keeps a leader from taking an opening into its log more than once, however often it comes: each copy would make a
 * session, and push another client's out.
 *
 * A leader knows what it has applied, and what it has appended itself in its term. Of what earlier leaders left in its
 * log it knows nothing before it has applied it; so an opening waits until an entry of the leader's own term is applied,
 * which stands behind all of those. From then on no opening is in the log that it does not know.
 *
 * What an entry does when it is applied is the same as ever. So nothing depends on all nodes having this: where another
 * version leads, or sends, some openings have copies, and every node makes the same sessions of them.
 */
export class OpeningGate {
  readonly #core: Pick<RaftNode, 'term'>;
  readonly #applier: Pick<Applier, 'index' | 'term'>;
  readonly #sessions: Pick<SessionTable, 'sessionOf'>;
  /** Appended in `#term` and not applied yet, in the order of the log; so no more than a leader's backlog. */
  readonly #appended = new Map<string, LogIndex>();
  #term: Term | undefined;

  constructor(
    core: Pick<RaftNode, 'term'>,
    applier: Pick<Applier, 'index' | 'term'>,
    sessions: Pick<SessionTable, 'sessionOf'>,
  ) {
    this.#core = core;
    this.#applier = applier;
    this.#sessions = sessions;
  }

  /** Whether it cannot be said yet if the log has what this frame opens. */
  mustWait(frame: Uint8Array): boolean {
    return onceNonceOf(frame) !== undefined && this.#applier.term !== this.#core.term;
  }

  /** Whether the log has what this frame opens, or its session is known. Asked of one that need not wait. */
  has(frame: Uint8Array): boolean {
    const nonce = onceNonceOf(frame);
    if (nonce === undefined) return false;
    this.#forgetOld();
    return this.#appended.has(nonce) || this.#sessions.sessionOf(nonce) !== undefined;
  }

  /** This frame is in the log, at `index`. */
  appended(frame: Uint8Array, index: LogIndex): void {
    const nonce = onceNonceOf(frame);
    if (nonce !== undefined) this.#appended.set(nonce, index);
  }

  /** What was appended in another term may be gone from the log; what is applied, the sessions know. */
  #forgetOld(): void {
    if (this.#term !== this.#core.term) this.#appended.clear();
    this.#term = this.#core.term;
    for (const [nonce, index] of this.#appended) {
      if (index > this.#applier.index) break;
      this.#appended.delete(nonce);
    }
  }
}
