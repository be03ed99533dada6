import {
  assert,
  jsonCodec,
  Listeners,
  type Logger,
  type LogIndex,
  logIndex,
  messageOf,
  type NodeId,
  silentLogger,
  TuttiError,
  term,
  type ValueCodec,
  type WireValue,
} from '@tutti/kernel';
import type {
  Consensus,
  ConsensusStatus,
  MembershipStatus,
  ModuleWatcher,
  ProposeOptions,
  ReplicatedModule,
} from '../consensus.ts';
import type { MemberSpec, MembershipChange } from '../raft/membership-change.ts';
import type { LogStoreState } from '../storage/log-store.ts';
import type { StoreDamage } from '../storage/store-damage.ts';
import type { SnapshotCallback } from './applier.ts';
import { closeInTime, stopWaitMs } from './close-in-time.ts';
import { ConsensusChannel } from './consensus-channel.ts';
import { Driver } from './driver.ts';
import type { AddLearnerOptions, GroupChanges, GroupSpec } from './group-changes.ts';
import type { TransferCallback } from './handover.ts';
import { type HeldState, holdState } from './held-state.ts';
import type { ChangeCallback } from './membership-changes.ts';
import { membershipStatus } from './membership-status.ts';
import { mustFit } from './message-room.ts';
import { ModuleHost } from './module-host.ts';
import { promised } from './promised.ts';
import type { ProposeCallback } from './proposals.ts';
import type { ReadCallback } from './reads.ts';
import { RepairPhase } from './repair-phase.ts';
import { REPLICA_DEFAULTS, type ReplicaConfig, type ReplicaOptions } from './replica-options.ts';
import { newReplicaStats, type ReplicaStats } from './replica-stats.ts';
import { readSnapshot } from './snapshot-reader.ts';
import { NO_STAGES, type Stage, type StageTimes } from './stage-times.ts';
import { attempt } from './turn-budget.ts';

type Done = (failure: Error | undefined) => void;
type Lifecycle = 'new' | 'starting' | 'running' | 'retiring' | 'stopped';

/**
 * One node of a replicated log: Raft core, store, transport and modules, driven together. Inside there are only
 * callbacks; promises exist at this surface alone, so a simulator decides the order of everything.
 */
export class Replica implements Consensus, GroupChanges {
  readonly nodeId: NodeId;
  readonly #options: ReplicaOptions;
  readonly #config: Required<ReplicaConfig>;
  readonly #codec: ValueCodec;
  readonly #logger: Logger;
  readonly #host: ModuleHost;
  readonly #channel: ConsensusChannel;
  readonly #initialMembership: MembershipStatus;
  readonly #stats: ReplicaStats = newReplicaStats();
  readonly #listeners = new Listeners<(status: ConsensusStatus) => void>();
  #lifecycle: Lifecycle = 'new';
  #driver: Driver | undefined;
  /** While the store is being put right from peers. */
  #repairing: RepairPhase | undefined;
  #told: ConsensusStatus | undefined;
  #toldMembership: MembershipStatus | undefined;
  #whenStopped: Done[] | undefined;
  #whenRetired: Done[] = [];
  #storeClosed = false;

