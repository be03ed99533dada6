/**
 * Tutti: XState actors on a cluster that agrees.
 *
 * ```ts
 * import { createNode } from 'tutti';
 *
 * const node = createNode({ dataDir: './data' });
 * const cart = node.entity('cart', cartLogic);
 * await node.start();
 * await cart.ref('alice').ask({ type: 'add', sku: 'tea' });
 * ```
 *
 * @module
 */

// Plans and the work in them.
export type {
  ExecutionMode,
  Orchestration,
  Plan,
  SessionRecord,
  Worker,
  WorkFunction,
  WorkInput,
} from '@tutti/actors';
// Errors.
export { type ErrorCode, isTuttiError, type PeerAddress, TuttiError } from '@tutti/kernel';

// Actors: a ref, supervision, replies.
export {
  type ActorLimits,
  type Address,
  type AskOptions,
  type BroadcastReply,
  type ClusterConfig,
  Correspondent,
  type EntityKind,
  type EntityOptions,
  type Envelope,
  type HistoryEntry,
  type HistoryQuery,
  inspectActors,
  type KeyValue,
  type KeyValueChange,
  type KeyValueEntry,
  keyValue,
  kindOf,
  type LogicIdentity,
  MESSAGE_KINDS,
  type Member,
  MessageHistory,
  type MessageKind,
  type Migrate,
  type Receptionist,
  type Ref,
  type ReliableOptions,
  type ReliableRef,
  type ReplicatedHandle,
  type ReplicatedModule,
  type RouterOptions,
  type RouterStrategy,
  readEnvelope,
  replay,
  reply,
  replyLater,
  type ShutdownPhase,
  type StoredSnapshot,
  type SubscribeOptions,
  sequenceDiagram,
  supervisor,
  type Terminated,
  type ThreadedLogic,
  type Topic,
  threaded,
} from '@tutti/runtime';
export { generateKeyPair, type KeyPair } from '@tutti/transport';
// The admin interface of a node that is embedded.
export { type Admin, type AdminOptions, startAdmin } from './admin/admin-server.ts';
// Clusters of processes on one machine.
export { LocalCluster, type LocalClusterOptions } from './cluster/local-cluster.ts';
// When more is lost than a cluster survives.
export { type Recovered, type RecoverOptions, recoverCluster } from './cluster/recover-cluster.ts';
export { type Restored, type RestoreOptions, restoreCluster } from './cluster/restore-cluster.ts';
export { type BackupOptions, backUp } from './node/back-up.ts';
// Nodes.
export { createNode, type NodeOptions, type TuttiNode } from './node/create-node.ts';
export { contactOf } from './node/group-peers.ts';
export type { NodeGroup } from './node/node-group.ts';
export { type LoadedPlan, type LoadPlanOptions, loadPlan, planFrom, tasksFrom } from './plan/load-plan.ts';
export { definePlan, type PlanSource } from './plan/plan-document.ts';
export type { RunDocument } from './run/run-document.ts';
