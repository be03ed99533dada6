/**
 * A replicated log for Node. It knows no actor: whoever wants only agreement installs this package alone.
 *
 * @module
 */

// The port that everything above is written against, and its one-node implementation.
export type {
  ApplyContext,
  Consensus,
  ConsensusStatus,
  Elsewhere,
  MembershipStatus,
  ModuleRestorer,
  ModuleWatcher,
  ProposeOptions,
  ReplicaRole,
  ReplicatedModule,
  Standing,
} from './consensus.ts';

// Many groups in one process. Their log on disk is in `@tutti/consensus/file`.
export {
  type ReplicaGroupOptions,
  ReplicaGroups,
  type ReplicaGroupsOptions,
} from './groups/replica-groups.ts';
export { type GroupSnapshots, SharedLog, type SharedLogOptions } from './groups/shared-log.ts';

// Who belongs to the group, and changing it.
export type { MemberSpec, MembershipChange } from './raft/membership-change.ts';
export type { Membership } from './raft/messages.ts';

// When a majority is lost for good, and when a group is begun from a backup.
export {
  furthest,
  planRecovery,
  type RecoveryPlan,
  type SurvivingLog,
  survivingLog,
  writeRecovery,
} from './recovery/lost-quorum.ts';
export { seedStore } from './recovery/seed-store.ts';

export type { AddLearnerOptions, GroupChanges, GroupSpec } from './replica/group-changes.ts';
// The driver: core, store, transport and modules joined.
export type { TransferCallback } from './replica/handover.ts';
export type { HeldState } from './replica/held-state.ts';
export type { ChangeCallback } from './replica/membership-changes.ts';
export type { ProposeCallback } from './replica/proposals.ts';
export type { ReadCallback } from './replica/reads.ts';
export { Replica } from './replica/replica.ts';
export { REPLICA_DEFAULTS, type ReplicaConfig, type ReplicaOptions } from './replica/replica-options.ts';
export type { ReplicaStats } from './replica/replica-stats.ts';
export { type SnapshotLimits, snapshotLimits } from './replica/snapshot-limits.ts';
export { SnapshotableMap } from './replica/snapshotable-map.ts';
export { STAGES, type Stage, type StageTimes } from './replica/stage-times.ts';
// Where the log is kept. The durable store is `@tutti/consensus/file`.
export type {
  LogStore,
  LogStoreState,
  LogWrite,
  SnapshotWriter,
  StoredSnapshot,
  WriteCallback,
} from './storage/log-store.ts';
export {
  type LogStoreCase,
  type LogStoreHarness,
  logStoreCases,
  repairCases,
} from './storage/log-store-suite.ts';
export { MemoryLogStore } from './storage/memory-log-store.ts';
export type {
  LostRange,
  RepairCallback,
  RepairStep,
  StoreDamage,
} from './storage/store-damage.ts';
export { VolatileConsensus } from './volatile/volatile-consensus.ts';