  /** @throws TuttiError `TUTTI_OPTION_INVALID`: two numbers of `config` and `transport` cannot work together */
  constructor(options: ReplicaOptions) {
    this.nodeId = options.nodeId;
    this.#options = options;
    this.#config = { ...REPLICA_DEFAULTS, ...options.config };
    mustFit(this.#config, options.transport);
    this.#codec = options.codec ?? jsonCodec;
    this.#logger = options.logger ?? silentLogger;
    const { nodeId, voters, learners = [] } = options;
    this.#initialMembership = membershipStatus(nodeId, { voters, learners }, logIndex(0), true);
    this.#host = new ModuleHost(this.#codec, this.#logger);
    this.#channel = new ConsensusChannel(options.transport);
  }

  register(module: ReplicatedModule): void {
    assert(this.#lifecycle === 'new', 'modules are registered before the start');
    this.#host.register(module);
  }

  start(): Promise<void> {
    return promised((done) => this.startWith(done));
  }

  /** {@link start} with a callback, for code that may not use promises. */
  startWith(done: Done): void {
    if (this.#lifecycle !== 'new') return done(this.#closed());
    this.#lifecycle = 'starting';
    this.#options.store.open((failure, stored) => {
      if (this.#lifecycle !== 'starting') return done(this.#closed());
      if (failure) return this.#startFailed(failure, done);
      if (stored!.damage) this.#repair(stored!, stored!.damage, done);
      else this.#startFrom(stored!, done);
    });
  }

  #startFrom(stored: LogStoreState, done: Done): void {
    this.#restore(stored, (problem) => {
      if (this.#lifecycle !== 'starting') return done(this.#closed());
      const failure = problem ?? attempt(() => this.#run(stored)).failure;
      if (failure) return this.#startFailed(failure, done);
      done(undefined);
    });
  }

  /** A node that may have promised what it cannot remember takes no part: there is no core until the store is whole. */
  #repair(stored: LogStoreState, { failure }: StoreDamage, done: Done): void {
    if (this.#config.repair === 'refuse') return this.#startFailed(failure, done);
    this.#logger.error(
      { node: this.nodeId, damage: failure.message },
      'The log store is damaged; this node takes no part until its peers have made up for it',
    );
    this.#repairing = new RepairPhase(this.#options, this.#config, this.#logger, stored, {
      channel: this.#channel,
      done: (whole) => {
        this.#repairing = undefined;
        this.#stats.repairs++;
        this.#logger.info({ node: this.nodeId }, 'The log store has been repaired from peers');
        this.#startFrom(whole, done);
      },
      failed: (problem) => {
        this.#repairing = undefined;
        this.#startFailed(problem, done);
      },
    });
    this.#repairing.begin();
    this.#noticeStatus();
  }

  #startFailed(failure: Error, done: Done): void {
    this.#lifecycle = 'stopped';
    this.#driver?.end(() => this.#closed());
    this.#closeStore(() => done(failure));
  }

  #restore(stored: LogStoreState, done: Done): void {
    const snapshot = this.#options.store.snapshot();
    if (!snapshot) return done(undefined);
    assert(stored.snapshot?.index === snapshot.meta.index, 'a store says what it holds');
    const restorer = this.#host.restorer();
    const parts = { clock: this.#options.clock, codec: this.#codec, config: this.#config };
    readSnapshot(snapshot, restorer, parts, (failure) => {
      if (failure) return done(failure);
      const tell = (watcher: ModuleWatcher) => watcher.restored?.(snapshot.meta.index);
      done(attempt(() => restorer.finish(tell)).failure);
    });
  }

  #run(stored: LogStoreState): void {
    this.#driver = new Driver({
      options: this.#options,
      config: this.#config,
      codec: this.#codec,
      logger: this.#logger,
      host: this.#host,
      stats: this.#stats,
      stored,
      channel: this.#channel,
      onStatus: () => this.#noticeStatus(),
      onFailure: (failure) => this.#failed(failure),
    });
    this.#lifecycle = 'running';
    this.#driver.begin();
    this.#noticeStatus();
  }

  propose(module: string, command: WireValue, options?: ProposeOptions): Promise<WireValue> {
    return promised((done) => this.proposeWith(module, command, options, done));
  }

  /** {@link propose} with a callback. Refusals at the door are called back before this returns. */
  proposeWith(
    module: string,
    command: WireValue,
    options: ProposeOptions | undefined,
    done: ProposeCallback,
  ): void {
    this.#attempt(done, this.#refusal(module, options), (driver) =>
      driver.propose(module, this.#codec.encode(command), options, done),
    );
  }

  readBarrier(options?: ProposeOptions): Promise<LogIndex> {
    return promised((done) => this.readBarrierWith(options, done));
  }

  /** {@link readBarrier} with a callback. */
  readBarrierWith(options: ProposeOptions | undefined, done: ReadCallback): void {
    this.#attempt(done, this.#refusal(undefined, options), (driver) => driver.read(options, done));
  }

  /**
   * Hands leadership to `target`, or to the voter that is furthest, and resolves with who leads then. Only the leader
   * can. Commands wait meanwhile, for one election timeout at most: after that this node goes on to lead. Raft thesis
   * 3.10.
   * @throws TuttiError `TUTTI_NOT_LEADER`, `TUTTI_LEADERSHIP_MOVING`, `TUTTI_TRANSFER_UNKNOWN`,
   * `TUTTI_TRANSFER_NOT_VOTER`, `TUTTI_TRANSFER_NEEDLESS`, `TUTTI_TRANSFER_TIMEOUT`,
   * `TUTTI_TRANSFER_TARGET_LOST`, `TUTTI_CLOSED`
   */
  transferLeadership(target?: NodeId): Promise<NodeId> {
    return promised((done) => this.transferLeadershipWith(target, done));
  }

  /** {@link transferLeadership} with a callback. */
  transferLeadershipWith(target: NodeId | undefined, done: TransferCallback): void {
    this.#attempt(done, this.#refusal(), (driver) => driver.transferLeadership(target, done));
  }

  changeMembership(group: GroupSpec, options?: ProposeOptions): Promise<MembershipStatus> {
    return this.#change({ type: 'set', voters: group.voters, learners: group.learners ?? [] }, options);
  }

  addLearner(member: MemberSpec, options?: AddLearnerOptions): Promise<MembershipStatus> {
    return this.#change({ type: 'addLearner', member, promote: options?.promote === true }, options);
  }

  promote(node: NodeId, options?: ProposeOptions): Promise<MembershipStatus> {
    return this.#change({ type: 'promote', node }, options);
  }

  removeMember(node: NodeId, options?: ProposeOptions): Promise<MembershipStatus> {
    return this.#change({ type: 'remove', node }, options);
  }

  #change(change: MembershipChange, options: ProposeOptions | undefined): Promise<MembershipStatus> {
    return promised((done) => {
      this.changeMembershipWith(change, options, (failure) => done(failure, this.status().membership));
    });
  }

  /** The four changes of the membership with a callback. */
  changeMembershipWith(
    change: MembershipChange,
    options: ProposeOptions | undefined,
    done: ChangeCallback,
  ): void {
    this.#attempt(done, this.#refusal(undefined, options), (driver) =>
      driver.changeMembership(change, options, done),
    );
  }

  /**
   * Writes a snapshot of this node's state now, whatever the log has grown by, and drops the log that it covers.
   * @returns the last entry that it holds
   * @throws TuttiError `TUTTI_STORE_FAILED`, `TUTTI_STORE_FULL`, `TUTTI_CLOSED`
   */
  takeSnapshot(): Promise<LogIndex> {
    return promised((done) => this.takeSnapshotWith(done));
  }

  /** {@link takeSnapshot} with a callback. */
  takeSnapshotWith(done: SnapshotCallback): void {
    const refused = (failure: Error | undefined) => done(failure, logIndex(0));
    this.#attempt(refused, this.#refusal(), (driver) => driver.takeSnapshot(done));
  }

  /**
   * A state with everything acknowledged anywhere before this call, readable until it is released: see `backupBytes`.
   * @throws TuttiError what {@link readBarrier} and {@link takeSnapshot} throw
   */
  holdState(options?: ProposeOptions): Promise<HeldState> {
    return promised((done) => holdState(this, this.#options.store, options, done));
  }

  /** Calls the driver, unless the call is refused here; what the driver throws at once is a refusal too. */
  #attempt(done: Done, refusal: TuttiError | undefined, call: (driver: Driver) => void): void {
    if (refusal) return done(refusal);
    const { failure } = attempt(() => call(this.#driver!));
    if (failure) done(failure);
  }

  #refusal(module?: string, options?: ProposeOptions): TuttiError | undefined {
    if (this.#repairing)
      return new TuttiError('TUTTI_STORE_REPAIRING', { damage: this.#repairing.damage.message });
    if (this.#lifecycle !== 'running') return this.#closed();
    if (module !== undefined && !this.#host.has(module))
      return new TuttiError('TUTTI_MODULE_UNKNOWN', { module, who: 'this node' });
    if (options?.signal?.aborted) return new TuttiError('TUTTI_ABORTED', { what: 'The call' });
    return undefined;
  }

  status(): ConsensusStatus {
    if (this.#driver) return this.#driver.status();
    const none = logIndex(0);
    return {
      nodeId: this.nodeId,
      role: this.#lifecycle === 'stopped' ? 'stopped' : this.#repairing ? 'repairing' : 'follower',
      term: term(0),
      leader: undefined,
      commitIndex: none,
      appliedIndex: none,
      lastIndex: none,
      voters: this.#options.voters,
      membership: this.#initialMembership,
      snapshotIndex: none,
    };
  }

  /** Whether it sleeps because it has nothing to do, and waking it, see `ReplicaGroups`; only while it runs. */
  get quiescence(): Driver['quiescence'] | undefined {
    return this.#driver?.quiescence;
  }

  /** Totals since this replica was made. */
  stats(): Readonly<ReplicaStats> {
    return this.#stats;
  }

  /**
   * How long commands took in each stage, in milliseconds since this replica was started; see {@link Stage}. Computed
   * when asked; measuring costs a few additions and a read of the clock per stage, of each command or batch.
   */
  stages(): Readonly<Record<Stage, StageTimes>> {
    return this.#driver?.stages() ?? NO_STAGES;
  }

  onStatus(listener: (status: ConsensusStatus) => void): () => void {
    return this.#listeners.add(listener);
  }

  #noticeMembership(membership: MembershipStatus): void {
    if (this.#toldMembership === membership) return;
    this.#toldMembership = membership;
    try {
      this.#options.onMembership?.(membership);
    } catch (thrown) {
      this.#logger.error(
        { error: messageOf(thrown) },
        'The listener to the membership threw; it is called on',
      );
    }
  }

  #noticeStatus(): void {
    const status = this.status();
    const told = this.#told;
    this.#noticeMembership(status.membership);
    if (told?.role === status.role && told.term === status.term && told.leader === status.leader) return;
    if (status.role === 'candidate' && told?.role !== 'candidate') this.#stats.elections++;
    if (status.role === 'leader') this.#stats.terms++;
    this.#told = status;
    this.#listeners.tell(
      (listener) => listener(status),
      (thrown) =>
        this.#logger.error({ error: messageOf(thrown) }, 'A status listener threw; it is called on'),
    );
  }

  watch(module: string, watcher: ModuleWatcher): () => void {
    return this.#host.watch(module, watcher);
  }

  stop(): Promise<void> {
    return promised((done) => this.stopWith(done));
  }

  /**
   * {@link stop} with a callback. A leader first hands its leadership on, if a voter is there to take it, so that
   * stopping it costs the others no election timeout. Then what waits fails with `TUTTI_CLOSED`, or `TUTTI_OUTCOME_UNKNOWN`.
   */
  stopWith(done: Done): void {
    if (this.#lifecycle === 'retiring') return void this.#whenRetired.push(done);
    if (this.#lifecycle !== 'running') return this.#end(done);
    this.#lifecycle = 'retiring';
    this.#whenRetired = [done];
    this.#driver!.retire(() => {
      for (const waiting of this.#whenRetired.splice(0)) this.#end(waiting);
    });
  }

  #end(done: Done): void {
    const opened = this.#lifecycle === 'starting' || this.#lifecycle === 'retiring';
    this.#lifecycle = 'stopped';
    this.#driver?.end(() => this.#closed());
    this.#repairing?.close(this.#closed());
    this.#noticeStatus();
    if (opened || this.#whenStopped) this.#closeStore(done);
    else done(undefined);
  }

  /**
   * Ends at once as a crash would: no callback is called, nothing more is sent or written, the store is not closed.
   * For simulators, which take the process away.
   */
  crash(): void {
    this.#lifecycle = 'stopped';
    this.#storeClosed = true;
    this.#driver?.crash();
    this.#repairing?.end();
  }

  #failed(failure: Error): void {
    const retired = this.#whenRetired.splice(0);
    this.#lifecycle = 'stopped';
    const code = failure instanceof TuttiError ? failure.code : undefined;
    this.#logger.error(
      { node: this.nodeId, code, error: failure.message, stack: failure.stack },
      'The replica stopped, because it cannot go on',
    );
    this.#noticeStatus();
    this.#closeStore(() => {
      for (const done of retired) done(undefined);
    });
    this.#options.onFailStop?.(failure);
  }

  #closeStore(done: Done): void {
    if (this.#storeClosed) return done(undefined);
    if (this.#whenStopped) return void this.#whenStopped.push(done);
    this.#whenStopped = [done];
    const { clock, store } = this.#options;
    closeInTime(store, clock, stopWaitMs(this.#config.flushTimeoutMs), (failure) => {
      this.#storeClosed = true;
      const waiting = this.#whenStopped ?? [];
      this.#whenStopped = undefined;
      for (const tell of waiting) tell(failure);
    });
  }

  #closed(): TuttiError {
    return new TuttiError('TUTTI_CLOSED', { what: 'This replica' });
  }
}
