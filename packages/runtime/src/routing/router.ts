import { messageOf, TuttiError } from '@tutti/kernel';
import {
  type AnyActorLogic,
  type AnyActorScope,
  type EventObject,
  fromTransition,
  type InputFrom,
} from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { takeAskThrough } from '../actor/xstate-adapter.ts';
import type { ChildPolicy } from '../supervision/policy.ts';
import type { ActorSystem, ReplyTarget } from '../system/actor-system.ts';
import { allOf, firstOf, forward } from './gather.ts';
import { type Choose, chooser, type RouterStrategy } from './strategies.ts';

/** Actors that a router starts itself, as its children. */
export interface PoolOptions<Logic extends AnyActorLogic = AnyActorLogic> {
  readonly logic: Logic;
  /** How many, from 1 to {@link ROUTEES_MAX}. */
  readonly size: number;
  readonly input?: InputFrom<Logic>;
  /** Default as for every child: restarted when it fails, 3 times in 5 s, then the router fails and begins anew. */
  readonly supervise?: ChildPolicy | false;
}

/** Where a group gets its routees from, other than a list: such as a receptionist's listing. */
export interface RouteeSource {
  /** Calls back with the routees, at once or soon, and again at each change. Returns the function that ends it. */
  follow(listener: (routees: readonly Ref[]) => void): () => void;
}

/** A router's routees: a pool of its own, or a group of actors that live without it. */
export type RouterOptions = {
  /** Its id among its siblings, as for `spawn`. */
  readonly id?: string;
  readonly parent?: Ref;
  /** Default `round-robin`. */
  readonly strategy?: RouterStrategy;
  /** For `consistent-hash`: the key of an event; default its field `key`, or else its type. */
  readonly keyOf?: (event: EventObject) => string;
} & ({ readonly pool: PoolOptions } | { readonly group: readonly Ref[] | RouteeSource });

/** The most routees of one router. */
export const ROUTEES_MAX = 10_000;

function defaultKey(event: EventObject): string {
  const { key } = event as { readonly key?: unknown };
  return typeof key === 'string' || typeof key === 'number' ? String(key) : event.type;
}

