import { type Clock, type IdSource, type Logger, type Random, silentLogger } from '@tutti/kernel';
import {
  type ActorSystem,
  type ChildPolicy,
  CLUSTER_LEVEL,
  type Members,
  type ReplicatedHandle,
  type ReplicatedModule,
} from '@tutti/runtime';
import type { AnyActorLogic } from 'xstate';
import { type Balancer, leastLoaded } from './coordination/balancing/balancer.ts';
import type { BoardCommand } from './coordination/board/commands.ts';
import { type Blocker, explainTask } from './coordination/board/explain.ts';
import { SessionWaiters } from './coordination/board/session-waiters.ts';
import type { SessionRecord, TaskRecord } from './coordination/board/state.ts';
import { type AddedTasks, SubmissionOutbox } from './coordination/board/submission-outbox.ts';
import { TaskBoard, type TaskBoardOptions } from './coordination/board/task-board.ts';
import { TaskWaiters } from './coordination/board/task-waiters.ts';
import { builtInDetectors, conflictsAt } from './coordination/conflict/conflicts-at.ts';
import type { DetectorRegistry } from './coordination/conflict/detector.ts';
import {
  ALL_CAPABILITIES,
  type MasterCapabilities,
  requireCapabilities,
} from './coordination/master/capabilities.ts';
import { type DispatchLimits, limitBlockers } from './coordination/master/dispatch-limits.ts';
import { type MasterTools, masterMachine } from './coordination/master/master-machine.ts';
import { checkPlan } from './engines/workflow/check-plan.ts';
import type { ExecutionMode, Plan, PlanTask } from './engines/workflow/plan.ts';
import { handBackWhenLeaving } from './orchestrators/hand-back.ts';
import { HandOuts } from './orchestrators/hand-outs.ts';
import { type OrchestratorStatus, OrchestratorTree } from './orchestrators/orchestrator-tree.ts';
import { checkWorkers } from './workers/find-worker.ts';
import type { Worker } from './workers/worker.ts';

/** Where the master is placed: one for the cluster, begun afresh wherever it goes. */
export interface MasterPlacement {
  readonly singleton: true;
  readonly durable: false;
  readonly supervise: ChildPolicy;
}

/** What orchestration needs of a node: the part of `ClusterSystem` that it uses. */
export interface OrchestrationCluster {
  readonly system: Pick<ActorSystem, 'nodeId' | 'incarnation' | 'spawn'>;
  readonly members: Members;
  /** What all members can apply, as the log has it; by default what this node can. */
  readonly level?: number;
  replicated<Module extends ReplicatedModule>(name: string, module: Module): ReplicatedHandle<Module>;
  entity(kind: string, logic: AnyActorLogic, options: MasterPlacement): unknown;
}

/** What the orchestration of one node is made of. */
export interface OrchestrationOptions {
  /** Not started yet: the board and the master have to be registered first. */
  readonly cluster: OrchestrationCluster;
  /** Asked in their order; the first that can do a task's work does it. */
  readonly workers: readonly Worker[];
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdSource;
  readonly logger?: Logger;
  /** Orchestrators that are there from the start; by default frontend, backend, devops and testing. Plans add theirs. */
  readonly profiles?: readonly string[];
  /** Bounds beside those of the plans; by default none. */
  readonly limits?: DispatchLimits;
  /** What the master may do; by default everything. */
  readonly capabilities?: MasterCapabilities;
  /**
   * Who gets a task when several could; default {@link leastLoaded}. With one of your own every task is placed by it; by
   * default slots that are free take what is new, and one that becomes free the next, about as evenly as it would place
   * them.
   */
  readonly balancer?: Balancer;
  readonly board?: TaskBoardOptions;
  /** What a barrier's `check` can name; by default `api-contract`, `infrastructure` and `deployment`. */
  readonly detectors?: DetectorRegistry;
  /** Whether this node knows a leader of the log, for {@link Orchestration.explain}; by default it is taken to. */
  readonly hasLeader?: () => boolean;
}

/** How a plan is to be run. */
export interface Submission {
  /** By default a new one. Submitting the same plan under the same id again opens nothing and gives the same id. */
  readonly session?: string;
  /** Default `eager`. */
  readonly mode?: ExecutionMode;
  /** Where the work writes; default the empty string, for plans that write nothing. */
  readonly folder?: string;
  /**
   * Whether the session stays open when all its tasks are done, so that tasks can be added to it at any time until it
   * is closed; its plan may then have none of its own. Default false: it ends with its last task. With the mode `wave`
   * it is refused.
   */
  readonly staysOpen?: boolean;
}

/** How tasks are added. */
export interface Addition {
  /**
   * A name for these tasks, unique within the session; by default a new one. Adding the same tasks again under the same
   * name adds nothing, within the session's 10,000 latest: for whoever did not hear the answer, or begins anew.
   */
  readonly submission?: string;
}

