import type { ReplicatedModule } from '@tutti/consensus';
import { incarnation, nodeId, TuttiError, type WireValue } from '@tutti/kernel';
import { CommandReader } from '../cluster/command-reader.ts';
import type { Life, Membership } from '../cluster/membership.ts';
import type { ShardId } from './shard-id.ts';

/** The name of the module in the log. */
export const SHARD_MAP = 'shards';

/**
 * One shard. `epoch` grows with each change of owner and fences everything an owner writes. While `target` is set the
 * owner is handing over: it stops its entities and says `released`.
 */
export interface Shard {
  readonly owner: Life | undefined;
  readonly epoch: number;
  readonly target: Life | undefined;
}

/** Names a shard in the epoch that the sender saw; another epoch means that the map has changed meanwhile. */
export interface ShardAt {
  readonly shard: ShardId;
  readonly epoch: number;
}

/** A shard and the life it shall go to. */
export type ShardMove = ShardAt & Life;

export type ShardCommand =
  | { readonly type: 'configure'; readonly shards: number }
  /** Gives away shards without a living owner. */
  | { readonly type: 'assign'; readonly moves: readonly ShardMove[] }
  /** Asks living owners to hand over. */
  | { readonly type: 'move'; readonly moves: readonly ShardMove[] }
  /** An owner has stopped the entities of these shards. */
  | (Life & { readonly type: 'released'; readonly shards: readonly ReleasedShard[] });

/**
 * A shard that its owner has let go of. `isHanded`: the target has said that it keeps what waited for the shard, so that
 * it is for the target to deliver. The map itself does not look at it, so a node of any version applies it alike.
 */
export type ReleasedShard = ShardAt & { readonly isHanded?: true };

/** How an epoch of a shard ended. */
export interface EpochEnd {
  readonly epoch: number;
  /** `handed` and `released`: its owner let go, with and without what waited. `assigned`: its owner was given up. */
  readonly how: 'handed' | 'released' | 'assigned';
  /** The owner that let go. */
  readonly by: Life | undefined;
}

/** What a command that has changed the owner of a shard says of the epoch that it ended; undefined for any other. */
export function epochEnd(command: WireValue, shard: ShardId): EpochEnd | undefined {
  const said = command as ShardCommand;
  if (said.type === 'assign') {
    const move = said.moves.find((each) => each.shard === shard);
    return move && { epoch: move.epoch, how: 'assigned', by: undefined };
  }
  if (said.type !== 'released') return undefined;
  const released = said.shards.find((each) => each.shard === shard);
  const { nodeId: node, incarnation: life } = said;
  const by: Life = { nodeId: node, incarnation: life };
  return released && { epoch: released.epoch, how: released.isHanded ? 'handed' : 'released', by };
}

const UNOWNED: Shard = { owner: undefined, epoch: 0, target: undefined };

export const sameLife = (a: Life | undefined, b: Life | undefined): boolean =>
  a?.nodeId === b?.nodeId && a?.incarnation === b?.incarnation;

/**
 * Who owns which shard, as the log tells it. Owned → moving → owned by the target; from either, when the owner is
 * lost, owned by whoever is assigned. It reads the membership, which lives in the same log, so both are the same on
 * every node at every entry.
 */
export class ShardMap implements ReplicatedModule {
  readonly name = SHARD_MAP;
  readonly #membership: Membership;
  #shards: Shard[] = [];

  constructor(membership: Membership) {
    this.#membership = membership;
  }

  /** The number of shards; 0 until the first node has configured the cluster. */
  get size(): number {
    return this.#shards.length;
  }

  get(shard: ShardId): Shard {
    return this.#shards[shard] ?? UNOWNED;
  }

  list(): readonly Shard[] {
    return this.#shards;
  }

  /** Whether this life may write for this shard in this epoch. */
  isOwnedBy(life: Life, { shard, epoch }: ShardAt): boolean {
    const known = this.get(shard);
    return known.epoch === epoch && sameLife(known.owner, life) && this.#membership.isAlive(life);
  }

