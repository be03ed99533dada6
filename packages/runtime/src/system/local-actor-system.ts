import { type Logger, messageOf, silentLogger, TuttiError } from '@tutti/kernel';
import {
  type AnyActorLogic,
  type EventFromLogic,
  type EventObject,
  fromTransition,
  type SnapshotFrom,
} from 'xstate';
import { ActorCell } from '../actor/actor-cell.ts';
import { isActorId, localPrefix, nameUnder, parseLocalAddress } from '../actor/address.ts';
import { Asked, AskTable } from '../actor/ask.ts';
import type { CellCore, CellSettings } from '../actor/cell-parts.ts';
import type { Address, Ref } from '../actor/ref.ts';
import { XStateRuntime } from '../actor/xstate-adapter.ts';
import { type DeferredTypes, deferredTypesOf } from '../actor/xstate-deferral.ts';
import type { HostingCell, Signal } from '../actor/xstate-self.ts';
import type { Birth } from '../delivery/forgotten-channels.ts';
import { ReliableChannel, type ReliableOptions, type ReliableRef } from '../delivery/reliable-channel.ts';
import { type Recorder, Recorders } from '../inspection/recorder.ts';
import { DeadLetterLog } from '../mailbox/dead-letter-log.ts';
import { DeadLetterOffice } from '../mailbox/dead-letter-office.ts';
import type { DeadLetterReason } from '../mailbox/dead-letters.ts';
import { mailboxPlan } from '../mailbox/lane-plan.ts';
import { MailboxPool } from '../mailbox/mailbox.ts';
import { inSlices } from '../scheduler/in-slices.ts';
import { RunQueue } from '../scheduler/run-queue.ts';
import type { ChildPolicy } from '../supervision/policy.ts';
import { policyUnder, type SupervisorOptions, supervisionOf } from '../supervision/supervisor.ts';
import { checkThreaded } from '../threads/check-threaded.ts';
import { ThreadPool, type ThreadStatus } from '../threads/thread-pool.ts';
import { threadedSpecOf } from '../threads/threaded.ts';
import { actorLimits } from './actor-limits.ts';
import type {
  ActorInfo,
  ActorNodeInfo,
  ActorSystem,
  ActorSystemOptions,
  AddressResolver,
  ReplyTarget,
  SpawnOptions,
} from './actor-system.ts';
import { LocalRef, type RefCore } from './local-ref.ts';
import { describeTree, walkTree } from './tree.ts';

const GUARDIAN_POLICY: ChildPolicy = { shutdownMs: Infinity };
const guardianLogic = fromTransition((context: undefined) => context, undefined);

function settingsOf(
  options: SpawnOptions,
  policy: ChildPolicy | false,
  deferred?: DeferredTypes,
): CellSettings {
  const { keeper, input } = options;
  const mailbox = mailboxPlan(options.mailbox ?? {}, deferred);
  return { input, keeper, policy, mailbox, mailboxLimit: mailbox.limit };
}

const DELIVERED_MAX = 4_096;
/** Describing one takes a microsecond or so. */
const SURVEYED_PER_TURN = 2_000;
const GUARDIAN_SETTINGS = settingsOf({}, GUARDIAN_POLICY);
const DEFAULT_SETTINGS = settingsOf({}, policyUnder(undefined, undefined));

