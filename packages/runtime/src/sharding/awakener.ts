import type { Clock, Timer } from '@tutti/kernel';
import { type EntityState, type EntityStates, isEnded } from './entity-states.ts';
import { nextDueAt } from './entity-timers.ts';
import { PacedStarter } from './paced-starter.ts';
import { type EntityName, entityAddress, type ShardId } from './shard-id.ts';

/** How long an entity that has failed rests before it is started by itself again; a message starts it sooner. */
const REST_MS = 1_000;

interface AwakenerOptions {
  readonly clock: Clock;
  readonly states: EntityStates;
  /** Entities that are started by themselves in a second. */
  readonly perSecond: number;
  readonly isRemembered: (kind: string) => boolean;
  /** Starts it, if this node still may. */
  readonly start: (name: EntityName) => void;
}

/**
 * Starts entities of this node's shards that no message starts: those of a remembered kind when the shard is taken over,
 * and any that sleeps while one of its timers becomes due. Of a sleeping entity with timers there is one timer here, so
 * it is bounded by the entities that this node owns.
 */
export class Awakener {
  readonly #options: AwakenerOptions;
  readonly #starter: PacedStarter;
  /** The shards that this node has, with the timers of their sleepers by address. */
  readonly #shards = new Map<ShardId, Map<string, Timer>>();

  constructor(options: AwakenerOptions) {
    this.#options = options;
    this.#starter = new PacedStarter(options);
  }

  /** Entities that wait for their start. */
  get waiting(): number {
    return this.#starter.size;
  }

  /** This node runs the shard from now on. */
  took(shard: ShardId): void {
    if (this.#shards.has(shard)) return;
    this.#shards.set(shard, new Map());
    for (const state of this.#options.states.wakeful(shard)) {
      if (this.#options.isRemembered(state.kind)) this.#starter.add(entityAddress(state), state);
      else this.#sleep(shard, state, nextDueAt(state.timers), 0);
    }
  }

  /** This node runs the shard no more, or is about to hand it over. */
  gave(shard: ShardId): void {
    for (const timer of this.#shards.get(shard)?.values() ?? []) this.#options.clock.clearTimer(timer);
    this.#shards.delete(shard);
  }

  /** It has come alive, and looks after its timers itself. */
  awoke(shard: ShardId, name: EntityName): void {
    const address = entityAddress(name);
    this.#starter.remove(address);
    const sleepers = this.#shards.get(shard);
    const timer = sleepers?.get(address);
    if (!timer) return;
    this.#options.clock.clearTimer(timer);
    sleepers!.delete(address);
  }

  /** It is not alive any more, and its last commit has been applied here. */
  asleep(shard: ShardId, name: EntityName, hasFailed: boolean): void {
    const { states, isRemembered } = this.#options;
    const state = states.get(name);
    if (!state || isEnded(state)) return;
    const isWanted = hasFailed && isRemembered(name.kind);
    this.#sleep(shard, state, isWanted ? 0 : nextDueAt(state.timers), hasFailed ? REST_MS : 0);
  }

  stop(): void {
    this.#starter.stop();
    for (const shard of this.#shards.keys()) this.gave(shard);
  }

  #sleep(shard: ShardId, { kind, key }: EntityState, dueAt: number, restMs: number): void {
    const sleepers = this.#shards.get(shard);
    if (!sleepers || dueAt === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#options;
    const name = { kind, key };
    const address = entityAddress(name);
    const timer = sleepers.get(address);
    if (timer) clock.clearTimer(timer);
    const wake = () => {
      sleepers.delete(address);
      this.#starter.add(address, name);
    };
    sleepers.set(address, clock.setTimer(Math.max(restMs, dueAt - clock.wallTime()), wake));
  }
}