/** Plans in, finished sessions out: the orchestration of one node, part of its cluster's. */
export interface Orchestration {
  readonly board: ReplicatedHandle<TaskBoard>;
  /**
   * Checks a plan and opens a session on it. Resolves with its id once the log has it.
   * @throws TuttiError `TUTTI_PLAN_*`, `TUTTI_CAPABILITY_OFF`, `TUTTI_WORKER_UNKNOWN` naming the task,
   * `TUTTI_SESSION_EXISTS`, `TUTTI_SESSION_IN_WAVES` for one that is to stay open, or what the proposal came to
   */
  submit(plan: Plan, submission?: Submission): Promise<string>;
  /**
   * Adds tasks to a session that is open, or that still has something to do. They may need one another and any task that
   * is there, also one that is done; all are taken, or none. Those of the same turn share one entry of the log, and those
   * that come while the log is busy with it share the next. Resolves with the name of the submission once the log has it.
   * A session has 200,000 added tasks at once, and keeps the 20,000 that were settled last (`journalLimit`); what is
   * needed by a task that is not settled is kept as well.
   * @throws TuttiError `TUTTI_SESSION_UNKNOWN`, `TUTTI_SESSION_ENDED`, `TUTTI_SESSION_CLOSED`, `TUTTI_SESSION_IN_WAVES`,
   * `TUTTI_SUBMISSION_DIFFERS`, `TUTTI_PLAN_*`, `TUTTI_WORKER_UNKNOWN`, `TUTTI_OVERLOADED`, `TUTTI_BOARD_LEVEL_LOW`, or
   * what the proposal came to
   */
  add(session: string, tasks: readonly PlanTask[], addition?: Addition): Promise<string>;
  /**
   * Lets nothing more be added: the session ends when what it has is done. Once it has ended this changes nothing. What
   * this node was asked to add before goes first.
   * @throws TuttiError `TUTTI_SESSION_UNKNOWN`
   */
  close(session: string): Promise<void>;
  /**
   * Calls a session off, with what this node was asked to add before; what runs is aborted.
   * @throws TuttiError `TUTTI_SESSION_UNKNOWN`, `TUTTI_SESSION_ENDED`
   */
  cancel(session: string, reason?: string): Promise<void>;
  /** Resolves when the session is over, however it ended. @throws TuttiError `TUTTI_SESSION_UNKNOWN`, `TUTTI_CLOSED` */
  waitFor(session: string, signal?: AbortSignal): Promise<SessionRecord>;
  /**
   * Resolves when one task is over, however it ended. At most 100,000 calls wait at once on one node.
   * @throws TuttiError `TUTTI_SESSION_UNKNOWN`, `TUTTI_TASK_UNKNOWN` also for one that is no longer kept,
   * `TUTTI_OVERLOADED`, `TUTTI_ABORTED`, `TUTTI_CLOSED`
   */
  waitForTask(session: string, task: string, signal?: AbortSignal): Promise<TaskRecord>;
  /**
   * Why a task is not running, as this node's copy of the board has it; empty if it runs or is over.
   * @throws TuttiError `TUTTI_SESSION_UNKNOWN`, `TUTTI_TASK_UNKNOWN`
   */
  explain(session: string, task: string): readonly Blocker[];
  /** How this node's orchestrators are doing. */
  orchestrators(): readonly OrchestratorStatus[];
  /** Fails one of this node's orchestrators, to rehearse its recovery. False if there is none of that name. */
  crash(orchestrator: string): boolean;
  /** Starts this node's orchestrators; call it when the cluster has started. */
  start(): Promise<void>;
  /** Stops them, and aborts what they run; it goes to others as soon as the members know that this node leaves. */
  stop(): Promise<void>;
}

const PROFILES = ['frontend', 'backend', 'devops', 'testing'];

/** The kind of the master entity. */
export const MASTER_KIND = 'master';

const MASTER_PLACEMENT: MasterPlacement = {
  singleton: true,
  durable: false,
  supervise: {
    restart: 'permanent',
    intensity: { restarts: 100, withinMs: 10_000 },
    backoff: { initialMs: 10, maxMs: 1_000, factor: 2, jitter: 0.2 },
  },
};

/**
 * Puts orchestration on a node: registers the board and the master with its cluster, which must not have started.
 * @throws TuttiError `TUTTI_STARTED`, `TUTTI_MODULE_DUPLICATE`
 */
