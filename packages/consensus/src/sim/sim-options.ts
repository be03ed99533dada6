import type { ReplicaConfig } from '../replica/replica-options.ts';
import type { DriveFaults } from './disk/drive-ailment.ts';
import type { StoreKind } from './disk/node-disk.ts';
import type { NetworkFaults } from './sim-network.ts';

/** Which kinds of trouble a run has, and how often on average one begins, in milliseconds of virtual time. */
export interface FaultRates {
  readonly everyMs: number;
  /** Names of the kinds of trouble that the run has. */
  readonly kinds: readonly string[];
  /** Strikes just as something is decided, where chance alone would come too seldom. */
  readonly ambushes: readonly Ambush[];
  /** Chance that a new leader reaches only some of the others and falls soon after, as in the paper's figure 8. */
  readonly halfLeaderChance: number;
  /** Chance that a leader falls, and its last messages with it, just as it has committed something. */
  readonly fallAtCommitChance: number;
  /** How long a node stays down, paused or cut off on average, in milliseconds. */
  readonly outageMeanMs: number;
}

/**
 * When a message of this kind (its number on the wire) has arrived, one end is crashed or cut off, and perhaps the
 * other cut off as well: with the given chance.
 */
export interface Ambush {
  readonly kind: number;
  readonly chance: number;
}

/** How a run keeps its logs. */
export interface StoreOptions {
  readonly kind: StoreKind;
  /** Of `files` only, as the two that follow. */
  readonly segmentBytes: number;
  readonly cacheBytes: number;
  readonly drive: DriveFaults;
  /**
   * How many voters may lose what their disks have promised. Fewer than half: of each committed entry at least one
   * good copy is kept.
   */
  readonly frail: number;
  /** The chance that a node which falls takes its machine's power with it, and so what was not flushed. */
  readonly powerChance: number;
}

/** How many groups each node has, which share a log, links and a clock. */
export interface GroupOptions {
  /** 1: a replica alone, with a log of its own. Of more the first is watched. */
  readonly count: number;
  readonly quietAfterMs: number;
  /** How often on average each node has those of the others that it leads append something. */
  readonly busyMeanMs: number;
  /** Bytes by which the log that they share grows before its older half is dropped. */
  readonly logBytes: number;
}

/** Everything a run is made of, besides chance. */
export interface SimOptions {
  readonly voters: number;
  readonly learners: number;
  /** Nodes that run without belonging to the group at first. */
  readonly spares: number;
  readonly replica: ReplicaConfig;
  /** Of each node, in order; 0 where there is none. */
  readonly electionPriorities: readonly number[];
  /** What each node has instead of `replica`, in order; nothing where there is none. */
  readonly unequal: readonly Partial<ReplicaConfig>[];
  /** Whether every life of a node has the incarnation and the seed that its first had. */
  readonly livesAlike: boolean;
  readonly network: NetworkFaults;
  readonly faults: FaultRates;
  readonly diskLatencyMeanMs: number;
  readonly store: StoreOptions;
  readonly groups: GroupOptions;
  /** How far wall clocks may be off, in milliseconds, and by how much clocks may run fast or slow. */
  readonly clockSkewMs: number;
  readonly clockDrift: number;
  readonly clients: number;
  readonly thinkMeanMs: number;
  readonly keys: number;
  /** How often clients do each of the workload's actions, compared with the others; 0 or missing is never. */
  readonly mix: Readonly<Record<string, number>>;
  readonly safetyMs: number;
  /** Virtual time after healing within which all must be well again. */
  readonly livenessMs: number;
  /** The safety phase ends early after this many events, so that no seed takes long. */
  readonly eventsMax: number;
}
