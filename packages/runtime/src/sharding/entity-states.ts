import {
  type ApplyContext,
  type ModuleRestorer,
  type ReplicatedModule,
  SnapshotableMap,
} from '@tutti/consensus';
import { incarnation, nodeId, type WireValue } from '@tutti/kernel';
import { type LogicIdentity, sameLogic } from '../actor/logic-identity.ts';
import { CLUSTER_LEVEL, LEVEL } from '../cluster/cluster-level.ts';
import { CommandReader } from '../cluster/command-reader.ts';
import type { Life } from '../cluster/membership.ts';
import { EndedEntities, isEndedPart } from './ended-entities.ts';
import { type EntityName, type ShardId, shardOf } from './shard-id.ts';
import type { ShardMap } from './shard-map.ts';

/** The name of the module in the log. */
export const ENTITY_STATES = 'entities';

/** A delayed event of an entity to itself, as it is stored. */
export interface StoredTimer {
  /** Names it within the entity until another is set under it, or one of several under it is handled or cancelled. */
  readonly id: string;
  /** With refs as `{ $ref }`. */
  readonly event: unknown;
  /** When it is due, in milliseconds since 1970. */
  readonly at: number;
  /** Its id names it no more, so that nothing can cancel it. */
  readonly isUnnamed?: true;
}

/** The last committed state of one entity. */
export interface EntityState extends EntityName {
  /** What `getPersistedSnapshot` gave, with refs as `{ $ref }`. */
  readonly snapshot: unknown;
  /** The epoch of the shard's owner that wrote it. */
  readonly epoch: number;
  /** Counts the commits of this entity, from 1. */
  readonly version: number;
  /** Which code wrote it; undefined of what was written before that was noted. */
  readonly logic?: LogicIdentity;
  /** Delayed events that have not been handled; none when it is undefined. */
  readonly timers?: readonly StoredTimer[];
}

/** One turn of one entity, as its owner's host hands it over. */
export interface EntityCommit extends EntityState {
  /** How far the owner had applied the log when it started the entity; needed of the first commit only. */
  readonly bornAt?: number;
}

/** A commit on the wire: the logic is a place in the list of the command. */
export type EntityEntry = Omit<EntityCommit, 'logic'> & { readonly logic?: number };

/** What became of one commit of a batch. `stale`: another owner's epoch; `conflict`: not the version after the last. */
export type CommitOutcome = 'committed' | 'stale' | 'conflict';

/** Commits of several entities by one owner, each judged on its own. */
export type EntityCommand = Life & {
  readonly type: 'commit';
  readonly logics?: readonly LogicIdentity[];
  readonly entries: readonly EntityEntry[];
};

/**
 * The committed snapshots of all durable entities, on every node. A commit is taken only from the owner of the
 * entity's shard in its current epoch, and only as the next version: so a slow old owner, and a repeated proposal
 * whose outcome was never heard, change nothing. Of an entity that has reached its end only a small mark stays.
 */
export class EntityStates implements ReplicatedModule {
  readonly name = ENTITY_STATES;
  readonly #shards: ShardMap;
  readonly #level: () => number;
  /** By kind and key, so that a snapshot of a million of them is taken without a pause. */
  readonly #states = new SnapshotableMap<string, EntityState>();
  readonly #ended = new EndedEntities();
  readonly #counts = new Map<string, number>();
  /** The identity last seen of each kind: a million states of one kind share it. */
  readonly #logics = new Map<string, LogicIdentity>();
  /** Kinds whose entities are started by themselves. */
  readonly #remembered = new Set<string>();
  /** Places of the entities that somebody has to start or wake, by shard; follows from the states. */
  readonly #wakeful = new Map<ShardId, Set<string>>();

  /** @param level What all members can apply; see `LEVEL`. */
  constructor(shards: ShardMap, level: () => number = () => CLUSTER_LEVEL) {
    this.#shards = shards;
    this.#level = level;
  }

  /** Its entities are among the {@link wakeful} from now on. Before the first apply. */
  remember(kind: string): void {
    this.#remembered.add(kind);
  }

  /** The last state; of one that has ended what its mark holds. */
  get(name: EntityName): EntityState | undefined {
    const place = placeOf(name);
    return this.#states.get(place) ?? this.#ended.asState(place, name);
  }

  /** How many are stored, by kind; those that have ended are not. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Marks of entities that have ended. */
  get ended(): number {
    return this.#ended.size;
  }

  /** The entities of a shard that are of a remembered kind or have timers. Read it at once. */
  *wakeful(shard: ShardId): IterableIterator<EntityState> {
    for (const place of this.#wakeful.get(shard) ?? []) {
      const state = this.#states.get(place);
      if (state) yield state;
    }
  }

