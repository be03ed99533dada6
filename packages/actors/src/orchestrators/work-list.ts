import type { HeldAttempt } from '../coordination/board/holders.ts';

/** What an orchestrator has to do so that its delegations are what the board says. */
export interface WorkList {
  /** Offered and not begun, with a free slot: begin, when the log has it. */
  readonly start: readonly HeldAttempt[];
  /** Handed over running, and not begun yet: begin at once. */
  readonly begin: readonly HeldAttempt[];
  /** Running on the board with nobody at work: their orchestrator crashed. Report. */
  readonly orphans: readonly HeldAttempt[];
  /** Fences at work here that the board has taken away: call off. */
  readonly cancel: readonly number[];
  /** Offered, and waiting for a slot. */
  readonly queued: number;
}

interface Fences {
  readonly size: number;
  has(fence: number): boolean;
}

/** What {@link workList} compares. */
export interface WorkSituation {
  /** What the board says this orchestrator holds on this node, oldest fence first. */
  readonly held: ReadonlyMap<number, HeldAttempt>;
  /** Fences that are being seen to. */
  readonly live: Fences & { keys(): Iterable<number> };
  /** Fences that are over, though this node's copy of the board may not show it yet. */
  readonly settled: Fences;
  /** Fences handed over running whose work was begun in this life of the node, also by an orchestrator that crashed. */
  readonly begun: Fences;
  /** How many this orchestrator may run at once on this node, by the session's plan. */
  readonly limitOf: (session: string) => number;
}

/**
 * The difference between the board and what is at work. All sessions share an orchestrator's slots: a task begins
 * when fewer are at work than its own session's limit. What was handed over running was counted by the board.
 */
export function workList({ held, live, settled, begun, limitOf }: WorkSituation): WorkList {
  const start: HeldAttempt[] = [];
  const begin: HeldAttempt[] = [];
  const orphans: HeldAttempt[] = [];
  let busy = live.size;
  let queued = 0;
  for (const [fence, item] of held) {
    if (live.has(fence) || settled.has(fence)) continue;
    if (item.record.state === 'running') {
      if (item.attempt.isHandedOver && !begun.has(fence)) begin.push(item);
      else orphans.push(item);
      busy++;
    } else if (busy < limitOf(item.session)) {
      start.push(item);
      busy++;
    } else queued++;
  }
  const cancel: number[] = [];
  for (const fence of live.keys()) if (!held.has(fence)) cancel.push(fence);
  return { start, begin, orphans, queued, cancel };
}
