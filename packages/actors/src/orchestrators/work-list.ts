import type { HeldAttempt } from '../coordination/board/holders.ts';

/** What an orchestrator has to do so that its delegations are what the board says. */
export interface WorkList {
  /** Offered and not begun, with a free slot: begin. */
  readonly start: readonly HeldAttempt[];
  /** Running on the board with nobody at work: their orchestrator crashed. Report. */
  readonly orphans: readonly HeldAttempt[];
  /** Fences at work here that the board has taken away: call off. */
  readonly cancel: readonly number[];
  /** Offered, and waiting for a slot. */
  readonly queued: number;
}

/** What a delegation that is not over is at. Calling one off takes a moment, and is done once. */
export type DelegationCourse = 'at-work' | 'called-off';

/** What {@link workList} compares. */
export interface WorkSituation {
  /** What the board says this orchestrator holds on this node, oldest fence first. */
  readonly held: readonly HeldAttempt[];
  /** Fences that are being seen to. */
  readonly live: ReadonlyMap<number, DelegationCourse>;
  /** Fences that are over, though this node's copy of the board may not show it yet. */
  readonly settled: ReadonlySet<number>;
  /** How many this orchestrator may run at once on this node, by the session's plan. */
  readonly limitOf: (session: string) => number;
}

/**
 * The difference between the board and what is at work. All sessions share an orchestrator's slots: a task begins
 * when fewer are at work than its own session's limit.
 */
export function workList({ held, live, settled, limitOf }: WorkSituation): WorkList {
  const start: HeldAttempt[] = [];
  const orphans: HeldAttempt[] = [];
  const fences = new Set<number>();
  let busy = live.size;
  let queued = 0;
  for (const item of held) {
    const { fence } = item.attempt;
    fences.add(fence);
    if (live.has(fence) || settled.has(fence)) continue;
    if (item.record.state === 'running') {
      orphans.push(item);
      busy++;
    } else if (busy < limitOf(item.session)) {
      start.push(item);
      busy++;
    } else queued++;
  }
  const cancel = [...live].flatMap(([fence, course]) =>
    course === 'at-work' && !fences.has(fence) ? fence : [],
  );
  return { start, orphans, queued, cancel };
}
