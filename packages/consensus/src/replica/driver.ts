import { type Clock, type LogIndex, type NodeId, type Term, TuttiError, type WireValue } from '@tutti/kernel';
import type { ConsensusStatus, ProposeOptions } from '../consensus.ts';
import type { MembershipChange } from '../raft/membership-change.ts';
import type { RaftMessage, SnapshotMeta } from '../raft/messages.ts';
import type { RaftNode } from '../raft/raft-node.ts';
import type { Ready } from '../raft/ready.ts';
import { Applier, type SnapshotCallback } from './applier.ts';
import { isChange } from './change-wire.ts';
import { onceNonce } from './command.ts';
import { DiskWatch } from './disk-watch.ts';
import { type DriverParts, makeCore } from './driver-parts.ts';
import { Handover, type TransferCallback } from './handover.ts';
import { LeaderWatch } from './leader-watch.ts';
import { idsOf, lifeOf } from './life.ts';
import { noteReversions } from './log-reversions.ts';
import { type ChangeCallback, MembershipChanges } from './membership-changes.ts';
import { Outbox } from './outbox.ts';
import { Persister } from './persister.ts';
import { ProposalRouting } from './proposal-routing.ts';
import { Proposals, type ProposeCallback } from './proposals.ts';
import { Quiescence } from './quiescence.ts';
import { type ReadCallback, Reads } from './reads.ts';
import { isRepair } from './repair-wire.ts';
import type { ReplicaStats } from './replica-stats.ts';
import { SnapshotTraffic } from './snapshot-traffic.ts';
import { type Stage, type StageTimes, StageWatch } from './stage-times.ts';
import { StatusView } from './status-view.ts';
import { StoreUpkeep } from './store-upkeep.ts';
import { Turns } from './turns.ts';
import { messageFromWire } from './wire.ts';
import { withoutCommands } from './without-commands.ts';

/** Rounds of Ready handled in one turn before the loop is given back. */
const READY_ROUNDS_MAX = 32;

/**
 * Drives one Raft core: input is stepped as it comes, output is handled once per turn of the event loop, so that
 * everything that one poll of the sockets brought is one write to the disk and one message to each peer.
 */
export class Driver {
  readonly #parts: DriverParts;
  readonly #self: NodeId;
  readonly #clock: Clock;
  readonly #stats: ReplicaStats;
  readonly #core: RaftNode;
  readonly #outbox: Outbox;
  readonly #turns: Turns;
  readonly #view: StatusView;
  readonly #persister: Persister;
  readonly #disk: DiskWatch;
  readonly #leaderWatch: LeaderWatch;
  readonly #handover: Handover;
  readonly #stages: StageWatch;
  readonly #proposals: Proposals;
  readonly #routing: ProposalRouting;
  readonly #reads: Reads;
  readonly #changes: MembershipChanges;
  readonly #applier: Applier;
  readonly #snapshots: SnapshotTraffic;
  readonly quiescence: Quiescence;
  readonly #upkeep: StoreUpkeep;
  #ended = false;
  #routeTerm: Term | undefined;
  #routeLeader: NodeId | undefined;
  #linkRenewed = false;