  apply(command: WireValue, context: ApplyContext): readonly CommitOutcome[] {
    const reader = new CommandReader(ENTITY_STATES, command);
    if (reader.text('type') !== 'commit') throw reader.invalid(`the type ${reader.text('type')} is unknown`);
    const life: Life = {
      nodeId: nodeId(reader.text('nodeId')),
      incarnation: incarnation(reader.count('incarnation')),
    };
    const logics = reader.fields['logics'] === undefined ? [] : reader.list('logics').map(readLogic);
    const commits = reader.list('entries').map((entry) => readCommit(entry, logics));
    if (!this.#ended.isInUse && this.#level() >= LEVEL.endedAreRemoved) this.#beginToRemove(context.index);
    return commits.map((commit) => this.#commit(life, commit, context));
  }

  snapshot(): Iterable<WireValue> {
    const captured = this.#states.capture();
    const ended = this.#ended.snapshot();
    return (function* states() {
      for (const [, state] of captured) yield state;
      yield* ended;
    })();
  }

  restore(parts: Iterable<WireValue>): void {
    const restorer = this.restorer();
    for (const part of parts) restorer.add(part);
    restorer.finish();
  }

  restorer(): ModuleRestorer {
    const counts = new Map<string, number>();
    const wakeful: EntityState[] = [];
    const ended = this.#ended.restorer();
    const states = this.#states.restorer((part) => {
      const state = this.#shareLogic(part as EntityState);
      counts.set(state.kind, (counts.get(state.kind) ?? 0) + 1);
      if (this.#isWakeful(state)) wakeful.push(state);
      return [placeOf(state), state];
    });
    return {
      add: (part) => (isEndedPart(part) ? ended.add(part) : states.add(part)),
      finish: () => {
        states.finish();
        ended.finish();
        // Only now: the number of shards is restored before this, but not before the parts were read.
        this.#wakeful.clear();
        for (const state of wakeful) this.#noteWakeful(placeOf(state), state);
        this.#counts.clear();
        for (const [kind, count] of counts) this.#counts.set(kind, count);
      },
    };
  }

  #commit(life: Life, { bornAt, ...commit }: EntityCommit, { index }: ApplyContext): CommitOutcome {
    const shard = this.#shardOf(commit);
    if (!this.#shards.isOwnedBy(life, { shard, epoch: commit.epoch })) return 'stale';
    const place = placeOf(commit);
    const known = this.#states.get(place);
    if (commit.version !== (known?.version ?? 0) + 1) return 'conflict';
    // A first commit may be one of a life whose end has been forgotten meanwhile, heard of again.
    if (!known && (this.#ended.has(place) || this.#ended.isForgotten(bornAt ?? 0))) return 'conflict';
    if (isEnded(commit) && this.#ended.isInUse) this.#end(place, commit, index);
    else this.#put(place, commit);
    return 'committed';
  }

  /** The last member of the version before is gone: what had ended until then is removed at once. */
  #beginToRemove(index: number): void {
    this.#ended.begin();
    for (const [place, state] of this.#states.entries()) if (isEnded(state)) this.#end(place, state, index);
  }

  #put(place: string, state: EntityState): void {
    if (!this.#states.has(place)) this.#counts.set(state.kind, (this.#counts.get(state.kind) ?? 0) + 1);
    this.#states.set(place, this.#shareLogic(state));
    this.#noteWakeful(place, state);
  }

  #end(place: string, state: EntityState, index: number): void {
    if (this.#states.delete(place)) this.#counts.set(state.kind, this.#counts.get(state.kind)! - 1);
    this.#wakeful.get(this.#shardOf(state))?.delete(place);
    this.#ended.add(place, state, index);
  }

  #isWakeful(state: EntityState): boolean {
    return !isEnded(state) && (this.#remembered.has(state.kind) || state.timers !== undefined);
  }

  #noteWakeful(place: string, state: EntityState): void {
    const shard = this.#shardOf(state);
    let places = this.#wakeful.get(shard);
    if (!this.#isWakeful(state)) places?.delete(place);
    else {
      if (!places) this.#wakeful.set(shard, (places = new Set()));
      places.add(place);
    }
  }

  #shareLogic(state: EntityState): EntityState {
    if (!state.logic) return state;
    const known = this.#logics.get(state.kind);
    if (!known || !sameLogic(known, state.logic)) this.#logics.set(state.kind, state.logic);
    return known && sameLogic(known, state.logic) ? { ...state, logic: known } : state;
  }

  #shardOf({ kind, key }: EntityName): ShardId {
    return shardOf(kind, key, Math.max(1, this.#shards.size));
  }
}

/** A kind holds no line break, so no two names have the same place. */
const placeOf = ({ kind, key }: EntityName): string => `${kind}\n${key}`;

function readLogic(reader: CommandReader): LogicIdentity {
  return { machine: reader.text('machine'), version: reader.count('version'), hash: reader.text('hash') };
}

function readCommit(reader: CommandReader, logics: readonly LogicIdentity[]): EntityCommit {
  const { fields } = reader;
  const commit: EntityCommit = {
    kind: reader.text('kind'),
    key: reader.text('key'),
    epoch: reader.count('epoch'),
    version: reader.count('version'),
    snapshot: fields['snapshot'],
  };
  const logic = fields['logic'] === undefined ? undefined : logics[reader.count('logic')];
  if (fields['logic'] !== undefined && !logic) throw reader.invalid('logic is no place in logics');
  const timers = fields['timers'] === undefined ? [] : reader.list('timers').map(readTimer);
  return {
    ...commit,
    ...(logic ? { logic } : {}),
    ...(timers.length > 0 ? { timers } : {}),
    ...(fields['bornAt'] === undefined ? {} : { bornAt: reader.count('bornAt') }),
  };
}

function readTimer(reader: CommandReader): StoredTimer {
  const { event, isUnnamed } = reader.fields;
  const timer: StoredTimer = { id: reader.text('id'), event, at: reader.count('at') };
  return isUnnamed === true ? { ...timer, isUnnamed } : timer;
}

/** Whether the entity has reached its end and takes no more messages. A failure is no end, and never stored. */
export function isEnded(state: Pick<EntityState, 'snapshot'> | undefined): boolean {
  return (state?.snapshot as { status?: unknown } | undefined)?.status === 'done';
}
