import type { ApplyContext } from '@tutti/runtime';
import type { BoardIndexes } from './board-indexes.ts';
import type { TakeTasks } from './commands.ts';
import type { BoardSession } from './session.ts';

/** Sessions looked at for one that may have another task on this node; what lies behind them is left to the master. */
const LOOK_MAX = 32;

/** Gives ready tasks to a holder until it has as many as it asks for, and says how many these were. */
export function takeTasks(
  indexes: BoardIndexes,
  { holder, orchestrator, upTo }: TakeTasks,
  nextFence: () => number,
  context: ApplyContext,
): number {
  const { node, incarnation } = holder;
  const why = `${orchestrator} on ${node} had a slot free and took the next`;
  const given = { node, incarnation, why, begin: true, nextFence };
  for (let taken = 0; ; taken++) {
    const { held } = indexes.holders.laneLoad(orchestrator, node);
    const session = held < upTo ? nextInTurn(indexes, orchestrator, held) : undefined;
    const index = session?.ready.first(orchestrator);
    if (!session || index === undefined) return taken;
    session.give(session.recordAt(index), given, context);
  }
}

function nextInTurn({ turns }: BoardIndexes, orchestrator: string, held: number): BoardSession | undefined {
  const first = turns.first(orchestrator);
  if (!first || held < first.limitOf(orchestrator)) return first;
  let looked = 0;
  for (const session of turns.of(orchestrator)) {
    if (held < session.limitOf(orchestrator)) return session;
    if (++looked === LOOK_MAX) return undefined;
  }
  return undefined;
}
