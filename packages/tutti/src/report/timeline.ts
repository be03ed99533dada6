import type { RunDocument } from '../run/run-document.ts';

/** A bar of the timeline: one attempt of one task on one node. Times in milliseconds from the session's opening. */
export interface TimelineBar {
  readonly task: string;
  readonly title: string;
  readonly orchestrator: string;
  readonly node: string;
  readonly attempt: number;
  readonly from: number;
  readonly to: number;
  readonly outcome: string;
  readonly problem: string | undefined;
}

/** A moment worth a line across the picture. */
export interface TimelineMark {
  readonly kind: 'kill' | 'barrier';
  readonly at: number;
  readonly label: string;
}

export interface Timeline {
  readonly lengthMs: number;
  readonly bars: readonly TimelineBar[];
  readonly marks: readonly TimelineMark[];
  /** From a barrier's first arrival to its release. */
  readonly waits: readonly {
    readonly title: string;
    readonly from: number;
    readonly to: number;
    readonly state: string;
  }[];
}

/** What there is to draw of a run. */
export function timelineOf(run: RunDocument): Timeline {
  const lengthMs = Math.max(1, run.makespanMs, ...run.kills.map((kill) => kill.at - run.openedAt));
  const since = (at: number | undefined) =>
    Math.min(lengthMs, Math.max(0, (at ?? run.openedAt + lengthMs) - run.openedAt));
  const bars = run.tasks.flatMap((task) =>
    task.attemptLog
      .filter((attempt) => attempt.startedAt !== undefined)
      .map((attempt) => ({
        task: task.id,
        title: task.title,
        orchestrator: task.orchestrator,
        node: attempt.node,
        attempt: attempt.number,
        from: since(attempt.startedAt),
        to: since(attempt.endedAt),
        outcome: attempt.outcome ?? 'running',
        problem: attempt.problem?.message,
      })),
  );
  const kills = run.kills.map((kill) => ({
    kind: 'kill' as const,
    at: since(kill.at),
    label: `kill -9 ${kill.node} (${kill.role})${kill.gapMs === undefined ? '' : `, ${Math.round(kill.gapMs)} ms to the next completion`}`,
  }));
  const releases = run.barriers
    .filter((barrier) => barrier.releasedAt !== undefined)
    .map((barrier) => ({ kind: 'barrier' as const, at: since(barrier.releasedAt), label: barrier.title }));
  const waits = run.barriers
    .filter((barrier) => Object.keys(barrier.arrivals).length > 0)
    .map((barrier) => ({
      title: barrier.title,
      from: since(Math.min(...Object.values(barrier.arrivals))),
      to: since(barrier.releasedAt),
      state: barrier.state,
    }));
  return { lengthMs, bars, marks: [...kills, ...releases], waits };
}
