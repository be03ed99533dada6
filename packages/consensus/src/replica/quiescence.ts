import {
  CHANNEL,
  type LogIndex,
  logIndex,
  type NodeId,
  type Term,
  type Transport,
  type WireValue,
} from '@tutti/kernel';
import type { RaftNode } from '../raft/raft-node.ts';
import { type QuietMessage, type QuietStep, quietFromWire, quietToWire } from './quiet-wire.ts';
import type { ReplicaOptions } from './replica-options.ts';
import type { Turns } from './turns.ts';

/** Whether nodes are there, judged for all groups of a process at once. */
export interface NodeLiveness {
  isAlive(node: NodeId): boolean;
}

/** What going quiet needs of the process, see `ReplicaGroups`. */
export interface QuiescenceOptions {
  readonly liveness: NodeLiveness;
  /** Ticks without anything to do after which a group goes quiet. */
  readonly idleTicks: number;
}

/** What going quiet needs of its driver. */
interface QuiescenceParts {
  readonly core: RaftNode;
  readonly turns: Turns;
  /** Whether calls wait here, or something is being applied or taken. */
  readonly isBusy: () => boolean;
}

const NEVER: QuiescenceOptions = { liveness: { isAlive: () => false }, idleTicks: Infinity };

/**
 * Lets a group that has nothing to do go quiet: no heartbeat is sent for it, no election timer runs, until there is
 * something to do again.
 *
 * A leader whose log is committed everywhere says so; a follower that has it all as well stops its timer and answers;
 * the leader stops when all that are alive have answered. From then on a follower relies on what the nodes know of each
 * other: whoever leads a quiet group cannot die without its node's signs of life ending, and then the follower's timer
 * goes on. Any message of the group, any call here, any node that comes or goes wakes it. Nothing of this touches
 * safety: a quiet group is one whose clock stands still for a while.
 */
export class Quiescence {
  readonly #parts: QuiescenceParts & QuiescenceOptions & { readonly self: NodeId };
  readonly #transport: Transport;
  readonly #enabled: boolean;
  #quiet = false;
  #idleTicks = 0;
  /** The end of the log at the last tick. */
  #index: LogIndex = logIndex(0);
  /** Followers that have gone quiet on the leader's newest word. */
  readonly #answered = new Set<NodeId>();

  /** Without `quiescence` among the options it never goes quiet. */
  constructor({ nodeId, transport, quiescence }: ReplicaOptions, parts: QuiescenceParts) {
    this.#enabled = quiescence !== undefined;
    this.#transport = transport;
    this.#parts = { ...(quiescence ?? NEVER), ...parts, self: nodeId };
  }

  /** Whether it was a message about being quiet; it is dealt with then. */
  take(value: WireValue, from: NodeId): boolean {
    const message = quietFromWire(value, from);
    if (message && this.#enabled) this.#receive(message);
    return message !== undefined;
  }

  /** Another message came. The answer to the last heartbeat may come after everybody has agreed to be quiet. */
  heard(message: { readonly type: string; readonly term?: Term }): void {
    if (message.type !== 'heartbeatReply' || message.term! > this.#parts.core.term) this.wake();
  }

  get isQuiet(): boolean {
    return this.#quiet;
  }

  /** Something is to be done, or may be: time goes on. */
  wake(): void {
    if (!this.#quiet) return;
    this.#quiet = false;
    this.#idleTicks = 0;
    this.#answered.clear();
    const { core, self } = this.#parts;
    if (core.leader !== undefined && core.leader !== self) this.#tell(core.leader, 'wake');
    this.#parts.turns.resume();
  }

  /** A tick has passed, and nothing woke the group in it. */
  tick(): void {
    if (!this.#enabled) return;
    const { core, idleTicks, isBusy } = this.#parts;
    const isNew = core.lastIndex !== this.#index;
    this.#index = core.lastIndex;
    if (isNew || core.role !== 'leader' || isBusy() || !this.#isSettled()) {
      this.#idleTicks = 0;
      this.#answered.clear();
    } else if (++this.#idleTicks >= idleTicks) this.#propose();
  }

  #receive(message: QuietMessage): void {
    const { core, liveness, isBusy } = this.#parts;
    const isOfNow = message.term === core.term && message.index === core.lastIndex;
    if (message.step === 'wake') {
      this.#answered.delete(message.from);
      this.wake();
    } else if (message.step === 'agree') {
      if (!isOfNow || core.role !== 'leader' || this.#idleTicks < this.#parts.idleTicks) return;
      this.#answered.add(message.from);
      this.#goQuietIfAgreed();
    } else if (
      isOfNow &&
      core.leader === message.from &&
      core.role !== 'leader' &&
      core.commitIndex === core.lastIndex &&
      liveness.isAlive(message.from) &&
      !isBusy()
    ) {
      this.#tell(message.from, 'agree');
      this.#goQuiet();
    } else this.wake();
  }

  /** Everything is committed, everybody who is alive has it, and nothing is waited for that takes ticks. */
  #isSettled(): boolean {
    const { core, liveness } = this.#parts;
    if (core.isMoving || core.commitIndex !== core.lastIndex || core.durableIndex !== core.lastIndex)
      return false;
    const progress = core.progress();
    const alive = progress.filter(({ peer }) => liveness.isAlive(peer));
    const hasAll = alive.every(({ matchIndex }) => matchIndex === core.lastIndex);
    return hasAll && this.#isMajority(new Set(alive.map(({ peer }) => peer)));
  }

  #isMajority(alive: ReadonlySet<NodeId>): boolean {
    const { core, self } = this.#parts;
    const { voters } = core.membership;
    return voters.filter((voter) => voter === self || alive.has(voter)).length * 2 > voters.length;
  }

  #propose(): void {
    const { core, liveness } = this.#parts;
    for (const { peer } of core.progress())
      if (liveness.isAlive(peer) && !this.#answered.has(peer)) this.#tell(peer, 'offer');
    this.#goQuietIfAgreed();
  }

  #goQuietIfAgreed(): void {
    const { core, liveness } = this.#parts;
    const agreed = core.progress().every(({ peer }) => !liveness.isAlive(peer) || this.#answered.has(peer));
    if (agreed && this.#isSettled()) this.#goQuiet();
  }

  #tell(to: NodeId, step: QuietStep): void {
    const { core, self } = this.#parts;
    const message = { step, from: self, term: core.term, index: core.lastIndex };
    this.#transport.send(to, CHANNEL.consensus, quietToWire(message), 'control');
  }

  #goQuiet(): void {
    if (this.#quiet) return;
    this.#quiet = true;
    this.#parts.turns.pause();
  }
}
