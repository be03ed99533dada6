import type { Consensus } from '@tutti/consensus';
import {
  type Clock,
  type ErrorCode,
  isTuttiError,
  type Logger,
  type NodeId,
  TuttiError,
} from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { AskTable } from '../actor/ask.ts';
import { guarded } from '../actor/cell-listeners.ts';
import type { Address, AskOptions, Ref, SnapshotListener, Terminated } from '../actor/ref.ts';
import { LEVEL, levelIsLow } from '../cluster/cluster-level.ts';
import type { Membership } from '../cluster/membership.ts';
import { decodeRefs } from '../cluster/ref-codec.ts';
import type { RemoteObservers } from '../cluster/remote-observers.ts';
import { DELIVERY, DeliveryLog } from '../delivery/delivery-log.ts';
import type { AddressResolver } from '../system/actor-system.ts';
import { type DeclaredKind, type EntityHost, STOP_EVENT } from './entity-host.ts';
import {
  type CommitOutcome,
  ENTITY_STATES,
  type EntityCommand,
  type EntityStates,
  isEnded,
} from './entity-states.ts';
import type { Region } from './region.ts';
import { type EntityName, parseEntityAddress } from './shard-id.ts';
import { SHARD_MAP } from './shard-map.ts';

/** How long a stop waits for its answer before it is asked for again: an answer may be lost with a link. */
const STOP_ASK_MS = 10_000;
/** How long it rests before that. */
const STOP_AGAIN_MS = 100;
/** What says that the owner could not be asked, or has not answered, or is about to be another. */
const ASKED_AGAIN: ReadonlySet<string> = new Set<ErrorCode>([
  'TUTTI_ASK_TIMEOUT',
  'TUTTI_NODE_UNREACHABLE',
  'TUTTI_OVERLOADED',
  'TUTTI_CLOSED',
]);

interface EntityRefsOptions {
  readonly consensus: Consensus;
  readonly clock: Clock;
  readonly asks: AskTable;
  readonly region: Region;
  readonly host: EntityHost;
  readonly states: EntityStates;
  readonly kinds: ReadonlyMap<string, DeclaredKind>;
  readonly makeRef: (address: Address) => Ref;
  readonly observers: RemoteObservers;
  readonly selfNode: NodeId;
  readonly membership: Membership;
  readonly logger: Logger;
}

/** What an observer is told: nothing but that there is news, or the last state of an entity that has ended. */
type EntityListener = (last?: LastState) => void;
type LastState = { readonly snapshot: unknown; readonly version: number };

/** Follows the entity states as they are committed, for whoever observes an entity of a durable kind. */
class EntityObservers {
  readonly #byKey = new Map<string, Set<EntityListener>>();

