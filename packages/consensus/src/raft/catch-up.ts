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

  constructor(electionTicks: number) {
    this.#electionTicks = electionTicks;
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
  }

  #forget(learner: NodeId): void {
    this.#rounds.delete(learner);
    this.#ready.delete(learner);
  }
}
