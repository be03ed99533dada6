import type { Random } from '@tutti/kernel';
import type { Member } from '@tutti/runtime';
import type { Holder, TakeTasks } from '../coordination/board/commands.ts';
import type { TaskBoard } from '../coordination/board/task-board.ts';
import type { Plan, PlanTask } from '../engines/workflow/plan.ts';

/** Tasks that are handed out at once, so that a wide plan is no entry without bounds; the master gives the rest. */
const TASKS_MAX = 1_024;

/** Takes in one entry; beyond these the master gives. */
const TAKES_MAX = 64;

/** Tasks of one session that are on their way to the board, with what there is to know of it. A plan is one, too. */
export interface Arriving {
  readonly tasks: readonly PlanTask[];
  /** With how many tasks each runs at once on a node. */
  readonly orchestrators: Plan['orchestrators'];
  /** What keeps some of these tasks back; default none. */
  readonly barriers?: Plan['barriers'];
}

/** What could begin at once of one orchestrator's. */
interface Startable {
  count: number;
  /** Most that runs at once on a node, by the session that allows most: the board keeps the limit of each. */
  limit: number;
}

/** A node, and how much it holds of all orchestrators, what was asked for before counted in. */
interface Node {
  readonly holder: Holder;
  held: number;
}

/** The same for one orchestrator: how much it holds there. */
interface Place {
  readonly node: Node;
  readonly held: number;
}

/**
 * What to propose right behind tasks that are new, so that slots which are free take them at once: without it each
 * would wait for the master to see it and for another entry of the log. Every node is asked up to one level, the least
 * busy first, as far as this node's copy of the board shows it. Where others wait for the same orchestrator already
 * there is no slot free, or the master is about to give it; so nothing is asked for then.
 */
export function handOut(
  board: TaskBoard,
  members: readonly Member[],
  arriving: readonly Arriving[],
  random: Random,
): TakeTasks[] {
  const takes: TakeTasks[] = [];
  const nodes = nodesOf(board, members);
  for (const [orchestrator, { count, limit }] of startable(arriving)) {
    if (board.isWaitedFor(orchestrator)) continue;
    const places = placesFor(board, nodes, orchestrator, random);
    for (const [at, upTo] of levels(places, count).entries()) {
      const { node, held } = places[at]!;
      const most = Math.min(upTo, limit);
      if (most <= held) continue;
      if (takes.length === TAKES_MAX) return takes;
      takes.push({ type: 'tasks.take', holder: node.holder, orchestrator, upTo: most });
      node.held += most - held;
    }
  }
  return takes;
}

/** How many tasks of each orchestrator wait for nothing. They are not checked yet: what is no task is left out. */
function startable(arriving: readonly Arriving[]): Map<string, Startable> {
  const found = new Map<string, Startable>();
  let total = 0;
  for (const { tasks, orchestrators, barriers = [] } of arriving) {
    const limits = new Map(orchestrators.map(({ id, maxConcurrentTasks }) => [id, maxConcurrentTasks]));
    const keptBack = new Set(barriers.flatMap(({ before }) => before));
    for (const task of tasks as readonly (Partial<PlanTask> | null | undefined)[]) {
      const { id, orchestrator, needs } = task ?? {};
      const limit = limits.get(orchestrator!);
      if (limit === undefined || !Array.isArray(needs) || needs.length > 0 || keptBack.has(id!)) continue;
      const known = found.get(orchestrator!);
      if (known) known.limit = Math.max(known.limit, limit);
      else found.set(orchestrator!, { count: 0, limit });
      found.get(orchestrator!)!.count++;
      if (++total === TASKS_MAX) return found;
    }
  }
  return found;
}

function nodesOf(board: TaskBoard, members: readonly Member[]): Node[] {
  const up = members.filter(({ state }) => state === 'up');
  return up.map(({ nodeId: node, incarnation }) => ({
    holder: { node, incarnation },
    held: board.heldCount(node, incarnation),
  }));
}

/** The least busy first: with this orchestrator's tasks, counted as a take counts, then with all; then by chance. */
function placesFor(board: TaskBoard, nodes: readonly Node[], orchestrator: string, random: Random): Place[] {
  const places = nodes.map(
    (node): Place => ({ node, held: board.laneLoad(orchestrator, node.holder.node).held }),
  );
  return random.shuffle(places).sort((a, b) => a.held - b.held || a.node.held - b.node.held);
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
