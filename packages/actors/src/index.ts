/**
 * Orchestration on the Tutti runtime: plans, task boards, barriers, orchestrators and their recovery.
 *
 * @module
 */
export {
  type Balancer,
  type Choice,
  leastLoaded,
  powerOfTwo,
  roundRobin,
  type Slot,
} from './coordination/balancing/balancer.ts';
export type {
  AddedSubmission,
  AddTasks,
  Assigned,
  AssignTasks,
  Batch,
  BatchAnswer,
  BeginSession,
  BoardCommand,
  CancelSession,
  CloseSession,
  CompleteTask,
  DegradeTask,
  FailTask,
  Holder,
  HolderLost,
  LoseHolder,
  OpenSession,
  ResolveBarrier,
  ReturnTask,
  SessionMoved,
  SessionOpened,
  SingleCommand,
  StartTask,
  SubmissionAdded,
  TakeTasks,
  TaskMoved,
  TasksTaken,
  WakeTask,
} from './coordination/board/commands.ts';
export { partsOf } from './coordination/board/commands.ts';
export {
  type Blocker,
  type BlockerKind,
  type ExplainWorld,
  explainTask,
} from './coordination/board/explain.ts';
export type { HeldAttempt, Load } from './coordination/board/holders.ts';
export type { Journal } from './coordination/board/journal.ts';
export {
  ATTEMPTS_KEPT,
  type Attempt,
  type AttemptOutcome,
  type BarrierRecord,
  type Intake,
  isSettled,
  isTerminal,
  RECOVERIES_KEPT,
  type RecoveryRecord,
  type SessionRecord,
  type SessionState,
  type TaskEvent,
  type TaskRecord,
  type TaskState,
} from './coordination/board/state.ts';
export {
  type SessionSummary,
  TaskBoard,
  type TaskBoardOptions,
  type Wake,
} from './coordination/board/task-board.ts';
export { detectApiContractConflicts } from './coordination/conflict/api-contract.ts';
export type { Conflict, ConflictSide } from './coordination/conflict/conflict.ts';
export { builtInDetectors, conflictsAt } from './coordination/conflict/conflicts-at.ts';
export { detectDeploymentConflicts } from './coordination/conflict/deployment.ts';
export { CONFLICTS_MAX, type Detector, DetectorRegistry } from './coordination/conflict/detector.ts';
export { detectInfrastructureConflicts } from './coordination/conflict/infrastructure.ts';
export { ALL_CAPABILITIES, type MasterCapabilities } from './coordination/master/capabilities.ts';
export type { DispatchLimits } from './coordination/master/dispatch-limits.ts';
export {
  type PlaceableWorker,
  type Placed,
  type PlacementRequest,
  placedInWords,
} from './coordination/placement/placement.ts';
export { PlacementIndex } from './coordination/placement/placement-index.ts';
export {
  type CheckedPlan,
  type CheckOptions,
  checkPlan,
  PLAN_LIMITS,
} from './engines/workflow/check-plan.ts';
export { didYouMean } from './engines/workflow/did-you-mean.ts';
export {
  type Adjacency,
  buildGraph,
  type Edges,
  findCycles,
  type Graph,
  type Levels,
  levelsOf,
  neighbours,
  reachableFrom,
  type Schedule,
  scheduleOf,
} from './engines/workflow/graph.ts';
export type {
  ExecutionMode,
  Plan,
  PlanBarrier,
  PlanOrchestrator,
  PlanTask,
  PlanWork,
  RetryPolicy,
  SourceMap,
  SourcePosition,
} from './engines/workflow/plan.ts';
export { levelWeights, nodeName, type PlanGraph, planGraph } from './engines/workflow/plan-graph.ts';
export {
  type Addition,
  createOrchestration,
  MASTER_KIND,
  type Orchestration,
  type OrchestrationCluster,
  type OrchestrationOptions,
  type Submission,
} from './orchestration.ts';
export type { DelegationCounts } from './orchestrators/delegation-counts.ts';
export type { OrchestratorStatus } from './orchestrators/orchestrator-tree.ts';
export {
  backendProfile,
  type ComplexityLevel,
  checkProfile,
  devopsProfile,
  frontendProfile,
  type MasterProfile,
  masterProfile,
  type OrchestratorProfile,
  PROFILES,
  profileOf,
  type Specialization,
  testingProfile,
} from './orchestrators/profiles.ts';
export {
  chooseRecovery,
  FAILOVER_TASKS_MAX,
  type FailureImpact,
  type ImpactedTask,
  type Peer,
  type Recovery,
} from './resilience/recovery.ts';
export type { RecoveryMove } from './resilience/recovery-move.ts';
export { isRetryable, retryDelayMs } from './resilience/retry.ts';
export { type FunctionTable, functionWorker, type WorkFunction } from './workers/function-worker.ts';
export { simulatedWorker, type Worker, type WorkInput } from './workers/worker.ts';
