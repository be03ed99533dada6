import { assert, type Timer } from '@tutti/kernel';
import type { ActorSystem, ChildPolicy, Ref } from '@tutti/runtime';
import { type SnapshotFrom, setup } from 'xstate';
import { DelegationCounts } from './delegation-counts.ts';
import {
  type OrchestratorEvent,
  type OrchestratorTools,
  orchestratorMachine,
} from './orchestrator-machine.ts';

/** How one orchestrator on this node is doing. */
export interface OrchestratorStatus {
  readonly id: string;
  /** `failed`: its actor is down, and about to be started again. */
  readonly state: 'idle' | 'active' | 'overloaded' | 'failed';
  readonly running: number;
  readonly queued: number;
  readonly counts: DelegationCounts;
}

type OrchestratorRef = Ref<OrchestratorEvent, SnapshotFrom<ReturnType<typeof orchestratorMachine>>>;

/** What all orchestrators of a node work with. */
export type TreeTools = Omit<OrchestratorTools, 'id' | 'counts' | 'begun'>;

interface Branch {
  readonly ref: OrchestratorRef;
  readonly counts: DelegationCounts;
  snapshot: SnapshotFrom<ReturnType<typeof orchestratorMachine>> | undefined;
}

/** Started again for as long as the node lives: what it works on is on the board, and loses nothing by waiting. */
const PERMANENT: ChildPolicy = {
  restart: 'permanent',
  intensity: { restarts: 100, withinMs: 10_000 },
  backoff: { initialMs: 10, maxMs: 1_000, factor: 2, jitter: 0.2 },
};

/** Before an orchestrator is planted anew that its supervisor has given up. */
const REPLANT_MS = 1_000;

/** Only there to be the parent: one for all that follows it down when the node stops. */
const root = setup({}).createMachine({ id: 'orchestration' });

/** The supervision tree `orchestration`, with one orchestrator for each name that is asked for, one-for-one. */
export class OrchestratorTree {
  readonly #system: Pick<ActorSystem, 'spawn'>;
  readonly #tools: TreeTools;
  readonly #branches = new Map<string, Branch>();
  readonly #replanting = new Set<Timer>();
  #root: Ref | undefined;

  constructor(system: Pick<ActorSystem, 'spawn'>, tools: TreeTools) {
    this.#system = system;
    this.#tools = tools;
  }

  start(): void {
    assert(!this.#root, 'the tree is planted once');
    this.#root = this.#system.spawn(root, { id: 'orchestration', supervise: PERMANENT });
  }

  /** Starts the orchestrator of this name unless it is there. */
  ensure(id: string): void {
    if (this.#root && !this.#branches.has(id)) this.#plant(id, new DelegationCounts(), new Set());
  }

  ref(id: string): OrchestratorRef | undefined {
    return this.#branches.get(id)?.ref;
  }

  status(): OrchestratorStatus[] {
    return [...this.#branches].map(([id, { snapshot, counts }]) => ({
      id,
      state: !snapshot || snapshot.status === 'active' ? (snapshot?.value ?? 'idle') : 'failed',
      running: snapshot?.context.live ?? 0,
      queued: snapshot?.context.queued ?? 0,
      counts,
    }));
  }

  /** Stops all of it; workers under way are aborted, and what they held stays theirs until the node has left. */
  async stop(): Promise<void> {
    const planted = this.#root;
    this.#root = undefined;
    for (const timer of this.#replanting) this.#tools.clock.clearTimer(timer);
    this.#replanting.clear();
    await planted?.stop();
    this.#branches.clear();
  }

  #plant(id: string, counts: DelegationCounts, begun: Set<number>): void {
    const parent = this.#root;
    if (!parent) return;
    const random = this.#tools.random.fork(`orchestrator ${id}`);
    const logic = orchestratorMachine({ ...this.#tools, id, counts, begun, random });
    const ref = this.#system.spawn(logic, { id: actorId(id), parent, supervise: PERMANENT });
    const branch: Branch = { ref, counts, snapshot: undefined };
    this.#branches.set(id, branch);
    ref.subscribe((snapshot) => {
      branch.snapshot = snapshot;
    });
    ref.watch(({ reason, problem }) => {
      if (!this.#root || reason !== 'failed') return;
      this.#tools.logger.error(
        { orchestrator: id, problem },
        'an orchestrator was given up; it is started anew',
      );
      const timer = this.#tools.clock.setTimer(REPLANT_MS, () => {
        this.#replanting.delete(timer);
        this.#plant(id, counts, begun);
      });
      this.#replanting.add(timer);
    });
  }
}

/** Plans may use names that actor ids cannot have; no two names get the same id. */
function actorId(orchestrator: string): string {
  return orchestrator.replaceAll(/[^A-Za-z0-9._-]/gu, (char) => `~${char.codePointAt(0)!.toString(16)}~`);
}
