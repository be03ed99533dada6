import type { Random } from '@tutti/kernel';
import type { Member } from '@tutti/runtime';
import type { Holder, TakeTasks } from '../coordination/board/commands.ts';
import type { TaskBoard } from '../coordination/board/task-board.ts';
import type { PlanTask } from '../engines/workflow/plan.ts';

/** Tasks that are handed out at once, so that a wide plan is no entry without bounds; the master gives the rest. */
const TASKS_MAX = 1_024;

/** Takes in one entry; beyond these the master gives. */
const TAKES_MAX = 64;

/** Tasks that are on their way to the board. */
export interface Arriving {
  readonly tasks: readonly PlanTask[];
  /** Most that each orchestrator of their session runs at once on a node. */
  readonly limitOf: (orchestrator: string) => number;
}

interface Place {
  readonly holder: Holder;
  readonly held: number;
  readonly nodeHeld: number;
}

/**
 * What to propose right behind tasks that are new, so that slots which are free take them at once: without it each
 * would wait for the master to see it and for another entry of the log. As even as the master would be: every node up
 * to one level, the least busy first. Where others wait for the same orchestrator already there is no slot free, or the
 * master is about to give it; so nothing is asked for then.
 */
export function handOut(
  board: TaskBoard,
  members: readonly Member[],
  { tasks, limitOf }: Arriving,
  random: Random,
): TakeTasks[] {
  const takes: TakeTasks[] = [];
  for (const [orchestrator, count] of startable(tasks)) {
    if (takes.length >= TAKES_MAX) break;
    if (board.isWaitedFor(orchestrator)) continue;
    const places = placesOf(board, members, orchestrator, random);
    for (const [at, upTo] of levels(places, count).entries()) {
      const { holder, held } = places[at]!;
      const most = Math.min(upTo, limitOf(orchestrator));
      if (most > held) takes.push({ type: 'tasks.take', holder, orchestrator, upTo: most });
    }
  }
  return takes;
}

/** How many tasks of each orchestrator need nothing. They are not checked yet, so what is no task is left out. */
function startable(tasks: readonly PlanTask[]): Map<string, number> {
  const counts = new Map<string, number>();
  let total = 0;
  for (const task of tasks as readonly (Partial<PlanTask> | null | undefined)[]) {
    const { orchestrator, needs } = task ?? {};
    if (typeof orchestrator !== 'string' || !Array.isArray(needs) || needs.length > 0) continue;
    counts.set(orchestrator, (counts.get(orchestrator) ?? 0) + 1);
    if (++total === TASKS_MAX) break;
  }
  return counts;
}

/** The least busy first: with this orchestrator's tasks, then with all; chance decides between equals. */
function placesOf(
  board: TaskBoard,
  members: readonly Member[],
  orchestrator: string,
  random: Random,
): Place[] {
  const up = members.filter(({ state }) => state === 'up');
  const places = up.map(({ nodeId: node, incarnation }): Place => {
    const { size } = board.heldByOrchestrator(node, incarnation, orchestrator);
    return { holder: { node, incarnation }, held: size, nodeHeld: board.heldCount(node, incarnation) };
  });
  if (places.length > 1) places.unshift(...places.splice(random.integer(0, places.length - 1)));
  return places.sort((a, b) => a.held - b.held || a.nodeHeld - b.nodeHeld);
}

/** Up to how many the least busy places hold when so many more are spread over them; the others keep what they have. */
function levels(places: readonly Place[], count: number): number[] {
  let total = count;
  for (const [at, { held }] of places.entries()) {
    total += held;
    const among = at + 1;
    const next = places[among];
    if (next && Math.ceil(total / among) > next.held) continue;
    const [least, more] = [Math.floor(total / among), total % among];
    return Array.from({ length: among }, (_, place) => least + (place < more ? 1 : 0));
  }
  return [];
}
