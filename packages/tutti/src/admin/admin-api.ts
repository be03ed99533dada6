import type {
  BarrierRecord,
  Blocker,
  ExecutionMode,
  Plan,
  SessionState,
  TaskEvent,
  TaskState,
} from '@tutti/actors';
import type { ConsensusStatus } from '@tutti/consensus';
import type { Member } from '@tutti/runtime';

/** `GET /status`: what one node believes now. */
export interface NodeStatus {
  readonly node: string;
  readonly incarnation: number;
  readonly pid: number;
  readonly upMs: number;
  readonly consensus: ConsensusStatus;
  readonly members: readonly Member[];
  readonly actors: number;
  readonly deadLetters: Readonly<Record<string, number>>;
}

/** `POST /sessions`. */
export interface Submission {
  /** The caller's own id: submitting twice opens one session. */
  readonly session: string;
  readonly plan: Plan;
  readonly mode: ExecutionMode;
  readonly folder: string;
}

/** One step of a task, as the log has it. */
export interface SessionEvent extends TaskEvent {
  /** Counted from 0 within the session, the same on every node. */
  readonly number: number;
}

/** `GET /sessions/:id/events?from=N`: what has happened since, at once or as soon as there is something. */
export interface EventBatch {
  /** A journal is bounded: of a large session, steps that nobody asked for in time are missing. */
  readonly events: readonly SessionEvent[];
  /** How many tasks are done by now, whether their steps are among the events or not. */
  readonly done: number;
  readonly state: SessionState;
  readonly barriers: readonly {
    readonly id: string;
    readonly title: string;
    readonly state: BarrierRecord['state'];
  }[];
}

/** `GET /sessions/:id/explain/:task`: why it is where it is. */
export interface Explanation {
  readonly session: string;
  readonly task: string;
  readonly state: TaskState;
  readonly blockers: readonly Blocker[];
}
