import type { NodeId } from '@tutti/kernel';

interface Round {
  /** The end of the log when the round began. */
  readonly end: number;
  readonly beganAtTick: number;
}

/**
 * How learners gain on their leader (Raft thesis 4.2.1). "The process of replicating entries to the new server is
 * divided into rounds": each brings what the leader had when the round began. A learner whose last round took less
 * than an election timeout would, as a voter, hold commits up for no longer than that. Kept for one term.
 */
export class CatchUp {
  readonly #electionTicks: number;
  readonly #rounds = new Map<NodeId, Round>();
  readonly #ready = new Set<NodeId>();
  /** Learners of an earlier term, of which this one has not shown anything yet. */
  readonly #inherited: Set<NodeId>;
  readonly #beganAtTick: number;

  constructor(electionTicks: number, learners: readonly NodeId[] = [], tick = 0) {
    this.#electionTicks = electionTicks;
    this.#inherited = new Set(learners);
    this.#beganAtTick = tick;
  }

  /** Whether it is too early to say: the first round of a learner that an earlier leader had may still be short. */
  isOpen(learner: NodeId, tick: number): boolean {
    return this.#inherited.has(learner) && tick - this.#beganAtTick < this.#electionTicks;
  }

  /** Whether the last round that `learner` finished was short enough. */
  isCaughtUp(learner: NodeId): boolean {
    return this.#ready.has(learner);
  }

  /** Notes how far each learner is; others are forgotten. */
  notice(
    learners: readonly NodeId[],
    lastIndex: number,
    tick: number,
    match: (learner: NodeId) => number,
  ): void {
    for (const known of this.#rounds.keys()) if (!learners.includes(known)) this.#forget(known);
    for (const learner of learners) {
      const round = this.#rounds.get(learner);
      if (!round) this.#rounds.set(learner, { end: lastIndex, beganAtTick: tick });
      else if (match(learner) >= round.end) this.#ended(learner, round, lastIndex, tick);
      else if (tick - round.beganAtTick >= this.#electionTicks) this.#ready.delete(learner);
    }
  }

  #ended(learner: NodeId, round: Round, lastIndex: number, tick: number): void {
    if (tick - round.beganAtTick < this.#electionTicks) this.#ready.add(learner);
    else this.#ready.delete(learner);
    this.#rounds.set(learner, { end: lastIndex, beganAtTick: tick });
    this.#inherited.delete(learner);
  }

  #forget(learner: NodeId): void {
    this.#rounds.delete(learner);
    this.#ready.delete(learner);
    this.#inherited.delete(learner);
  }
}