  /** Returns the shards that changed; those of a batch that no longer fit are left out. */
  apply(command: WireValue): readonly ShardId[] {
    const reader = new CommandReader(SHARD_MAP, command);
    switch (reader.text('type')) {
      case 'configure':
        return this.#configure(reader);
      case 'assign':
        return this.#each(reader.list('moves'), (known, item) => this.#assign(known, readLife(item)));
      case 'move':
        return this.#each(reader.list('moves'), (known, item) => this.#move(known, readLife(item)));
      case 'released': {
        const owner = readLife(reader);
        return this.#each(reader.list('shards'), (known) => this.#release(known, owner));
      }
      default:
        throw reader.invalid(`the type ${reader.text('type')} is unknown`);
    }
  }

  snapshot(): Iterable<WireValue> {
    const parts: WireValue[] = [];
    for (let at = 0; at < this.#shards.length; at += 256)
      parts.push(this.#shards.slice(at, at + 256).map(pack));
    return parts;
  }

  restore(parts: Iterable<WireValue>): void {
    this.#shards = [];
    for (const part of parts) this.#shards.push(...(part as PackedShard[]).map(unpack));
  }

  #configure(reader: CommandReader): readonly ShardId[] {
    const shards = reader.count('shards');
    if (this.#shards.length === shards) return [];
    if (this.#shards.length > 0)
      throw new TuttiError('TUTTI_SHARDS_MISMATCH', { shards: this.#shards.length, given: shards });
    if (shards < 1 || shards > 16_384) throw reader.invalid('shards is not a number from 1 to 16,384');
    this.#shards = Array.from({ length: shards }, () => UNOWNED);
    return this.#shards.map((_, shard) => shard);
  }

  #each(
    items: readonly CommandReader[],
    change: (known: Shard, item: CommandReader) => Shard | undefined,
  ): readonly ShardId[] {
    const read = items.map((item) => ({ item, shard: item.count('shard'), epoch: item.count('epoch') }));
    const changes: { shard: ShardId; next: Shard }[] = [];
    for (const { item, shard, epoch } of read) {
      const known = this.#shards[shard];
      const next = known?.epoch === epoch ? change(known, item) : undefined;
      if (next) changes.push({ shard, next });
    }
    for (const { shard, next } of changes) this.#shards[shard] = next;
    return changes.map(({ shard }) => shard);
  }

  #isUp(life: Life): boolean {
    return this.#membership.isAlive(life) && this.#membership.get(life.nodeId)?.state === 'up';
  }

  #assign(known: Shard, to: Life): Shard | undefined {
    if (known.owner && this.#membership.isAlive(known.owner)) return undefined;
    return this.#isUp(to) ? { owner: to, epoch: known.epoch + 1, target: undefined } : undefined;
  }

  #move(known: Shard, to: Life): Shard | undefined {
    if (!known.owner || !this.#membership.isAlive(known.owner) || known.target) return undefined;
    return this.#isUp(to) && !sameLife(known.owner, to) ? { ...known, target: to } : undefined;
  }

  #release(known: Shard, owner: Life): Shard | undefined {
    if (!sameLife(known.owner, owner) || !known.target) return undefined;
    const to = this.#isUp(known.target) ? known.target : undefined;
    return { owner: to, epoch: known.epoch + 1, target: undefined };
  }
}

function readLife(reader: CommandReader): Life {
  return { nodeId: nodeId(reader.text('nodeId')), incarnation: incarnation(reader.count('incarnation')) };
}

type PackedShard = readonly [epoch: number, owner: Life | null, target: Life | null];

const pack = ({ epoch, owner, target }: Shard): PackedShard => [epoch, owner ?? null, target ?? null];
const unpack = ([epoch, owner, target]: PackedShard): Shard => ({
  epoch,
  owner: owner ?? undefined,
  target: target ?? undefined,
});
