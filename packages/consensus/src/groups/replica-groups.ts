import {
  assert,
  type Clock,
  type ClusterId,
  type Incarnation,
  isTuttiError,
  type Logger,
  type NodeId,
  type Random,
  type Timer,
  type Transport,
  TuttiError,
  type ValueCodec,
} from '@tutti/kernel';
import type { ReplicatedModule } from '../consensus.ts';
import { closeInTime, stopWaitMs } from '../replica/close-in-time.ts';
import { Replica } from '../replica/replica.ts';
import { REPLICA_DEFAULTS, type ReplicaConfig } from '../replica/replica-options.ts';
import { PIECE_BYTES, ScrubPace } from '../replica/scrub-pace.ts';
import { type SnapshotLimits, snapshotLimits } from '../replica/snapshot-limits.ts';
import { GridClock } from './grid-clock.ts';
import { GroupLinks } from './group-transport.ts';
import { HeardNodes } from './node-liveness.ts';
import type { SharedLog } from './shared-log.ts';

/** What all groups of a process are made of. */
export interface ReplicaGroupsOptions {
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
  /** Which life of this node this is; must grow with every start. */
  readonly incarnation: Incarnation;
  readonly clock: Clock;
  /** `systemRandom()` in a program, a seed in a simulation. */
  readonly random: Random;
  readonly logger?: Logger;
  /** Opened and closed by whoever made it. The groups take `CHANNEL.consensus`. */
  readonly transport: Transport;
  /** Opened by `open`, closed by `stop`. */
  readonly log: SharedLog;
  readonly codec?: ValueCodec;
  /** Of every group, unless it brings its own. `tickMs` is that of all. */
  readonly config?: ReplicaConfig;
  /** The most groups on this node. Default 10,000. One more is refused with `TUTTI_OVERLOADED`. */
  readonly groupsMax?: number;
  /** Snapshots that this node receives at once, over all groups; others are put off. Default 2. */
  readonly snapshotsIncomingMax?: number;
  /** Milliseconds without anything to do after which a group goes quiet; `Infinity` for never. Default 1,000. */
  readonly quietAfterMs?: number;
  /**
   * A group that is quiet is woken about this often, to find out that its leader still leads. Default 60,000: it bounds
   * how long a group whose leader stopped, while its node went on, notices nothing.
   */
  readonly quietMaxMs?: number;
}

/** What one group is made of. */
export interface ReplicaGroupOptions {
  readonly voters: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  readonly modules: readonly ReplicatedModule[];
  readonly config?: Omit<ReplicaConfig, 'tickMs'>;
  /** Told once if this group's replica stops because it cannot go on. The other groups do. */
  readonly onFailStop?: (failure: Error) => void;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/;

/**
 * Many Raft groups in one process (Multi-Raft), each a {@link Replica} of its own. They share one set of links, one log,
 * one timer, and what the nodes know of each other: the heartbeats of all groups to a node are one message, and what all
 * of them write in a turn is one flush. A group that has nothing to do goes quiet and costs nothing but its memory.
 *
 * Two groups know nothing of each other: nothing is ordered between them.
 */
export class ReplicaGroups {
  readonly #options: ReplicaGroupsOptions;
  readonly #clock: GridClock;
  readonly #links: GroupLinks;
  readonly #heard: HeardNodes;
  readonly #limits: SnapshotLimits;
  readonly #config: Required<ReplicaConfig>;
  readonly #groups = new Map<string, Replica>();
  readonly #pace: ScrubPace;
  #scrubbing = false;
  #scrubbed = { bytes: 0, passes: 0 };
  #timer: Timer | undefined;
  /** Groups that are still to be woken in this round, and the fraction of one that is owed. */
  #round: Iterator<Replica> = [][Symbol.iterator]();
  #owed = 0;
  #running = false;

