import { type NodeId, type Term, TuttiError } from '@tutti/kernel';
import type { RaftNode } from '../raft/raft-node.ts';

/** Told once how a transfer of leadership ended: who leads now, or why it did not come to that. */
export type TransferCallback = (failure: Error | undefined, leader?: NodeId) => void;

interface UnderWay {
  readonly target: NodeId;
  readonly term: Term;
  readonly done: TransferCallback;
  ticksLeft: number;
}

/** Follows a transfer of leadership from the call to its end (Raft thesis 3.10). */
export class Handover {
  readonly #core: RaftNode;
  readonly #electionTicks: number;
  readonly #tickMs: number;
  #underWay: UnderWay | undefined;

  constructor(core: RaftNode, config: { readonly electionTicks: number; readonly tickMs: number }) {
    this.#core = core;
    this.#electionTicks = config.electionTicks;
    this.#tickMs = config.tickMs;
  }

  /** @throws TuttiError what `RaftNode.transferLeadership` throws */
  begin(target: NodeId | undefined, done: TransferCallback): void {
    // The core may have ended it since this was last looked at.
    this.notice();
    if (this.#underWay) throw new TuttiError('TUTTI_LEADERSHIP_MOVING', { target: this.#underWay.target });
    const chosen = this.#core.transferLeadership(target);
    // The target has one election timeout to be told, and twice that to be elected and heard of.
    const ticksLeft = 3 * this.#electionTicks;
    this.#underWay = { target: chosen, term: this.#core.term, done, ticksLeft };
  }

  tick(): void {
    if (this.#underWay) this.#underWay.ticksLeft--;
    this.notice();
  }

  /** Looks whether it has ended. Call whenever role, term or leader may have changed. */
  notice(): void {
    const underWay = this.#underWay;
    if (!underWay) return;
    const { target, term, ticksLeft } = underWay;
    const { leader } = this.#core;
    if (this.#core.term > term && leader !== undefined) this.#end(undefined, leader);
    else if (ticksLeft > 0 && (this.#core.term > term || this.#core.transferTarget === target)) return;
    else this.#end(this.#lost(target) ?? this.#timedOut(target));
  }

  /** Why the core ended it before its time, if it did. */
  #lost(target: NodeId): TuttiError | undefined {
    const { transferLoss } = this.#core;
    if (transferLoss?.target !== target) return undefined;
    return new TuttiError('TUTTI_TRANSFER_TARGET_LOST', { target, why: transferLoss.why });
  }

  #timedOut(target: NodeId): TuttiError {
    const timeoutMs = this.#electionTicks * this.#tickMs;
    return new TuttiError('TUTTI_TRANSFER_TIMEOUT', { target, timeoutMs });
  }

  /** The replica stops. */
  close(failure: () => TuttiError): void {
    if (this.#underWay) this.#end(failure());
  }

  /** Forgets it without a word. */
  drop(): void {
    this.#underWay = undefined;
  }

  #end(failure: Error | undefined, leader?: NodeId): void {
    const underWay = this.#underWay!;
    this.#underWay = undefined;
    underWay.done(failure, leader);
  }
}
