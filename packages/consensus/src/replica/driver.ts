import {
  assert,
  CHANNEL,
  type Clock,
  isTuttiError,
  type Logger,
  type LogIndex,
  type NodeId,
  type Term,
  type Timer,
  TuttiError,
  type ValueCodec,
  type WireValue,
} from '@tutti/kernel';
import type { ConsensusStatus, ProposeOptions } from '../consensus.ts';
import type { RaftMessage, SnapshotMeta } from '../raft/messages.ts';
import { RaftNode } from '../raft/raft-node.ts';
import type { Ready } from '../raft/ready.ts';
import type { LogStore, LogStoreState } from '../storage/log-store.ts';
import { Applier } from './applier.ts';
import { COMMAND_OVERHEAD_BYTES_MAX, isWellFormed, stamped } from './command.ts';
import { DiskWatch } from './disk-watch.ts';
import { LeaderWatch } from './leader-watch.ts';
import type { ModuleHost } from './module-host.ts';
import { Persister } from './persister.ts';
import { type ProposalRoute, Proposals, type ProposeCallback } from './proposals.ts';
import { type ReadCallback, Reads } from './reads.ts';
import type { ReplicaConfig, ReplicaOptions } from './replica-options.ts';
import type { ReplicaStats } from './replica-stats.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import { SnapshotSender } from './snapshot-sender.ts';
import { laneOf, messageFromWire, messageToWire } from './wire.ts';

