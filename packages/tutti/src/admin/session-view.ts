import type {
  AttemptOutcome,
  BarrierRecord,
  Conflict,
  ExecutionMode,
  Intake,
  RecoveryMove,
  SessionRecord,
  SessionState,
  TaskRecord,
  TaskState,
} from '@tutti/actors';

/** A session as plain data, for the admin interface, `--json` and reports. Times are milliseconds since 1970. */
export interface SessionView {
  readonly session: string;
  readonly plan: string;
  readonly mode: ExecutionMode;
  readonly state: SessionState;
  readonly problem: { readonly code: string; readonly message: string } | undefined;
  readonly openedAt: number;
  readonly endedAt: number | undefined;
  readonly tasks: readonly TaskView[];
  readonly barriers: readonly BarrierView[];
  readonly recoveries: readonly { at: number; node: string; move: RecoveryMove; tasks: readonly string[] }[];
  /** Results that came too late, under an old fence, and were refused. */
  readonly staleResults: number;
  /** Whether tasks may be added to it. */
  readonly intake: Intake;
  /** Added tasks that were done so long ago that they are not listed any more. */
  readonly forgotten: number;
}

/** A task, with where it stands now; `node`, `fence` and the times are those of its last attempt. */
export interface TaskView {
  readonly id: string;
  readonly title: string;
  readonly orchestrator: string;
  readonly level: number;
  readonly needs: readonly string[];
  readonly state: TaskState;
  readonly node: string | undefined;
  /** How many attempts were begun. */
  readonly attempts: number;
  readonly fence: number | undefined;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** How often the log accepted its completion. */
  readonly completions: number;
  readonly attemptLog: readonly AttemptView[];
  readonly output: unknown;
}

export interface AttemptView {
  readonly number: number;
  readonly fence: number;
  readonly node: string;
  readonly incarnation: number;
  readonly assignedAt: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly outcome: AttemptOutcome | undefined;
  readonly problem: { readonly code: string; readonly message: string } | undefined;
}

export interface BarrierView {
  readonly id: string;
  readonly title: string;
  readonly participants: readonly string[];
  readonly state: BarrierRecord['state'];
  readonly arrivals: Readonly<Record<string, number>>;
  readonly releasedAt: number | undefined;
  /** From the first arrival to the release; undefined until then. */
  readonly waitMs: number | undefined;
  readonly conflicts: readonly Conflict[];
}

/** The view of a record; nothing of the record is shared with it. */
export function sessionView(record: SessionRecord): SessionView {
  return {
    session: record.id,
    plan: record.plan.name,
    mode: record.mode,
    state: record.state,
    problem: record.problem,
    openedAt: record.openedAt,
    endedAt: record.endedAt,
    tasks: [...record.tasks.values()].map(taskView),
    barriers: [...record.barriers.values()].map(barrierView),
    recoveries: structuredClone(record.recoveries),
    staleResults: record.staleResults,
    intake: record.intake,
    forgotten: record.forgotten,
  };
}

function taskView(record: TaskRecord): TaskView {
  const last = record.attempts.at(-1);
  return {
    id: record.plan.id,
    title: record.plan.title,
    orchestrator: record.plan.orchestrator,
    level: record.level,
    needs: record.plan.needs,
    state: record.state,
    node: last?.node,
    attempts: record.attempts.length,
    fence: last?.fence,
    startedAt: last?.startedAt,
    endedAt: last?.endedAt,
    completions: record.completions,
    attemptLog: record.attempts.map((attempt) => ({ ...attempt })),
    output: record.output,
  };
}

function barrierView(record: BarrierRecord): BarrierView {
  const first = Math.min(...record.arrivals.values());
  return {
    id: record.id,
    title: record.title,
    participants: record.participants,
    state: record.state,
    arrivals: Object.fromEntries(record.arrivals),
    releasedAt: record.releasedAt,
    waitMs: record.releasedAt === undefined ? undefined : record.releasedAt - first,
    conflicts: record.conflicts,
  };
}