  constructor(options: ReplicaGroupsOptions) {
    const { clock, transport } = options;
    this.#options = options;
    this.#config = { ...REPLICA_DEFAULTS, ...options.config };
    const { tickMs, electionTicks, snapshotsOutgoingMax, snapshotBytesPerSecond } = this.#config;
    this.#clock = new GridClock(clock, tickMs);
    this.#pace = new ScrubPace(clock, this.#config);
    this.#heard = new HeardNodes(clock, electionTicks * tickMs);
    this.#links = new GroupLinks(transport, clock, ({ nodeId }) => {
      if (this.#heard.heard(nodeId)) this.#wakeAll();
    });
    transport.onLink({
      linkUp: ({ nodeId }) => void this.#heard.heard(nodeId),
      linkDown: ({ nodeId }) => this.#heard.forget(nodeId),
    });
    this.#limits = snapshotLimits(clock, {
      outgoing: snapshotsOutgoingMax,
      incoming: options.snapshotsIncomingMax ?? 2,
      bytesPerSecond: snapshotBytesPerSecond,
    });
  }

  /** Opens the log. @throws TuttiError `TUTTI_STORE_*` */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.openWith((failure) => (failure ? reject(failure) : resolve()));
    });
  }

  /** {@link open} with a callback, for code that may not use promises. */
  openWith(done: (failure: Error | undefined) => void): void {
    assert(!this.#running, 'groups are opened once');
    this.#options.log.open((failure) => {
      if (!failure) {
        this.#running = true;
        this.#arm();
      }
      done(failure);
    });
  }

  /**
   * Adds a group; it takes part once its `start` was called. A name is 1 to 64 of a-z A-Z 0-9 . _ - and the same on
   * all nodes.
   * @throws TuttiError `TUTTI_ID_INVALID`, `TUTTI_GROUP_EXISTS`, `TUTTI_OVERLOADED`, `TUTTI_OPTION_INVALID`
   */
  add(group: string, options: ReplicaGroupOptions): Replica {
    const { groupsMax: limit = 10_000 } = this.#options;
    if (!NAME.test(group)) throw new TuttiError('TUTTI_ID_INVALID', { kind: 'group', id: group });
    if (this.#groups.has(group)) throw new TuttiError('TUTTI_GROUP_EXISTS', { group });
    if (this.#groups.size >= limit)
      throw new TuttiError('TUTTI_OVERLOADED', { what: 'The groups of this node', size: limit, limit });
    const { clusterId, nodeId, incarnation, random, logger, codec, log } = this.#options;
    const replica = new Replica({
      clusterId,
      nodeId,
      incarnation,
      voters: options.voters,
      learners: options.learners ?? [],
      clock: this.#clock,
      random: random.fork(group),
      transport: this.#links.attach(group),
      store: log.group(group),
      config: { ...this.#config, ...options.config },
      snapshotLimits: this.#limits,
      quiescence: { liveness: this.#heard, idleTicks: this.#ticksIn(this.#options.quietAfterMs ?? 1_000) },
      ...(logger && { logger }),
      ...(codec && { codec }),
      ...(options.onFailStop && { onFailStop: options.onFailStop }),
    });
    for (const module of options.modules) replica.register(module);
    this.#groups.set(group, replica);
    return replica;
  }

  get(group: string): Replica | undefined {
    return this.#groups.get(group);
  }

  /** How many groups there are, and how many of them are quiet. */
  counts(): { readonly groups: number; readonly quiet: number } {
    let quiet = 0;
    for (const replica of this.#groups.values()) if (replica.quiescence?.isQuiet) quiet++;
    return { groups: this.#groups.size, quiet };
  }

  /**
   * Bytes of the shared log and of the groups' snapshots that were read again while they were in use, and how often all of
   * them were. What was found and mended is counted by the groups that it concerned, see `Replica.stats`.
   */
  scrubbed(): { readonly bytes: number; readonly passes: number } {
    return this.#scrubbed;
  }

  /** Stops one group on this node. What it has on disk stays, and is there when it is added again. */
  async remove(group: string): Promise<void> {
    const replica = this.#groups.get(group);
    if (!replica) return;
    await replica.stop();
    this.#links.detach(group);
    this.#groups.delete(group);
  }

  /**
   * Stops every group and closes the log. The groups stop together, as many as a node may have: each hands its leadership
   * on, and a node that handed over one after the other would take an election timeout for every voter that is gone.
   * A disk that hangs is waited for as long as by a replica alone.
   * @throws what the first group that could not be stopped threw, or `TUTTI_STORE_HUNG`; the others and the log are closed
   * all the same
   */
  async stop(): Promise<void> {
    this.#halt();
    const ends = await Promise.allSettled([...this.#groups.keys()].map((group) => this.remove(group)));
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
    // It is one disk: who has waited for it with a group does not wait again.
    const isHung = failures.some((failure) => isTuttiError(failure, 'TUTTI_STORE_HUNG'));
    const waitMs = isHung ? 0 : stopWaitMs(this.#config.flushTimeoutMs);
    const unclosed = await new Promise<Error | undefined>((closed) => {
      closeInTime(this.#options.log, this.#clock, waitMs, closed);
    });
    const [failure = unclosed] = failures;
    if (failure) throw failure;
  }

  /** Ends at once as a crash would, see `Replica.crash`. */
  crash(): void {
    this.#halt();
    for (const replica of this.#groups.values()) replica.crash();
  }

  #halt(): void {
    this.#running = false;
    if (this.#timer) this.#clock.clearTimer(this.#timer);
  }

  #ticksIn(ms: number): number {
    return Math.max(1, Math.ceil(ms / this.#config.tickMs));
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(this.#config.tickMs, () => {
      this.#arm();
      // What the peers sent during a stall is heard first.
      this.#clock.nextTurn(() => this.#running && this.#tick());
    });
  }

  #tick(): void {
    for (const { nodeId } of this.#options.transport.linked()) this.#links.beat(nodeId);
    if (this.#heard.lost().length > 0) this.#wakeAll();
    this.#options.log.settle();
    this.#scrub();
    this.#wakeSome();
  }

  /** Reads a piece of what all groups share, where it is due: the pace is one for the whole node. */
  #scrub(): void {
    const { log, logger, nodeId } = this.#options;
    if (!log.decays) return;
    if (log.takeSuspicion()) this.#pace.hurry();
    const turn = this.#pace.tick();
    if (turn === 'later' || this.#scrubbing) return;
    this.#scrubbing = true;
    const besideWrites = turn === 'now';
    log.scrub(PIECE_BYTES, besideWrites, (failure, step) => {
      this.#scrubbing = false;
      if (!this.#running) return;
      if (failure || !step) {
        logger?.warn({ node: nodeId, error: failure?.message }, 'The shared log could not be read again');
        return this.#pace.postpone();
      }
      const { bytes, passes } = this.#scrubbed;
      this.#scrubbed = { bytes: bytes + step.bytes, passes: passes + (step.passEnded ? 1 : 0) };
      this.#pace.read(step.bytes, besideWrites);
      if (step.passEnded) this.#pace.passed();
    });
  }

  /** A node came or went: whom that concerns, each group finds out. */
  #wakeAll(): void {
    for (const replica of this.#groups.values()) replica.quiescence?.wake();
  }

  /** Goes round all groups in `quietMaxMs`. */
  #wakeSome(): void {
    const { quietMaxMs = 60_000 } = this.#options;
    this.#owed = Math.min(this.#groups.size, this.#owed + this.#groups.size / this.#ticksIn(quietMaxMs));
    for (; this.#owed >= 1; this.#owed--) {
      let next = this.#round.next();
      if (next.done) {
        this.#round = this.#groups.values();
        next = this.#round.next();
      }
      next.value?.quiescence?.wake();
    }
  }
}