/** What a driver is made of, once the store is open and the state restored from its snapshot. */
export interface DriverParts {
  readonly options: ReplicaOptions;
  readonly config: Required<ReplicaConfig>;
  readonly codec: ValueCodec;
  readonly logger: Logger;
  readonly host: ModuleHost;
  readonly stats: ReplicaStats;
  readonly stored: LogStoreState;
  /** Called when role, term or leader may have changed. */
  readonly onStatus: () => void;
  /** Called once; the driver has ended itself. */
  readonly onFailure: (failure: Error) => void;
}

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
  readonly #config: Required<ReplicaConfig>;
  readonly #store: LogStore;
  readonly #host: ModuleHost;
  readonly #stats: ReplicaStats;
  readonly #core: RaftNode;
  readonly #persister: Persister;
  readonly #disk: DiskWatch;
  readonly #leaderWatch: LeaderWatch;
  readonly #proposals: Proposals;
  readonly #reads: Reads;
  readonly #applier: Applier;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  #scheduled = false;
  #ended = false;
  #timer: Timer | undefined;
  #stampedMs = 0;
  #routeTerm: Term | undefined;
  #routeLeader: NodeId | undefined;
  #linkRenewed = false;

  constructor(parts: DriverParts) {
    const { options, config, stored } = parts;
    this.#parts = parts;
    this.#self = options.nodeId;
    this.#clock = options.clock;
    this.#config = config;
    this.#store = options.store;
    this.#host = parts.host;
    this.#stats = parts.stats;
    const snapshot = stored.snapshot;
    const membership = { voters: options.voters, learners: options.learners ?? [] };
    this.#core = new RaftNode({
      id: options.nodeId,
      config: {
        electionTimeoutTicks: config.electionTicks,
        heartbeatTicks: config.heartbeatTicks,
        preVote: config.preVote,
        appendBytesMax: config.appendBytesMax,
        inflightMessagesMax: config.inflightMessagesMax,
        proposalBytesMax: config.commandBytesMax + COMMAND_OVERHEAD_BYTES_MAX,
        uncommittedBytesMax: Math.max(16 * 2 ** 20, 2 * config.commandBytesMax),
        readsMax: config.readsMax,
      },
      random: options.random.fork('raft'),
      hardState: stored.hardState,
      membership: snapshot?.membership ?? membership,
      log: this.#store,
    });
    this.#leaderWatch = new LeaderWatch(this.#clock, config.noLeaderMs);
    const nonces = options.random.fork('sessions');
    this.#proposals = new Proposals(
      this.#clock,
      config,
      this.#self,
      () => `${this.#self}/${options.incarnation}/${nonces.uint32()}`,
      this.#stats,
    );
    this.#reads = new Reads(this.#clock, options.random.fork('reads'), config);
    this.#disk = new DiskWatch(this.#self, config);
    this.#persister = new Persister(
      this.#store,
      {
        durable: (sequence, messages) => this.#durable(sequence, messages),
        failed: (failure) => this.#fail(failure),
      },
      this.#stats,
      this.#disk.write,
    );
    this.#applier = new Applier({
      store: this.#store,
      host: this.#host,
      clock: this.#clock,
      codec: parts.codec,
      config,
      logger: parts.logger,
      stats: this.#stats,
      outcomes: this.#proposals,
      from: snapshot ?? { index: 0 as LogIndex, term: 0 as Term },
      guarded: (action) => this.#guarded(action),
      failed: (failure) => this.#fail(failure),
      watch: this.#disk.reset,
    });
    this.#sender = new SnapshotSender({
      self: this.#self,
      clock: this.#clock,
      chunkBytes: config.snapshotChunkBytes,
      send: (message) => this.#send(message),
      ended: (peer, meta, ok) => {
        if (ok) this.#stats.snapshotsSent++;
        this.#core.snapshotSent(peer, meta, ok);
        this.#schedule();
      },
    });
    this.#receiver = new SnapshotReceiver({
      self: this.#self,
      store: this.#store,
      term: () => this.#core.term,
      reply: (message) => this.#guarded(() => this.#send(message)),
      received: (meta) =>
        this.#guarded(() => {
          this.#core.snapshotReceived(meta);
          this.#schedule();
        }),
      failed: (failure) => this.#fail(failure),
    });
  }

  /** Begins to take part. */
  begin(): void {
    const { transport } = this.#parts.options;
    transport.onMessage(CHANNEL.consensus, (from, message) => this.#receive(from.nodeId, message));
    transport.onLink({
      linkUp: (peer) => {
        if (this.#ended) return;
        this.#proposals.linkRenewed(peer.nodeId);
        this.#linkRenewed = true;
        this.#schedule();
      },
      linkDown: () => {},
    });
    // A voter without others has nobody to wait for: an election timeout would only delay its start.
    if (this.#isOnlyVoter()) this.#core.campaign();
    this.#armTimer();
    this.#schedule();
  }

  #isOnlyVoter(): boolean {
    const { voters } = this.#core.membership;
    return voters.length === 1 && voters[0] === this.#self;
  }

  status(): ConsensusStatus {
    const core = this.#core;
    return {
      nodeId: this.#self,
      role: this.#ended ? 'stopped' : core.role === 'pre-candidate' ? 'candidate' : core.role,
      term: core.term,
      leader: this.#ended ? undefined : core.leader,
      commitIndex: core.commitIndex,
      appliedIndex: this.#applier.index,
      lastIndex: core.lastIndex,
      voters: core.membership.voters,
      snapshotIndex: this.#store.snapshot()?.meta.index ?? (0 as LogIndex),
    };
  }

  /** @throws TuttiError `TUTTI_OVERLOADED`, `TUTTI_PROPOSAL_TOO_LARGE`, `TUTTI_NO_LEADER` */
  propose(
    module: string,
    body: Uint8Array,
    options: ProposeOptions | undefined,
    done: ProposeCallback,
  ): void {
    this.#leaderWatch.refuseWithoutLeader(this.#core.leader, this.#core.term);
    this.#proposals.add(`The command for "${module}"`, this.#host.names.bytesOf(module), body, options, done);
    this.#schedule();
  }

  /** @throws TuttiError `TUTTI_OVERLOADED`, `TUTTI_NO_LEADER` */
  read(options: ProposeOptions | undefined, done: ReadCallback): void {
    this.#leaderWatch.refuseWithoutLeader(this.#core.leader, this.#core.term);
    this.#reads.add(options, done);
    this.#schedule();
  }

  /** Stops; what waits is failed with what `failure` makes. */
  end(failure: () => TuttiError): void {
    if (!this.#silence()) return;
    this.#proposals.close(failure);
    this.#reads.close(failure);
  }

  /** Stops without a word to anyone. */
  crash(): void {
    if (!this.#silence()) return;
    this.#proposals.drop();
    this.#reads.drop();
  }

  #silence(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    if (this.#timer) this.#clock.clearTimer(this.#timer);
    this.#persister.end();
    this.#applier.end();
    this.#receiver.abort();
    this.#sender.abandon();
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

  // Time

  /** The tick is judged a turn later: after a stall of the loop, what the peers sent meanwhile is heard first. */
  #armTimer(): void {
    this.#timer = this.#clock.setTimer(this.#config.tickMs, () => {
      this.#armTimer();
      this.#clock.nextTurn(() => this.#guarded(() => this.#tick()));
    });
  }

  #tick(): void {
    const stalled = this.#disk.tick();
    if (stalled) return this.#fail(stalled);
    this.#core.tick();
    this.#leaderWatch.notice(this.#core.leader);
    this.#proposals.resend(this.#route());
    const leaderless = this.#leaderWatch.isLeaderless(this.#core.leader);
    this.#proposals.expire(this.#clock.now(), leaderless);
    this.#reads.expire(this.#clock.now(), leaderless);
    this.#sender.tick();
    this.#drive();
  }

  // Input

  #receive(from: NodeId, value: WireValue): void {
    this.#guarded(() => {
      const message = messageFromWire(value, from, this.#self);
      if (!message) {
        this.#stats.malformed++;
        return;
      }
      if (message.type === 'forward') this.#takeForwarded(message.frames);
      else {
        this.#core.step(message);
        if (message.type === 'installSnapshotReply') this.#sender.replied(message);
        this.#sender.heard(from);
      }
      this.#schedule();
    });
  }

  /** A node that does not lead drops them: their proposer notices the change of leader and sends them there. */
  #takeForwarded(frames: readonly Uint8Array[]): void {
    const { commandBytesMax } = this.#config;
    for (const frame of frames) {
      if (!isWellFormed(frame) || frame.length > commandBytesMax + COMMAND_OVERHEAD_BYTES_MAX)
        this.#stats.malformed++;
      else if (this.#core.leader !== this.#self || !this.#appendAsLeader(frame)) return;
    }
  }

  #appendAsLeader(frame: Uint8Array): boolean {
    const { backlogMax } = this.#config;
    if (this.#core.lastIndex - this.#applier.index >= backlogMax) return false;
    if (this.#persister.queuedEntries >= backlogMax) return false;
    this.#stampedMs = Math.max(this.#stampedMs, this.#clock.wallTime());
    try {
      if (this.#core.propose(stamped(frame, this.#stampedMs)) === undefined) return false;
    } catch (thrown) {
      if (isTuttiError(thrown, 'TUTTI_OVERLOADED')) return false;
      throw thrown;
    }
    this.#stats.appended++;
    return true;
  }

  #route(): ProposalRoute {
    const { term, leader } = this.#core;
    return {
      term,
      leader,
      propose: (frame) => this.#appendAsLeader(frame),
      forward: (frames) =>
        leader !== undefined &&
        this.#parts.options.transport.send(
          leader,
          CHANNEL.consensus,
          messageToWire({ type: 'forward', from: this.#self, frames }),
          'bulk',
        ) === 'queued',
    };
  }

  // Output

  #schedule(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    this.#clock.nextTurn(() => {
      this.#scheduled = false;
      this.#guarded(() => this.#drive());
    });
  }

  #drive(): void {
    this.#noticeLeader();
    this.#proposals.pump(this.#route());
    this.#reads.ask((requestId) => this.#core.readIndex(requestId));
    for (let round = 0; round < READY_ROUNDS_MAX && this.#core.hasReady() && !this.#ended; round++)
      this.#handle(this.#core.ready());
    if (this.#ended) return;
    this.#apply();
    this.#noticeLeader();
    if (this.#applier.hasWork || this.#core.hasReady()) this.#schedule();
  }

  /** The steps and their order are those of {@link Ready}. */
  #handle(ready: Ready): void {
    for (const message of ready.messages) this.#send(message);
    this.#persister.submit(ready.persist, ready.afterPersist);
    this.#applier.push(ready.committed);
    this.#stats.committed += ready.committed.length;
    for (const state of ready.reads) this.#reads.confirmed(state);
    for (const requestId of ready.lostReads) this.#reads.lost(requestId);
    for (const peer of ready.snapshotsTo) this.#startTransfer(peer);
    for (const chunk of ready.snapshotChunks) {
      // A snapshot of our own making would be older than the one that comes.
      this.#applier.abortSnapshot();
      this.#receiver.take(chunk);
    }
    const { install } = ready;
    if (install) this.#applier.install(install, () => this.#installed(install));
  }

  #send(message: RaftMessage): void {
    this.#parts.options.transport.send(
      message.to,
      CHANNEL.consensus,
      messageToWire(message),
      laneOf(message),
    );
  }

  #durable(sequence: number, messages: readonly RaftMessage[]): void {
    this.#guarded(() => {
      for (const message of messages) this.#send(message);
      if (sequence > 0) this.#core.persisted(sequence);
      this.#schedule();
    });
  }

  #noticeLeader(): void {
    const { term, leader } = this.#core;
    this.#leaderWatch.notice(leader);
    const changed = term !== this.#routeTerm || leader !== this.#routeLeader;
    if (changed) this.#sender.abandon();
    if (!changed && !this.#linkRenewed) return this.#parts.onStatus();
    this.#routeTerm = term;
    this.#routeLeader = leader;
    this.#linkRenewed = false;
    this.#proposals.resend(this.#route());
    this.#parts.onStatus();
  }

  // The state machine

  #apply(): void {
    if (this.#applier.applySome()) this.#core.applied(this.#applier.index);
    if (this.#ended) return;
    this.#reads.applied(this.#applier.index);
    this.#proposals.pump(this.#route());
    this.#receiver.forgetThrough(this.#applier.index);
    if (!this.#sender.busy && !this.#receiver.busy) this.#applier.snapshotIfDue(this.#core.membership);
  }

  #startTransfer(peer: NodeId): void {
    const stored = this.#store.snapshot();
    assert(stored, 'what the log no longer has is in a snapshot');
    // The snapshot that goes out must not be replaced by the one being written.
    this.#applier.abortSnapshot();
    this.#sender.start(peer, this.#core.term, stored);
  }

  #installed(meta: SnapshotMeta): void {
    this.#core.restored(meta);
    const { sessions } = this.#host;
    this.#proposals.restored(
      (session, sequence) => sessions.outcomeOf(session, sequence),
      (session) => sessions.has(session),
    );
    this.#schedule();
  }
}