  constructor(parts: DriverParts) {
    const { options, config, stats } = parts;
    const { nodeId: self, clock, random } = options;
    const life = lifeOf(clock, parts.stored);
    this.#disk = new DiskWatch(options.store, config, {
      mayLead: (yes) => this.#core.setMayLead(yes),
      warn: (what) => parts.logger.warn({ node: self }, what),
    });
    this.#parts = { ...parts, options: { ...options, store: this.#disk.watchedStore() } };
    this.#self = self;
    this.#clock = clock;
    this.#stats = stats;
    this.#core = makeCore(parts, life);
    this.#outbox = new Outbox(options.transport, this.#core);
    this.#turns = new Turns(clock, config.tickMs, {
      drive: () => this.#guarded(() => this.#drive()),
      tick: () => this.#guarded(() => this.#tick()),
    });
    this.#leaderWatch = new LeaderWatch(clock, config.noLeaderMs);
    this.#handover = new Handover(this.#core, config);
    this.#stages = new StageWatch(clock);
    const newId = idsOf(options, life);
    this.#proposals = new Proposals(clock, config, self, () => onceNonce(newId()), stats, this.#stages);
    this.#reads = new Reads(clock, random.fork('reads'), life, config);
    this.#changes = new MembershipChanges(parts, this.#core, newId);
    this.#persister = this.#makePersister();
    this.#applier = this.#makeApplier();
    this.#view = new StatusView(self, this.#core, options.store, () => this.#applier.index);
    this.#upkeep = new StoreUpkeep(parts, {
      life,
      core: this.#core,
      persister: this.#persister,
      applier: this.#applier,
      schedule: () => this.#turns.schedule(),
      wake: () => this.quiescence.wake(),
      asked: ({ from, term, fence }) => {
        if (!this.#core.hearTerm(from, term) && fence === 0) return;
        this.quiescence.wake();
        if (fence > 0) this.#core.fence(fence);
        this.#turns.schedule();
      },
    });
    this.#routing = new ProposalRouting(parts, this.#core, this.#persister, this.#applier);
    this.#snapshots = new SnapshotTraffic(this.#parts, {
      core: this.#core,
      applier: this.#applier,
      send: (message) => this.#outbox.send(message),
      schedule: () => this.#turns.schedule(),
      guarded: (action) => this.#guarded(action),
      failed: (failure) => this.#fail(failure),
    });
    this.quiescence = new Quiescence(options, {
      core: this.#core,
      turns: this.#turns,
      isBusy: () => {
        const calls = this.#proposals.size + this.#reads.size + this.#changes.size;
        return calls > 0 || !this.#applier.isIdle || this.#upkeep.isBusy;
      },
    });
  }

  #makePersister(): Persister {
    const listener = {
      durable: (sequence: number, messages: readonly RaftMessage[]) => this.#durable(sequence, messages),
      failed: (failure: Error) => this.#fail(failure),
    };
    return new Persister(this.#parts.options.store, listener, this.#stats, this.#stages);
  }

  #makeApplier(): Applier {
    const { options, host, codec, config, logger, stats, stored } = this.#parts;
    return new Applier({
      store: options.store,
      host,
      clock: this.#clock,
      codec,
      config,
      logger,
      stats,
      outcomes: this.#proposals,
      from: stored.snapshot ?? { index: 0 as LogIndex, term: 0 as Term },
      guarded: (action) => this.#guarded(action),
      failed: (failure) => this.#fail(failure),
      snapshotTaken: () => this.#snapshots.trimLog(),
    });
  }

  /** Begins to take part. */
  begin(): void {
    const { transport } = this.#parts.options;
    this.#parts.channel.handle((from, message) => this.#receive(from.nodeId, message));
    transport.onLink({
      linkUp: (peer) => {
        if (this.#ended) return;
        this.#proposals.linkRenewed(peer.nodeId);
        this.#core.linkRenewed(peer.nodeId);
        this.#linkRenewed = true;
        this.quiescence.wake();
        this.#turns.schedule();
      },
      linkDown: ({ nodeId }) => {
        if (this.#ended) return;
        this.quiescence.wake();
        this.#core.linkLost(nodeId);
        this.#turns.schedule();
      },
    });
    // A voter without others has nobody to wait for: an election timeout would only delay its start.
    if (this.#core.isOnlyVoter) this.#core.campaign();
    this.#turns.begin();
  }

  status(): ConsensusStatus {
    return this.#view.status();
  }

  /** @throws TuttiError `TUTTI_OVERLOADED`, `TUTTI_NO_LEADER`, `TUTTI_NOT_LEADER` */
  changeMembership(
    change: MembershipChange,
    options: ProposeOptions | undefined,
    done: ChangeCallback,
  ): void {
    this.#refuseElsewhere(options);
    this.quiescence.wake();
    this.#leaderWatch.refuseWithoutLeader(this.#core.leader, this.#core.term);
    this.#changes.add(change, options, done);
    this.#turns.schedule();
  }

  /** @throws TuttiError `TUTTI_OVERLOADED`, `TUTTI_PROPOSAL_TOO_LARGE`, `TUTTI_NO_LEADER`, `TUTTI_NOT_LEADER` */
  propose(
    module: string,
    body: Uint8Array,
    options: ProposeOptions | undefined,
    done: ProposeCallback,
  ): void {
    this.#refuseElsewhere(options);
    this.#refuseWithoutSpace();
    this.quiescence.wake();
    this.#leaderWatch.refuseWithoutLeader(this.#core.leader, this.#core.term);
    this.#proposals.add(
      `The command for "${module}"`,
      this.#parts.host.names.bytesOf(module),
      body,
      options,
      done,
    );
    this.#turns.schedule();
  }

  /** Asked to leave the hop to the caller, only a leader takes a call. */
  #refuseElsewhere(options: ProposeOptions | undefined): void {
    const { elsewhere } = this.#parts.config;
    if ((options?.elsewhere ?? elsewhere) === 'refuse' && this.#core.role !== 'leader')
      throw this.#core.notLeader();
  }

  /** A command's result is known where it is applied, and a log that cannot grow does not get that far. */
  #refuseWithoutSpace(): void {
    if (!this.#disk.hasRoom) throw new TuttiError('TUTTI_STORE_FULL', { directory: `use by ${this.#self}` });
  }

  /** @throws TuttiError `TUTTI_OVERLOADED`, `TUTTI_NO_LEADER`, `TUTTI_NOT_LEADER` */
  read(options: ProposeOptions | undefined, done: ReadCallback): void {
    this.#refuseElsewhere(options);
    this.quiescence.wake();
    this.#leaderWatch.refuseWithoutLeader(this.#core.leader, this.#core.term);
    this.#reads.add(options, done);
    this.#turns.schedule();
  }

  /** Takes a snapshot now, whatever the log has grown by. */
  takeSnapshot(done: SnapshotCallback): void {
    if (this.#applier.index === 0) return done(undefined, this.#applier.index);
    this.#applier.demandSnapshot(done);
    this.#turns.schedule();
  }

  stages(): Readonly<Record<Stage, StageTimes>> {
    return this.#stages.times();
  }

  /** @throws TuttiError as {@link Handover.begin} */
  transferLeadership(target: NodeId | undefined, done: TransferCallback): void {
    this.quiescence.wake();
    this.#handover.begin(target, done);
    this.#turns.schedule();
  }

  /** Calls back when this node has handed leadership on, or at once when it does not lead or nobody could follow. */
  retire(done: () => void): void {
    const { successor } = this.#core;
    if (this.#ended || successor === undefined || this.#core.transferTarget !== undefined) return done();
    this.transferLeadership(successor, () => done());
  }

  /** Stops; what waits is failed with what `failure` makes. */
  end(failure: () => TuttiError): void {
    if (!this.#silence()) return;
    this.#outbox.close();
    this.#handover.close(failure);
    this.#applier.close(failure);
    this.#proposals.close(failure);
    this.#reads.close(failure);
    this.#changes.close(failure);
  }

  /** Stops without a word to anyone. */
  crash(): void {
    if (!this.#silence()) return;
    this.#handover.drop();
    this.#proposals.drop();
    this.#reads.drop();
    this.#changes.drop();
  }

  #silence(): boolean {
    if (this.#ended) return false;
    this.#view.end();
    this.#ended = true;
    this.#turns.end();
    this.#persister.end();
    this.#applier.end();
    this.#snapshots.end();
    this.#upkeep.end();
    return true;
  }

  #fail(failure: Error): void {
    if (this.#ended) return;
    this.end(() => new TuttiError('TUTTI_CLOSED', { what: 'This replica' }, { cause: failure }));
    this.#parts.onFailure(failure);
  }

  /** What goes wrong while driving is a broken invariant, a damaged store or a module's defect: stop, never limp. */
  #guarded(action: () => void): void {
    if (this.#ended) return;
    try {
      action();
    } catch (thrown) {
      this.#fail(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  #tick(): void {
    const stalled = this.#disk.tick();
    if (stalled) return this.#fail(stalled);
    this.#core.tick();
    this.#handover.tick();
    this.#noticeLeader();
    this.#proposals.resend(this.#routing.current());
    const leaderless = this.#leaderWatch.isLeaderless(this.#core.leader);
    this.#proposals.expire(this.#clock.now(), leaderless, this.#core.leader);
    this.#reads.expire(this.#clock.now(), leaderless);
    this.#changes.expire(this.#clock.now(), leaderless);
    this.#snapshots.tick();
    this.#upkeep.tick();
    this.#drive();
    if (!this.#ended) this.quiescence.tick();
  }

  // Input

  #receive(from: NodeId, value: WireValue): void {
    this.#guarded(() => {
      if (isRepair(value)) return this.#upkeep.received(value, from);
      if (isChange(value)) {
        this.quiescence.wake();
        this.#changes.received(from, value);
        return this.#turns.schedule();
      }
      if (this.quiescence.take(value, from)) return;
      const message = messageFromWire(value, from, this.#self);
      if (!message) {
        this.#stats.malformed++;
        return;
      }
      this.quiescence.heard(message);
      if (message.type === 'forward') this.#routing.takeForwarded(from, message.frames);
      else if (message.type === 'forwardRefused')
        for (const command of message.commands) this.#proposals.refused(from, command);
      else {
        this.#core.step(this.#disk.hasRoom ? message : withoutCommands(message));
        if (message.type === 'appendReply') this.#stages.replicated(from, message.matchIndex);
        this.#snapshots.heard(message);
      }
      this.#turns.schedule();
    });
  }

  // Output

  #drive(): void {
    this.#noticeLeader();
    this.#routing.release();
    this.#proposals.pump(this.#routing.current());
    this.#changes.pump();
    const refusal = this.#core.role === 'leader' ? undefined : () => this.#core.notLeader();
    this.#reads.ask((requestId) => this.#core.readIndex(requestId), refusal);
    for (let round = 0; round < READY_ROUNDS_MAX && this.#core.hasReady() && !this.#ended; round++)
      this.#handle(this.#core.ready());
    if (this.#ended) return;
    this.#apply();
    this.#changes.pump();
    this.#noticeLeader();
    const isHolding = this.#outbox.endTurn();
    if (isHolding || this.#applier.hasWork || this.#core.hasReady()) this.#turns.schedule();
  }

  /** The steps and their order are those of {@link Ready}. */
  #handle(ready: Ready): void {
    this.#measure(ready);
    this.#outbox.sendAll(ready.messages);
    this.#persister.submit(ready.persist, ready.afterPersist);
    this.#applier.push(ready.committed);
    this.#stats.committed += ready.committed.length;
    for (const state of ready.reads) this.#reads.confirmed(state);
    for (const requestId of ready.lostReads) this.#reads.lost(requestId);
    for (const peer of ready.snapshotsTo) this.#snapshots.start(peer);
    for (const chunk of ready.snapshotChunks) this.#snapshots.take(chunk);
    const { install } = ready;
    if (install) this.#applier.install(install, () => this.#installed(install));
    noteReversions(this.#parts, ready.reversions);
  }

  #measure({ persist, committed }: Ready): void {
    const written = persist?.entries.at(-1);
    if (written && this.#core.leader === this.#self) this.#stages.appended(written.index, this.#core.peers);
    const last = committed.at(-1);
    if (last) this.#stages.committed(last.index);
  }

  #durable(sequence: number, messages: readonly RaftMessage[]): void {
    this.#guarded(() => {
      this.#outbox.sendAll(messages);
      if (sequence > 0) this.#core.persisted(sequence);
      this.#turns.schedule();
    });
  }

  #noticeLeader(): void {
    const { term, leader } = this.#core;
    this.#leaderWatch.notice(leader);
    this.#handover.notice();
    const changed = term !== this.#routeTerm || leader !== this.#routeLeader;
    if (changed) {
      if (leader !== this.#self) this.#proposals.refuseUnsent(() => this.#core.notLeader());
      this.#snapshots.abandonSending();
      this.#stages.forget();
    }
    if (!changed && !this.#linkRenewed) return this.#parts.onStatus();
    this.#routeTerm = term;
    this.#routeLeader = leader;
    this.#linkRenewed = false;
    this.#proposals.resend(this.#routing.current());
    this.#parts.onStatus();
  }

  // The state machine

  #apply(): void {
    if (this.#applier.applySome()) {
      this.#core.applied(this.#applier.index);
      this.#stages.applied(this.#applier.index);
    }
    if (this.#ended) return;
    this.#reads.applied(this.#applier.index);
    this.#routing.release();
    this.#proposals.pump(this.#routing.current());
    this.#snapshots.forgetThrough(this.#applier.index);
    if (this.#snapshots.isReceiving) return;
    // The configuration that was committed at that entry, never a later one; a node that knows of none waits.
    const membership = this.#core.membershipAt(this.#applier.index);
    if (membership.voters.length > 0) this.#applier.snapshotIfDue(membership);
  }

  #installed(meta: SnapshotMeta): void {
    this.#core.restored(meta);
    this.#proposals.restored(this.#parts.host.sessions);
    this.#turns.schedule();
  }
}