/** The actors of one node. See {@link ActorSystem}. */
export class LocalActorSystem implements ActorSystem, CellCore, RefCore {
  readonly nodeId;
  readonly incarnation;
  readonly clock;
  readonly random;
  readonly ids;
  readonly logger: Logger;
  readonly deadLetters: DeadLetterOffice;
  readonly prefix: string;
  readonly runtime: XStateRuntime;
  readonly queue: RunQueue;
  readonly mailboxes = new MailboxPool<Signal<HostingCell>>();
  readonly asks: AskTable;
  readonly #guardian: ActorCell;
  readonly #resolvers: AddressResolver[] = [];
  /** Refs of the actors that were lately sent something, so that an address is taken apart once and not per message. */
  readonly #delivered = new Map<Address, LocalRef>();
  readonly #onEscalation: ActorSystemOptions['onEscalation'];
  readonly #guardianPolicy: ActorSystemOptions['guardian'];
  readonly #actorsMax: number;
  readonly #recorders = new Recorders((error) =>
    this.logger.error({ problem: messageOf(error) }, 'a recorder threw, and was taken off'),
  );
  readonly #channels = new Set<ReliableChannel>();
  readonly #threads: ThreadPool | undefined;
  #actorCount = 0;
  #idsGiven = 0;
  #uidsGiven = 0;
  #channelsBorn = 0;

  constructor(options: ActorSystemOptions) {
    const { actors, asks, quantum, turnMs, microsteps } = actorLimits(options.limits);
    this.nodeId = options.nodeId;
    this.incarnation = options.incarnation;
    this.clock = options.clock;
    this.random = options.random;
    this.ids = options.ids;
    this.logger = options.logger ?? silentLogger;
    this.prefix = localPrefix(this.nodeId, this.incarnation);
    this.deadLetters = new DeadLetterOffice(this.logger, new DeadLetterLog(this.clock, this.logger));
    this.asks = new AskTable(this.clock, this.deadLetters, asks, () => this.askDeadline);
    // Twice, because an actor that was ended may still stand in the queue when its successor does.
    this.queue = new RunQueue({ clock: this.clock, limit: 2 * (actors + 1), quantum, turnMs });
    this.runtime = new XStateRuntime({
      clock: this.clock,
      ids: this.ids,
      logger: this.logger,
      deadLetters: this.deadLetters,
      microstepsMax: microsteps,
      ref: (address) => this.ref(address),
    });
    this.#onEscalation = options.onEscalation;
    this.#guardianPolicy = options.guardian;
    this.#actorsMax = actors;
    this.#threads = options.threads && new ThreadPool(this, options.threads);
    this.#guardian = new ActorCell(this, '', undefined, guardianLogic, GUARDIAN_SETTINGS);
    this.queue.ready(this.#guardian);
  }

  get askDeadline(): number {
    return (this.queue.running as ActorCell | undefined)?.askDeadline ?? Infinity;
  }

  get pendingAsks(): number {
    return this.asks.size;
  }

  get actorCount(): number {
    return this.#actorCount;
  }

  spawn<Logic extends AnyActorLogic>(
    logic: Logic,
    options: SpawnOptions<Logic> = {},
  ): Ref<EventFromLogic<Logic>, SnapshotFrom<Logic>> {
    const parent = options.parent ? this.#parentCell(options.parent) : this.#guardian;
    return new LocalRef(this, this.#spawnUnder(parent, logic, options));
  }

  /** For the inside of a thread: the actor is called what the cell that stands for it on the node is called. */
  spawnAs(address: Address, logic: AnyActorLogic, options: SpawnOptions): LocalRef {
    return new LocalRef(this, this.#spawnUnder(this.#guardian, logic, options, false, address));
  }

  get threads(): readonly ThreadStatus[] {
    return this.#threads?.status() ?? [];
  }

  #parentCell(parent: Ref): ActorCell {
    const cell = parent instanceof LocalRef ? parent.cell : this.find(parent.address);
    if (cell === undefined || typeof cell === 'string') {
      throw new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: parent.address });
    }
    return cell;
  }

  #spawnUnder(
    parent: ActorCell,
    logic: AnyActorLogic,
    options: SpawnOptions,
    isListed = false,
    address?: Address,
  ): ActorCell {
    const id = options.id ?? this.#freeId(parent);
    if (!isActorId(id)) throw new TuttiError('TUTTI_ACTOR_ID_INVALID', { id });
    if (parent.stopRequested || parent.phase === 'closing' || parent.phase === 'down' || parent.isStopped) {
      throw new TuttiError('TUTTI_CLOSED', { what: parent.isGuardian ? 'The actor system' : parent.address });
    }
    if (parent.children?.has(id)) {
      const address = `${parent.address}${parent.isGuardian ? '' : '/'}${id}`;
      throw new TuttiError('TUTTI_ACTOR_ID_TAKEN', { address });
    }
    if (this.#actorCount >= this.#actorsMax) {
      const details = { what: 'The actor system', size: this.#actorCount, limit: this.#actorsMax };
      throw new TuttiError('TUTTI_OVERLOADED', details);
    }
    const listed = supervisionOf(parent.logic);
    const size = parent.children?.size ?? 0;
    if (listed?.childrenMax !== undefined && size >= listed.childrenMax) {
      const details = { what: `The supervisor ${parent.address}`, size, limit: listed.childrenMax };
      throw new TuttiError('TUTTI_OVERLOADED', details);
    }
    const spec = threadedSpecOf(logic);
    if (spec) checkThreaded(options, this.#threads);
    const cell = new ActorCell(this, id, parent, logic, this.#settings(listed, logic, options, address));
    if (spec) cell.setOutpost(this.#threads!.outpost(cell, spec));
    (parent.children ??= new Map()).set(id, cell);
    this.#actorCount++;
    if (isListed) cell.holdBack();
    else this.queue.ready(cell);
    return cell;
  }

  /** Names are only unique among siblings, so a count will do, and costs less than a random id. */
  #freeId(parent: ActorCell): string {
    for (;;) {
      const id = `~${(this.#idsGiven++).toString(36)}`;
      if (!parent.children?.has(id)) return id;
    }
  }

  #settings(
    listed: SupervisorOptions | undefined,
    logic: AnyActorLogic,
    options: SpawnOptions,
    address: Address | undefined,
  ): CellSettings {
    const { input, supervise, mailbox, keeper } = options;
    const deferred = deferredTypesOf(logic);
    const isPlain =
      input === undefined && supervise === undefined && !mailbox && !keeper && !listed && !deferred;
    if (isPlain) return DEFAULT_SETTINGS;
    const settings = settingsOf(options, policyUnder(listed, supervise), deferred);
    return address === undefined ? settings : { ...settings, address };
  }

  spawnListed(parent: ActorCell, options: SupervisorOptions): void {
    for (const { id, logic, input, policy, mailbox } of options.children ?? []) {
      try {
        const own = { ...(policy && { supervise: policy }), ...(mailbox && { mailbox }) };
        this.#spawnUnder(parent, logic, { id, input, ...own }, true);
      } catch (error) {
        return parent.fail(error);
      }
    }
  }

  ref<Event extends EventObject = EventObject, Snap = unknown>(address: Address): Ref<Event, Snap> {
    const resolver = address.startsWith(this.prefix)
      ? undefined
      : this.#resolvers.find((known) => known.matches(address));
    return resolver ? resolver.ref(address) : new LocalRef(this, undefined, address);
  }

  reliable<Event extends EventObject>(ref: Ref<Event>, options: ReliableOptions = {}): ReliableRef<Event> {
    if (this.#guardian.stopRequested) throw new TuttiError('TUTTI_CLOSED', { what: 'The actor system' });
    const isNew = options.channel === undefined;
    const core = {
      clock: this.clock,
      deadLetters: this.deadLetters,
      born: () => (isNew && this.#tellsBirths(ref.address) ? this.#nextBirth() : undefined),
      ended: (ended: ReliableChannel) => void this.#channels.delete(ended),
    };
    const channel = new ReliableChannel(core, ref, options.channel ?? this.ids.next('channel'), options);
    this.#channels.add(channel);
    return channel;
  }

  #tellsBirths(address: Address): boolean {
    return this.#resolvers.find((known) => known.matches(address))?.tellsBirths ?? true;
  }

  #nextBirth(): Birth {
    return [this.nodeId, this.incarnation, ++this.#channelsBorn];
  }

  record(recorder: Recorder): () => void {
    this.#recorders.add(recorder);
    this.runtime.recorders = this.#recorders;
    return () => {
      this.#recorders.delete(recorder);
      if (this.#recorders.size === 0) this.runtime.recorders = undefined;
    };
  }

  addResolver(resolver: AddressResolver): () => void {
    this.#resolvers.push(resolver);
    return () => {
      const at = this.#resolvers.indexOf(resolver);
      if (at >= 0) this.#resolvers.splice(at, 1);
    };
  }

  deliver(address: Address, event: EventObject, target?: ReplyTarget): void {
    let ref = this.#delivered.get(address);
    if (!ref) {
      if (this.#delivered.size >= DELIVERED_MAX) this.#delivered.clear();
      this.#delivered.set(address, (ref = new LocalRef(this, undefined, address)));
    }
    if (target) ref.deliver(new Asked(event, target));
    else ref.send(event);
  }

  find(address: Address): ActorCell | DeadLetterReason {
    const id = nameUnder(this.prefix, address);
    if (id !== undefined) return this.#guardian.children?.get(id) ?? 'unknown-actor';
    const local = parseLocalAddress(address);
    if (!local || local.nodeId !== this.nodeId) return 'no-resolver';
    if (local.incarnation !== this.incarnation) return 'stale-incarnation';
    let cell: ActorCell | undefined = this.#guardian;
    for (const id of local.path.split('/')) cell = cell?.children?.get(id);
    if (cell && local.uid !== undefined && cell.uid !== local.uid) return 'stale-incarnation';
    return cell ?? 'unknown-actor';
  }

  later(action: () => void): void {
    this.clock.nextTurn(() => {
      try {
        action();
      } catch (error) {
        this.logger.error({ problem: messageOf(error) }, 'a watcher threw');
      }
    });
  }

  reportEscalation(address: Address, error: unknown): 'restart' | 'stop' {
    this.logger.error({ actor: address, problem: messageOf(error) }, 'a failure reached the guardian');
    try {
      this.#onEscalation?.({ address, error });
    } catch (thrown) {
      this.logger.error({ problem: messageOf(thrown) }, 'onEscalation threw');
    }
    if (this.#guardianPolicy === 'stop-system') void this.stop();
    return this.#guardianPolicy === 'restart-actor' ? 'restart' : 'stop';
  }

  nextUid(): number {
    return this.#uidsGiven++;
  }

  onEnded(): void {
    if (this.#actorCount > 0) this.#actorCount--;
  }

  tree(): readonly ActorNodeInfo[] {
    return describeTree(this.#guardian);
  }

  survey(visit: (actor: ActorInfo, parent: ActorInfo | undefined) => void): Promise<void> {
    const seen = walkTree(this.#guardian);
    return inSlices(this.clock, seen, ({ actor, parent }) => visit(actor, parent), SURVEYED_PER_TURN);
  }

  async stop(): Promise<void> {
    for (const channel of Array.from(this.#channels))
      channel.end(new TuttiError('TUTTI_CLOSED', { what: 'The actor system' }));
    if (!this.#guardian.isStopped) {
      await new Promise<void>((resolve) => {
        this.#guardian.watch(() => resolve());
        this.#guardian.requestStop();
      });
    }
    await this.#threads?.stop();
    await this.asks.failAll((address) => new TuttiError('TUTTI_CLOSED', { what: address }));
  }
}
