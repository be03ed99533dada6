/**
 * XState actors under supervision, on one node or placed by the cluster's agreement.
 *
 * @module
 */

export type { ApplyContext, ModuleWatcher, ProposeOptions, ReplicatedModule } from '@tutti/consensus';
export type { LogicIdentity } from './actor/logic-identity.ts';
export type { Migrate, StoredSnapshot } from './actor/migration.ts';
export {
  type Address,
  type AskOptions,
  nodeOf,
  type Ref,
  type SnapshotListener,
  type Terminated,
  type TerminationReason,
} from './actor/ref.ts';
export { type ReplyArgs, type ReplyingTransition, reply, replying, replyLater } from './actor/reply.ts';
export { type ClusterConfig, clusterConfig } from './cluster/cluster-config.ts';
export { CLUSTER_LEVEL, LEVEL } from './cluster/cluster-level.ts';
export type {
  ClusterSystem,
  ClusterSystemOptions,
  ClusterSystemStatus,
  StopOptions,
} from './cluster/cluster-system.ts';
export { SHUTDOWN_PHASES, type ShutdownPhase, type ShutdownTask } from './cluster/coordinated-shutdown.ts';
export { createClusterSystem } from './cluster/create-cluster-system.ts';
export type { Declaration, DeclaredLogic } from './cluster/declaration.ts';
export { type KeyValue, keyValue, type WatchOptions, type WriteOptions } from './cluster/key-value.ts';
export type { KeyValueChange, KeyValueEntry } from './cluster/key-value-module.ts';
export type { Member, MemberState, Members } from './cluster/member.ts';
export type { Receptionist } from './cluster/receptionist.ts';
export type { ReplicatedHandle, ReplicatedOptions } from './cluster/replicated.ts';
export type { SubscribeOptions, Topic } from './cluster/topics.ts';
export type { ReliableOptions, ReliableRef } from './delivery/reliable-channel.ts';
export {
  type HistoryEntry,
  type HistoryOptions,
  type HistoryQuery,
  MessageHistory,
  namesActor,
  namesRecorded,
} from './inspection/message-history.ts';
export { Meter } from './inspection/meter.ts';
export type { RecordedActor, Recorder } from './inspection/recorder.ts';
export { replay } from './inspection/replay.ts';
export { sequenceDiagram } from './inspection/sequence-diagram.ts';
export { type InspectedRef, type InspectionEvent, inspectActors } from './inspection/xstate-inspection.ts';
export type { DeadLetter, DeadLetterReason, DeadLetters } from './mailbox/dead-letters.ts';
export {
  MAILBOX_LIMIT_DEFAULT,
  MAILBOX_LIMIT_MAX,
  type MailboxOptions,
  type MailboxOverflow,
  PRIORITY_LANES_MAX,
  type PriorityOptions,
} from './mailbox/mailbox-options.ts';
export { Correspondent, type MessageOptions, type RequestOptions } from './message/correspondent.ts';
export {
  ENVELOPE_VERSION,
  type Envelope,
  kindOf,
  MESSAGE_KINDS,
  type MessageKind,
  readEnvelope,
  responseTo,
  URGENCIES,
  type Urgency,
} from './message/envelope.ts';
export type { BroadcastReply } from './routing/gather.ts';
export { createRouter, type PoolOptions, type RouteeSource, type RouterOptions } from './routing/router.ts';
export type { RouterStrategy } from './routing/strategies.ts';
export { type EntityKind, type EntityOptions, SINGLETON_KEY } from './sharding/entity-options.ts';
export { digestOf } from './sharding/shard-id.ts';
export { type RestartStrategy } from './supervision/decide.ts';
export {
  type ChildPolicy,
  DEFAULT_INTENSITY,
  type Intensity,
  type RestartType,
} from './supervision/policy.ts';
export {
  type ChildSpec,
  type SupervisorLogic,
  type SupervisorOptions,
  supervisor,
} from './supervision/supervisor.ts';
export { actorLimits } from './system/actor-limits.ts';
export type {
  ActorInfo,
  ActorLimits,
  ActorNodeInfo,
  ActorSystem,
  ActorSystemOptions,
  AddressResolver,
  Escalation,
  GuardianPolicy,
  KeptTurn,
  ReplyTarget,
  SpawnOptions,
  StateKeeper,
} from './system/actor-system.ts';
export { createActorSystem } from './system/create-actor-system.ts';
export { ThreadHost, type ThreadHostOptions } from './threads/thread-host.ts';
export type { ThreadOptions, ThreadStatus } from './threads/thread-pool.ts';
export { type ThreadedLogic, threaded } from './threads/threaded.ts';