  constructor(consensus: Consensus) {
    consensus.watch(ENTITY_STATES, {
      applied: (command, outcome) => {
        if (isTuttiError(outcome)) return;
        const { entries } = command as EntityCommand;
        const outcomes = outcome as readonly CommitOutcome[];
        entries.forEach((entry, at) => {
          // The state keeps nothing but a mark of it.
          const last = isEnded(entry) && outcomes[at] === 'committed' ? entry : undefined;
          this.#tell(`${entry.kind}/${entry.key}`, last);
        });
      },
      restored: () => {
        for (const key of Array.from(this.#byKey.keys())) this.#tell(key);
      },
    });
  }

  add({ kind, key }: EntityName, listener: EntityListener): () => void {
    const at = `${kind}/${key}`;
    let set = this.#byKey.get(at);
    if (!set) this.#byKey.set(at, (set = new Set()));
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.#byKey.get(at) === set) this.#byKey.delete(at);
    };
  }

  #tell(key: string, last?: LastState): void {
    for (const listener of Array.from(this.#byKey.get(key) ?? [])) listener(last);
  }
}

/** Makes refs to entities: `entity:<kind>/<key>`. */
export class EntityRefs implements AddressResolver {
  readonly #options: EntityRefsOptions;
  readonly #observers: EntityObservers;

  constructor(options: EntityRefsOptions) {
    this.#options = options;
    this.#observers = new EntityObservers(options.consensus);
  }

  get tellsBirths(): boolean {
    return this.#options.membership.level >= LEVEL.channelBirths;
  }

  matches(address: Address): boolean {
    return parseEntityAddress(address) !== undefined;
  }

  ref(address: Address): Ref {
    return new EntityRef(address, parseEntityAddress(address)!, this.#options, this.#observers);
  }
}

class EntityRef implements Ref {
  readonly address: Address;
  readonly #name: EntityName;
  readonly #options: EntityRefsOptions;
  readonly #observers: EntityObservers;

  constructor(address: Address, name: EntityName, options: EntityRefsOptions, observers: EntityObservers) {
    this.address = address;
    this.#name = name;
    this.#options = options;
    this.#observers = observers;
  }

  send(event: EventObject): void {
    const deadline = Number.POSITIVE_INFINITY;
    this.#options.region.route({
      address: this.address,
      event,
      target: undefined,
      deadline,
      hops: 0,
      epoch: 0,
    });
  }

  ask<Reply>(event: EventObject, options: AskOptions = {}): Promise<Reply> {
    const { asks, region, kinds, membership } = this.#options;
    if (event.type === DELIVERY && membership.level < LEVEL.deliveries)
      return Promise.reject(
        levelIsLow(membership.level, LEVEL.deliveries, `A reliable channel to ${this.address}`),
      );
    if (!kinds.has(this.#name.kind))
      return Promise.reject(new TuttiError('TUTTI_ENTITY_KIND_UNKNOWN', { kind: this.#name.kind }));
    return asks.ask<Reply>(this.address, event, options, ({ target }) => {
      const deadline = target.deadline ?? Infinity;
      region.route({ address: this.address, event, target, deadline, hops: 0, epoch: 0 });
    });
  }

  /**
   * An entity is gone for good when it has reached its end; moving, passivation and crashes are no end. Of a kind that
   * is not durable nobody keeps that it has ended, so the notice comes of an end that is seen while somebody watches.
   */
  watch(listener: (notice: Terminated) => void): () => void {
    const { states, clock, logger } = this.#options;
    const tell = guarded(listener, this.address, logger, 'a watcher threw');
    if (!this.#isDurable) return this.#watchOwner(tell);
    let over = false;
    const check = () => {
      if (over || !isEnded(states.get(this.#name))) return;
      over = true;
      stop();
      tell({ address: this.address, reason: 'done' });
    };
    const stop = this.#observers.add(this.#name, check);
    clock.nextTurn(check);
    return () => {
      over = true;
      stop();
    };
  }

  /**
   * Of a durable kind: the committed snapshots as persisted, from the log; of an entity that had ended before, only its
   * status and a small output. Otherwise from the owner of the moment.
   */
  subscribe(listener: SnapshotListener<unknown>): () => void {
    const { states, makeRef, clock, logger } = this.#options;
    const tell = guarded(listener, this.address, logger, 'a subscriber threw');
    if (!this.#isDurable) return this.#subscribeToOwner(tell);
    let toldVersion = 0;
    let over = false;
    const check = (last?: LastState) => {
      const state = last ?? states.get(this.#name);
      if (over || !state || state.version === toldVersion) return;
      toldVersion = state.version;
      tell(decodeRefs(DeliveryLog.takeFrom(state.snapshot).persisted, makeRef));
    };
    const stop = this.#observers.add(this.#name, check);
    clock.nextTurn(() => check());
    return () => {
      over = true;
      stop();
    };
  }

  #subscribeToOwner(listener: (snapshot: unknown) => void): () => void {
    const { observers } = this.#options;
    return this.#followOwner(
      (activation) => activation.subscribe(listener),
      (owner) => observers.subscribe(owner, this.address, listener),
    );
  }

  #watchOwner(listener: (notice: Terminated) => void): () => void {
    const { clock, observers } = this.#options;
    let over = false;
    const told = ({ reason }: Terminated) => {
      if (over || reason !== 'done') return;
      over = true;
      stop();
      listener({ address: this.address, reason });
    };
    const stop = this.#followOwner(
      (activation) => {
        const unwatch = activation.watch(told);
        // The next one may be there before the end of this one has been told.
        return () => clock.nextTurn(unwatch);
      },
      (owner) => observers.watch(owner, this.address, told),
    );
    return () => {
      over = true;
      stop();
    };
  }

  /**
   * Attaches itself to the present activation on this node, or to the owner on another, and anew whenever the owner
   * changes or starts it again. Both functions give the one that lets go.
   */
  #followOwner(here: (activation: Ref) => () => void, there: (owner: NodeId) => () => void): () => void {
    const { consensus, region, host, selfNode } = this.#options;
    let owner: NodeId | undefined;
    let stop = () => {};
    const follow = () => {
      stop();
      owner = region.ownerOf(this.#name);
      const activation = owner === selfNode ? host.find(this.address) : undefined;
      if (activation) stop = here(activation);
      else stop = owner && owner !== selfNode ? there(owner) : () => {};
    };
    const check = () => {
      if (region.ownerOf(this.#name) !== owner) follow();
    };
    follow();
    const ends = [
      consensus.watch(SHARD_MAP, { applied: check, restored: check }),
      host.onActivated((address) => {
        if (address === this.address) follow();
      }),
    ];
    return () => {
      for (const end of ends) end();
      stop();
    };
  }

  /**
   * Stops the activation, wherever it is. The state stays; the next message starts it again. While nobody can be asked, or
   * the answer is lost, it is asked again; one that others have started meanwhile is then stopped once more.
   */
  async stop(): Promise<void> {
    const { clock, region } = this.#options;
    for (let isOver = false; !isOver; ) {
      try {
        await this.ask({ type: STOP_EVENT }, { timeoutMs: STOP_ASK_MS, inheritDeadline: false });
        isOver = true;
      } catch (thrown) {
        if (region.isStopped) throw new TuttiError('TUTTI_CLOSED', { what: 'This node' }, { cause: thrown });
        if (!isTuttiError(thrown) || !ASKED_AGAIN.has(thrown.code)) throw thrown;
        await new Promise<void>((resolve) => clock.setTimer(STOP_AGAIN_MS, resolve));
      }
    }
  }

  get #isDurable(): boolean {
    return this.#options.kinds.get(this.#name.kind)?.options.durable ?? true;
  }
}