/** The routees of one life of a router: who dies leaves. */
class Routees {
  readonly #refs = new Map<string, Ref>();
  /** Made when it is wanted after a change, so that a list that was handed out stays as it was. */
  #list: readonly Ref[] | undefined;
  readonly #unwatch = new Map<string, () => void>();
  readonly #onEmpty: () => void;

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  get list(): readonly Ref[] {
    return (this.#list ??= [...this.#refs.values()]);
  }

  set(refs: readonly Ref[]): void {
    const wanted = new Map(refs.slice(0, ROUTEES_MAX).map((ref) => [ref.address, ref]));
    for (const address of this.#refs.keys()) if (!wanted.has(address)) this.#forget(address);
    for (const [address, ref] of wanted) if (!this.#refs.has(address)) this.#add(address, ref);
  }

  #add(address: string, ref: Ref): void {
    this.#refs.set(address, ref);
    this.#list = undefined;
    this.#unwatch.set(
      address,
      ref.watch(() => this.#gone(address)),
    );
  }

  #gone(address: string): void {
    if (!this.#unwatch.has(address)) return;
    this.#forget(address);
    if (this.#refs.size === 0) this.#onEmpty();
  }

  #forget(address: string): void {
    this.#refs.delete(address);
    this.#list = undefined;
    this.#unwatch.get(address)?.();
    this.#unwatch.delete(address);
  }

  clear(): void {
    for (const end of this.#unwatch.values()) end();
    this.#unwatch.clear();
    this.#refs.clear();
    this.#list = undefined;
  }
}

/**
 * Starts a router: an actor that hands each event on to one or more routees, together with whoever waits for the
 * answer. A routee that ends leaves. A pool that has no routee left ends the router; a group goes on, and what it has
 * nobody to give to is a dead letter, `no-routee`, which fails an ask with `TUTTI_ACTOR_UNKNOWN`.
 *
 * @throws TuttiError as `spawn` does, `TUTTI_OVERLOADED` for more than {@link ROUTEES_MAX} routees, and
 * `TUTTI_OPTION_INVALID` for a pool of none, or of no whole number
 */
export function createRouter(system: ActorSystem, options: RouterOptions): Ref {
  const { strategy = 'round-robin', keyOf = defaultKey, id, parent } = options;
  const size = sizeOf(options);
  if (size > ROUTEES_MAX)
    throw new TuttiError('TUTTI_OVERLOADED', { what: 'The router', size, limit: ROUTEES_MAX });
  const pick = (routees: readonly Ref[]) => system.random.pick(routees);
  const choose = chooser(strategy, keyOf, pick);
  const lives = new RouterLives(system, options, choose, strategy);
  const router: Ref = system.spawn(lives.logic, {
    ...(id === undefined ? {} : { id }),
    ...(parent ? { parent } : {}),
  });
  lives.router = router;
  return router;
}

function sizeOf(options: RouterOptions): number {
  if ('pool' in options) {
    const { size } = options.pool;
    if (!Number.isInteger(size) || size < 1) {
      const expected = `a whole number from 1 to ${ROUTEES_MAX}`;
      throw new TuttiError('TUTTI_OPTION_INVALID', { option: 'pool.size', value: String(size), expected });
    }
    return size;
  }
  return 'follow' in options.group ? 0 : options.group.length;
}

/** A router's lives, one after the other: each starts its pool, or follows its group, anew. */
class RouterLives {
  router: Ref | undefined;
  readonly #system: ActorSystem;
  readonly #options: RouterOptions;
  readonly #choose: Choose;
  readonly #strategy: RouterStrategy;
  #routees = new Routees(() => {});
  #end = () => {};

  constructor(system: ActorSystem, options: RouterOptions, choose: Choose, strategy: RouterStrategy) {
    this.#system = system;
    this.#options = options;
    this.#choose = choose;
    this.#strategy = strategy;
  }

  get logic(): AnyActorLogic {
    const handle = (_: undefined, event: EventObject, { self, defer }: AnyActorScope) => {
      if (event.type === 'xstate.stop') this.#stop();
      else defer(() => this.#route(event, takeAskThrough(self)));
      return undefined;
    };
    return { ...fromTransition(handle, undefined), start: () => this.#start() };
  }

  #start(): void {
    this.#stop();
    const options = this.#options;
    if ('pool' in options) {
      const routees: Routees = new Routees(() => this.#endSoon(routees));
      this.#routees = routees;
      routees.set(this.#spawnPool(options.pool));
      return;
    }
    this.#routees = new Routees(() => {});
    const { group } = options;
    if ('follow' in group) this.#end = group.follow((refs) => this.#routees.set(refs));
    else this.#routees.set(group);
  }

  #stop(): void {
    this.#end();
    this.#end = () => {};
    this.#routees.clear();
    this.#routees = new Routees(() => {});
  }

  /** Unless the last routee's end was a failure that is just becoming the router's own. */
  #endSoon(routees: Routees): void {
    this.#system.clock.nextTurn(() => {
      if (this.#routees === routees && routees.list.length === 0) void this.router?.stop().catch(() => {});
    });
  }

  #spawnPool({ logic, size, input, supervise }: PoolOptions): readonly Ref[] {
    return Array.from(
      { length: size },
      (_, at): Ref =>
        this.#system.spawn(logic, {
          id: `routee-${at + 1}`,
          parent: this.router!,
          ...(input === undefined ? {} : { input: input as never }),
          ...(supervise === undefined ? {} : { supervise }),
        }),
    );
  }

  #route(event: EventObject, target: ReplyTarget | undefined): void {
    const routees = this.#routees.list;
    if (routees.length === 0) return this.#refuse(event, target);
    const { clock } = this.#system;
    let chosen: readonly Ref[];
    try {
      chosen = this.#choose(event, routees);
    } catch (thrown) {
      const details = { address: this.router!.address, problem: `keyOf threw: ${messageOf(thrown)}` };
      this.#system.deadLetters.publish(this.router!.address, event, 'no-routee');
      return target?.fail(new TuttiError('TUTTI_ACTOR_FAILED', details));
    }
    if (!target) for (const routee of chosen) routee.send(event);
    else if (this.#strategy === 'broadcast') allOf(chosen, event, target, clock);
    else if (this.#strategy === 'scatter-gather') firstOf(chosen, event, target, clock);
    else forward(chosen[0]!, event, target, clock);
  }

  #refuse(event: EventObject, target: ReplyTarget | undefined): void {
    const { address } = this.router!;
    this.#system.deadLetters.publish(address, event, 'no-routee');
    target?.fail(new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: `${address} (it has no routee)` }));
  }
}
