import type { Incarnation, NodeId, WireValue } from '@tutti/kernel';
import type { ApplyContext, ReplicatedModule } from '@tutti/runtime';
import { type HeldAttempt, HolderIndex, type Load } from './holders.ts';
import type { BarrierRecord, SessionRecord, TaskRecord, TaskState } from './state.ts';

/** How many tasks of a session are in each state. */
export type SessionSummary = Readonly<Record<TaskState, number>> & { readonly total: number };

/** A retry that waits for its time. */
export interface Wake {
  readonly session: string;
  readonly task: string;
  readonly retryAt: number;
}

/** The replicated task board: the only truth about tasks, attempts, fences and barriers. */
export class TaskBoard implements ReplicatedModule {
  readonly name = 'board';
  readonly #sessions = new Map<string, SessionRecord>();
  readonly #holders = new HolderIndex();

  apply(_command: WireValue, _context: ApplyContext): WireValue {
    return undefined;
  }

  snapshot(): Iterable<WireValue> {
    return [];
  }

  restore(_parts: Iterable<WireValue>): void {
    this.#sessions.clear();
  }

  /** Every session that is kept, oldest first. */
  sessions(): IterableIterator<SessionRecord> {
    return this.#sessions.values();
  }

  session(id: string): SessionRecord | undefined {
    return this.#sessions.get(id);
  }

  /** Ready tasks, least slack first, then lowest level, then id; of one orchestrator if it is given. */
  readyTasks(_session: string, _orchestrator?: string): Iterable<TaskRecord> {
    return [];
  }

  /** Every attempt that this life of the node holds, assigned or running, oldest fence first. */
  heldBy(node: NodeId, incarnation: Incarnation): HeldAttempt[] {
    return this.#holders.of(node, incarnation);
  }

  /** Of what it holds, what it has not begun yet. */
  assignmentsOf(node: NodeId, incarnation: Incarnation): HeldAttempt[] {
    return this.heldBy(node, incarnation).filter((held) => held.record.state === 'assigned');
  }

  /** Barriers that are full and wait for `barrier.resolve`. */
  fullBarriers(_session: string): BarrierRecord[] {
    return [];
  }

  /** Retries whose time has come at `nowMs`, over all sessions, earliest first. */
  wakesDue(_nowMs: number): Wake[] {
    return [];
  }

  /** The earliest retry that waits, of one session or of all. */
  nextWake(_session?: string): Wake | undefined {
    return undefined;
  }

  /** Attempts that have started and not ended. */
  runningCount(session: string, orchestrator: string, node: NodeId): number {
    return this.load(session, orchestrator, node).running;
  }

  /** Attempts held (assigned and running) and running. */
  load(session: string, orchestrator: string, node: NodeId): Load {
    return this.#holders.load(session, orchestrator, node);
  }

  summary(_session: string): SessionSummary | undefined {
    return undefined;
  }
}
