import { type Clock, type NodeId, type Term, TuttiError } from '@tutti/kernel';

/** How long no leader has been known, and whether that is too long for waiting to be of use. */
export class LeaderWatch {
  readonly #clock: Clock;
  readonly #noLeaderMs: number;
  #seenAt: number;

  constructor(clock: Clock, noLeaderMs: number) {
    this.#clock = clock;
    this.#noLeaderMs = noLeaderMs;
    this.#seenAt = clock.now();
  }

  /** @param leader Whom the core takes for the leader now, here and below. */
  notice(leader: NodeId | undefined): void {
    if (leader !== undefined) this.#seenAt = this.#clock.now();
  }

  isLeaderless(leader: NodeId | undefined): boolean {
    return leader === undefined && this.#clock.now() - this.#seenAt >= this.#noLeaderMs;
  }

  /** @throws TuttiError `TUTTI_NO_LEADER` */
  refuseWithoutLeader(leader: NodeId | undefined, term: Term): void {
    if (!this.isLeaderless(leader)) return;
    const known = `none for ${Math.round(this.#clock.now() - this.#seenAt)} ms, term ${term}`;
    throw new TuttiError('TUTTI_NO_LEADER', { known });
  }
}
