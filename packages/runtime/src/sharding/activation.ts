import { TuttiError } from '@tutti/kernel';
import type { Ref } from '../actor/ref.ts';
import type { QuorumLease } from '../cluster/quorum-lease.ts';
import { decodeRefs, encodeRefs } from '../cluster/ref-codec.ts';
import type { KeptTurn, StateKeeper } from '../system/actor-system.ts';
import type { EntityState } from './entity-states.ts';
import type { EntityStore } from './entity-store.ts';
import type { EntityName, ShardId } from './shard-id.ts';

/** Messages that share one commit. Those of a busy entity wait in its mailbox while the last commit is under way. */
const TURN_MESSAGES_MAX = 64;

interface ActivationOptions {
  readonly name: EntityName;
  readonly shard: ShardId;
  /** The epoch it was started in; it acts in no other. */
  readonly epoch: number;
  readonly durable: boolean;
  /** The last committed state when it was started. */
  readonly state: EntityState | undefined;
  readonly store: EntityStore;
  readonly lease: QuorumLease;
  readonly nodeId: string;
  /** Whether the log, as this node has applied it, still has this node own the shard in this epoch. */
  readonly isOwner: () => boolean;
  readonly makeRef: (address: string) => Ref;
}

/**
 * One entity being alive on this node, as the keeper of its actor's state. Nothing a turn did is seen by anybody
 * before three things hold: its new snapshot is in the log under this epoch, the node's lease is valid, and the log
 * still names this node as the owner. So an owner that was replaced may compute, but cannot act.
 */
export class Activation implements StateKeeper {
  readonly name: EntityName;
  readonly shard: ShardId;
  readonly epoch: number;
  readonly turnMessagesMax: number;
  readonly #options: ActivationOptions;
  #snapshot: unknown;
  #version: number;
  #fenced = false;
  /** The next turn only shows the state that was restored; it is in the log already. */
  #isRestored = false;
  /** Set by the host once the actor runs. */
  ref: Ref | undefined;
  lastUsedAt = 0;
  /** It is on its way out; new messages wait for the next activation. */
  stopping: Promise<void> | undefined;

  constructor(options: ActivationOptions) {
    this.#options = options;
    this.name = options.name;
    this.shard = options.shard;
    this.epoch = options.epoch;
    this.turnMessagesMax = options.durable ? TURN_MESSAGES_MAX : 1;
    this.#snapshot = options.state?.snapshot;
    this.#version = options.state?.version ?? 0;
  }

  /** Commits of this entity that the log has taken. */
  get version(): number {
    return this.#version;
  }

  /** From now on nothing it does is released. */
  fence(): void {
    this.#fenced = true;
  }

  restore(): unknown {
    this.#isRestored = this.#snapshot !== undefined;
    if (!this.#isRestored) return undefined;
    return decodeRefs(this.#snapshot, this.#options.makeRef);
  }

  commit(turn: KeptTurn): Promise<void> | undefined {
    if (this.#fenced || !this.#options.isOwner()) return Promise.reject(this.#stale());
    const changed = turn.changed && !this.#isRestored;
    this.#isRestored = false;
    if (this.#options.durable && changed) return this.#store(turn);
    return this.confirm();
  }

  confirm(): Promise<void> | undefined {
    if (this.#fenced || !this.#options.isOwner()) return Promise.reject(this.#stale());
    return this.#options.lease.isValid ? undefined : this.#untilLeased();
  }

  async #store(turn: KeptTurn): Promise<void> {
    const snapshot = encodeRefs(turn.persisted());
    const version = this.#version + 1;
    await this.#options.store.commit({ ...this.name, snapshot, epoch: this.epoch, version });
    this.#snapshot = snapshot;
    this.#version = version;
  }

  /** Whether it is still the owner is for {@link confirm} to see. */
  async #untilLeased(): Promise<void> {
    while (!this.#options.lease.isValid) await this.#options.lease.whenValid();
  }

  #stale(): TuttiError {
    const { shard, epoch } = this;
    return new TuttiError('TUTTI_EPOCH_STALE', { shard, epoch, node: this.#options.nodeId });
  }
}
