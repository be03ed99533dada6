import { TuttiError, type WireValue } from '@tutti/kernel';

/** What a command came to: the module's result, or the TuttiError it was refused with. */
export type Outcome = { readonly result: WireValue } | { readonly refusal: TuttiError };

/** What the table says of a command before it is applied. */
export type Admission =
  | { readonly verdict: 'new' }
  | { readonly verdict: 'repeated'; readonly outcome: Outcome }
  /** It was applied and its result has been received; this copy was only late. */
  | { readonly verdict: 'forgotten' }
  | { readonly verdict: 'expired' };

interface Session {
  /** The capture before which it was made: one that is older belongs to a capture as well, and is copied first. */
  readonly generation: number;
  /** Of the opening that made it; undefined if it came in a snapshot of the version before, which wrote none. */
  readonly nonce: string | undefined;
  ackedBelow: number;
  readonly results: Map<number, Outcome>;
}

/**
 * A session as it stands in a snapshot: id, ackedBelow, and the kept results with their sequence. The nonce stands behind
 * all that the version before wrote, which does not look there; so each reads what the other wrote.
 */
export type SessionRow = readonly [
  id: number,
  ackedBelow: number,
  results: readonly ResultRow[],
  nonce?: string,
];
type ResultRow = readonly [sequence: number, ok: boolean, value: unknown];

const NEW: Admission = { verdict: 'new' };
const FORGOTTEN: Admission = { verdict: 'forgotten' };
const EXPIRED: Admission = { verdict: 'expired' };

/**
 * The client sessions of the cluster (Raft thesis 6.3): for each, the results that its client may still ask for
 * again. Part of the replicated state: every node holds the same table after the same entry, and snapshots carry it.
 */
export class SessionTable {
  /** In order of last use in the log, the least recent first. */
  readonly #sessions = new Map<number, Session>();
  #latest = -1;
  #generation = 0;

  get size(): number {
    return this.#sessions.size;
  }

  /** Opens the session `id`, and forgets the least recently used ones beyond `sessionsMax`. */
  open(id: number, sessionsMax: number, nonce?: string): void {
    this.#sessions.set(id, { generation: this.#generation, nonce, ackedBelow: 1, results: new Map() });
    this.#latest = id;
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= Math.max(1, sessionsMax)) return;
      this.#sessions.delete(oldest);
    }
  }

  /** Judges a command, marks its session as used, and forgets the results it acknowledges. */
  admit(id: number, sequence: number, acked: number): Admission {
    const session = this.#sessions.get(id);
    if (!session) return EXPIRED;
    if (this.#latest !== id) {
      this.#sessions.delete(id);
      this.#sessions.set(id, session);
      this.#latest = id;
    }
    if (acked > session.ackedBelow) forgetBelow(acked, this.#own(id, session));
    const { results, ackedBelow } = this.#sessions.get(id)!;
    const outcome = results.get(sequence);
    if (outcome) return { verdict: 'repeated', outcome };
    return sequence < ackedBelow ? FORGOTTEN : NEW;
  }

  record(id: number, sequence: number, outcome: Outcome): void {
    const session = this.#sessions.get(id);
    if (session) this.#own(id, session).results.set(sequence, outcome);
  }

  /** The session, or a copy in its place if a capture may still read it. */
  #own(id: number, session: Session): Session {
    if (session.generation === this.#generation) return session;
    const { nonce, ackedBelow, results } = session;
    const copy = { generation: this.#generation, nonce, ackedBelow, results: new Map(results) };
    this.#sessions.set(id, copy);
    return copy;
  }

  /** The result kept for a command, if there is one. */
  outcomeOf(id: number, sequence: number): Outcome | undefined {
    return this.#sessions.get(id)?.results.get(sequence);
  }

  has(id: number): boolean {
    return this.#sessions.has(id);
  }

  /**
   * The session that an opening with this nonce made, if it is known still; of several, the one used last. It is looked
   * for among all, once for each opening.
   */
  sessionOf(nonce: string): number | undefined {
    let found: number | undefined;
    for (const [id, session] of this.#sessions) if (session.nonce === nonce) found = id;
    return found;
  }

  /** Whether the nonce of every session is known, so that who is not found has none. */
  get namesAll(): boolean {
    for (const { nonce } of this.#sessions.values()) if (nonce === undefined) return false;
    return true;
  }

  /** The table as it is now, each row built when it is asked for. */
  capture(): Iterable<SessionRow> {
    this.#generation++;
    const sessions = [...this.#sessions];
    return (function* rows(): Generator<SessionRow> {
      for (const [id, { nonce, ackedBelow, results }] of sessions) {
        const kept = [...results].map(([sequence, outcome]) => rowOf(sequence, outcome));
        yield nonce === undefined ? [id, ackedBelow, kept] : [id, ackedBelow, kept, nonce];
      }
    })();
  }

  restore(rows: Iterable<SessionRow>): void {
    this.#sessions.clear();
    for (const [id, ackedBelow, kept, nonce] of rows) {
      const results = new Map<number, Outcome>();
      for (const [sequence, ok, value] of kept)
        results.set(sequence, ok ? { result: value } : { refusal: TuttiError.fromJSON(value as TuttiError) });
      this.#sessions.set(id, { generation: this.#generation, nonce, ackedBelow, results });
      this.#latest = id;
    }
  }
}

const rowOf = (sequence: number, outcome: Outcome): ResultRow =>
  'result' in outcome ? [sequence, true, outcome.result] : [sequence, false, outcome.refusal.toJSON()];

/** Goes over the acknowledged sequences or over the kept results, whichever are fewer: mostly it is one sequence. */
function forgetBelow(acked: number, session: Session): void {
  const { results, ackedBelow } = session;
  session.ackedBelow = acked;
  if (acked - ackedBelow <= results.size)
    for (let sequence = ackedBelow; sequence < acked; sequence++) results.delete(sequence);
  else for (const kept of results.keys()) if (kept < acked) results.delete(kept);
}
