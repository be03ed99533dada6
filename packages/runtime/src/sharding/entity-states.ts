import { type ModuleRestorer, type ReplicatedModule, SnapshotableMap } from '@tutti/consensus';
import { incarnation, nodeId, type WireValue } from '@tutti/kernel';
import { CommandReader } from '../cluster/command-reader.ts';
import type { Life } from '../cluster/membership.ts';
import { type EntityName, shardOf } from './shard-id.ts';
import type { ShardMap } from './shard-map.ts';

/** The name of the module in the log. */
export const ENTITY_STATES = 'entities';

/** The last committed state of one entity. */
export interface EntityState extends EntityName {
  /** What `getPersistedSnapshot` gave, with refs as `{ $ref }`. */
  readonly snapshot: unknown;
  /** The epoch of the shard's owner that wrote it. */
  readonly epoch: number;
  /** Counts the commits of this entity, from 1. */
  readonly version: number;
}

/** One turn of one entity, as its owner proposes it. */
export type EntityCommit = EntityState;

/** What became of one commit of a batch. `stale`: another owner's epoch; `conflict`: not the version after the last. */
export type CommitOutcome = 'committed' | 'stale' | 'conflict';

/** Commits of several entities by one owner, each judged on its own. */
export type EntityCommand = Life & { readonly type: 'commit'; readonly entries: readonly EntityCommit[] };

/**
 * The committed snapshots of all durable entities, on every node. A commit is taken only from the owner of the
 * entity's shard in its current epoch, and only as the next version: so a slow old owner, and a repeated proposal
 * whose outcome was never heard, change nothing.
 */
export class EntityStates implements ReplicatedModule {
  readonly name = ENTITY_STATES;
  readonly #shards: ShardMap;
  /** By kind and key, so that a snapshot of a million of them is taken without a pause. */
  readonly #states = new SnapshotableMap<string, EntityState>();
  readonly #counts = new Map<string, number>();

  constructor(shards: ShardMap) {
    this.#shards = shards;
  }

  get(name: EntityName): EntityState | undefined {
    return this.#states.get(placeOf(name));
  }

  /** How many are stored, by kind. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  apply(command: WireValue): readonly CommitOutcome[] {
    const reader = new CommandReader(ENTITY_STATES, command);
    if (reader.text('type') !== 'commit') throw reader.invalid(`the type ${reader.text('type')} is unknown`);
    const life: Life = {
      nodeId: nodeId(reader.text('nodeId')),
      incarnation: incarnation(reader.count('incarnation')),
    };
    const commits = reader.list('entries').map(readCommit);
    return commits.map((commit) => this.#commit(life, commit));
  }

  snapshot(): Iterable<WireValue> {
    const captured = this.#states.capture();
    return (function* states() {
      for (const [, state] of captured) yield state;
    })();
  }

  restore(parts: Iterable<WireValue>): void {
    const restorer = this.restorer();
    for (const part of parts) restorer.add(part);
    restorer.finish();
  }

  restorer(): ModuleRestorer {
    const counts = new Map<string, number>();
    const states = this.#states.restorer((part) => {
      const state = part as EntityState;
      counts.set(state.kind, (counts.get(state.kind) ?? 0) + 1);
      return [placeOf(state), state];
    });
    return {
      add: (part) => states.add(part),
      finish: () => {
        states.finish();
        this.#counts.clear();
        for (const [kind, count] of counts) this.#counts.set(kind, count);
      },
    };
  }

  #commit(life: Life, commit: EntityCommit): CommitOutcome {
    const shard = shardOf(commit.kind, commit.key, Math.max(1, this.#shards.size));
    if (!this.#shards.isOwnedBy(life, { shard, epoch: commit.epoch })) return 'stale';
    if (commit.version !== (this.get(commit)?.version ?? 0) + 1) return 'conflict';
    this.#put(commit);
    return 'committed';
  }

  #put(state: EntityState): void {
    const place = placeOf(state);
    if (!this.#states.has(place)) this.#counts.set(state.kind, (this.#counts.get(state.kind) ?? 0) + 1);
    this.#states.set(place, state);
  }
}

/** A kind holds no line break, so no two names have the same place. */
const placeOf = ({ kind, key }: EntityName): string => `${kind}\n${key}`;

function readCommit(reader: CommandReader): EntityCommit {
  return {
    kind: reader.text('kind'),
    key: reader.text('key'),
    epoch: reader.count('epoch'),
    version: reader.count('version'),
    snapshot: reader.fields['snapshot'],
  };
}

/** Whether the entity has reached its end and takes no more messages. A failure is no end, and never stored. */
export function isEnded(state: EntityState | undefined): boolean {
  return (state?.snapshot as { status?: unknown } | undefined)?.status === 'done';
}
