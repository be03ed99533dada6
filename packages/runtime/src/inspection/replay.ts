import { type AnyActorLogic, type InputFrom, initialTransition, transition } from 'xstate';
import type { HistoryEntry } from './message-history.ts';

/**
 * Steps a logic through what an actor has handled, and gives the snapshot it comes to, as `getPersistedSnapshot` does:
 * the actor's own, when the entries go back to its beginning and the logic is pure. Actions are not run; what made the
 * logic throw is left out.
 */
export function replay<Logic extends AnyActorLogic>(
  logic: Logic,
  entries: readonly HistoryEntry[],
  ...input: undefined extends InputFrom<Logic> ? [input?: InputFrom<Logic>] : [input: InputFrom<Logic>]
): unknown {
  let [snapshot] = initialTransition(logic, ...(input as [InputFrom<Logic>]));
  for (const { event, problem } of entries) {
    if (problem === undefined) [snapshot] = transition(logic, snapshot, event as never);
  }
  return logic.getPersistedSnapshot(snapshot);
}