export function createOrchestration(options: OrchestrationOptions): Orchestration {
  const { cluster, workers, clock, random, ids, logger = silentLogger } = options;
  const detectors = options.detectors ?? builtInDetectors();
  const capabilities = options.capabilities ?? ALL_CAPABILITIES;
  const taskBoard = new TaskBoard(options.board, () => cluster.level ?? CLUSTER_LEVEL);
  const board = cluster.replicated('board', taskBoard);
  const waiters = new SessionWaiters(board);
  const taskWaiters = new TaskWaiters(board);
  const tools = { board, members: cluster.members, clock, random: random.fork('hand out') };
  const handOuts = handsOutItself(options, capabilities) ? new HandOuts(tools) : undefined;
  const arriving = ({ session, tasks }: AddedTasks) => ({
    tasks,
    orchestrators: board.module.session(session)?.plan.orchestrators ?? [],
  });
  const outbox = new SubmissionOutbox(board, clock, (added) => handOuts?.now(added.map(arriving)));
  const holder = { node: cluster.system.nodeId, incarnation: cluster.system.incarnation };
  const tree = new OrchestratorTree(cluster.system, {
    holder,
    board,
    members: cluster.members,
    workers,
    clock,
    random,
    logger,
    takesNext: options.balancer === undefined,
  });
  cluster.entity(
    MASTER_KIND,
    masterMachine(masterTools(options, board, capabilities, detectors)),
    MASTER_PLACEMENT,
  );
  let unwatch: (() => void) | undefined;
  let stopHandingBack: (() => void) | undefined;

  return {
    board,
    async submit(plan, submission = {}) {
      const { session = ids.next('session'), mode = 'eager', folder = '', staysOpen = false } = submission;
      checkPlan(plan, undefined, { detectors: detectors.names(), mayBeEmpty: staysOpen });
      requireCapabilities(capabilities, plan);
      checkWorkers(workers, plan);
      waiters.expect(session);
      const type = staysOpen ? 'session.begin' : 'session.open';
      handOuts?.soon(plan);
      await board.propose({ type, session, plan, mode, folder } satisfies BoardCommand);
      return session;
    },
    async add(session, tasks, { submission: id = ids.next('submission') } = {}) {
      checkWorkers(workers, { tasks });
      await outbox.add(session, { id, tasks });
      return id;
    },
    async close(session) {
      handOuts?.soon(arriving({ session, tasks: outbox.flush(session) }));
      await board.propose({ type: 'session.close', session } satisfies BoardCommand);
    },
    async cancel(session, reason = 'asked to stop') {
      outbox.flush(session);
      await board.propose({ type: 'session.cancel', session, reason } satisfies BoardCommand);
    },
    waitFor: (session, signal) => waiters.waitFor(session, signal),
    waitForTask: (session, task, signal) => taskWaiters.waitFor(session, task, signal),
    explain: (session, task) => [
      ...limitBlockers(board.module, session, task, options.limits),
      ...explainTask(board.module, session, task, {
        hasLeader: options.hasLeader?.() ?? true,
        wallTimeMs: clock.wallTime(),
        nodes: upNodes(cluster.members),
      }),
    ],
    orchestrators: () => tree.status(),
    crash(orchestrator) {
      const ref = tree.ref(orchestrator);
      ref?.send({ type: 'crash', problem: 'it was told to crash' });
      return ref !== undefined;
    },
    start() {
      stopHandingBack?.();
      stopHandingBack = undefined;
      tree.start();
      for (const id of options.profiles ?? PROFILES) tree.ensure(id);
      unwatch = followPlans(board, tree);
      return Promise.resolve();
    },
    async stop() {
      unwatch?.();
      unwatch = undefined;
      waiters.close();
      taskWaiters.close();
      await tree.stop();
      stopHandingBack ??= handBackWhenLeaving({ board, members: cluster.members, holder, logger });
    },
  };
}

/** Whether tasks may be given to slots without the master: where nothing but the plans' own limits bounds them. */
function handsOutItself({ balancer, limits }: OrchestrationOptions, can: MasterCapabilities): boolean {
  const isBounded = limits?.tasksMax !== undefined || limits?.tasksPerNodeMax !== undefined;
  return balancer === undefined && !isBounded && can.orchestrator_delegation;
}

function masterTools(
  {
    cluster,
    clock,
    random,
    logger = silentLogger,
    balancer = leastLoaded,
    limits = {},
  }: OrchestrationOptions,
  board: ReplicatedHandle<TaskBoard>,
  capabilities: MasterCapabilities,
  detectors: DetectorRegistry,
): MasterTools {
  return {
    board,
    members: cluster.members,
    clock,
    random: random.fork('master'),
    logger,
    policy: {
      capabilities,
      balancer,
      limits,
      detect: (session, barrier) => conflictsAt(session, barrier, detectors),
    },
  };
}

function upNodes(members: Members) {
  return members
    .list()
    .filter(({ state }) => state === 'up')
    .map(({ nodeId, incarnation }) => ({ node: nodeId, incarnation }));
}

/** Sees to it that every orchestrator that an open session names is there. */
function followPlans(board: ReplicatedHandle<TaskBoard>, tree: OrchestratorTree): () => void {
  const look = (session: SessionRecord | undefined) => {
    if (session?.state !== 'running') return;
    for (const { id } of session.plan.orchestrators) tree.ensure(id);
  };
  const lookAtAll = () => {
    for (const session of board.module.sessions()) look(session);
  };
  lookAtAll();
  return board.watch({
    applied(command) {
      if (isOpen(command)) look(board.module.session(command.session));
    },
    restored: lookAtAll,
  });
}

function isOpen(command: unknown): command is { readonly session: string } {
  return (
    typeof command === 'object' &&
    command !== null &&
    'type' in command &&
    (command.type === 'session.open' || command.type === 'session.begin')
  );
}
