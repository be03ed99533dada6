import {
  type AnyActor,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type EventObject,
  StateMachine,
} from 'xstate';
import { delayMsOf } from '../scheduler/timers.ts';
import { asTimerEvent, type KeptTimer, type TimerChange } from './kept-timers.ts';

/** What it needs of the scope that a machine is restored in. */
interface RestoringScope {
  readonly self: { readonly system: { setAgain(timer: KeptTimer): void } };
  readonly cell: { readonly keepsTimers?: boolean } | undefined;
  readonly timers: TimerChange[];
  defer(effect: () => void): void;
}

/**
 * A persisted machine says in which states it is, but not for how long it was: XState keeps its timers apart from the
 * snapshot. Those that somebody kept go on with what is left of them. The other delays of those states begin anew, or a
 * machine that waits would wait for ever; a delay that was kept for a state which is not active any more is let go. The
 * delays of machines inside it, which nobody keeps, begin anew likewise.
 */
export function startDelays(
  snapshot: AnyMachineSnapshot,
  scope: RestoringScope,
  kept: readonly KeptTimer[],
): void {
  if (snapshot.status !== 'active') return;
  const self = scope.self as object as AnyActorRef;
  const delays = new Set(snapshot._nodes.flatMap((node) => node.after.map(({ eventType }) => eventType)));
  const keptIds = new Set(kept.map(({ id }) => id));
  for (const timer of kept) {
    if (!timer.id.startsWith('xstate.after.') || delays.has(timer.id))
      scope.defer(() => scope.self.system.setAgain(timer));
    else scope.timers.push({ type: 'gone', timer });
  }
  for (const timer of delaysOf(snapshot, self)) {
    if (keptIds.has(timer.id)) continue;
    schedule(timer, self, scope);
    if (scope.cell!.keepsTimers) scope.timers.push({ type: 'set', timer });
  }
  startDelaysBelow(snapshot, scope);
}

function startDelaysBelow(above: AnyMachineSnapshot, scope: RestoringScope): void {
  for (const child of Object.values(above.children as Record<string, AnyActor>)) {
    if (!(child.logic instanceof StateMachine)) continue;
    const snapshot = child.getSnapshot() as AnyMachineSnapshot;
    if (snapshot.status !== 'active') continue;
    for (const timer of delaysOf(snapshot, child)) schedule(timer, child, scope);
    startDelaysBelow(snapshot, scope);
  }
}

function schedule(timer: KeptTimer, self: AnyActorRef, scope: RestoringScope): void {
  const { id, delayMs } = timer;
  scope.defer(() => self.system.scheduler.schedule(self, self, asTimerEvent(timer), delayMs, id));
}

/** The delays of the states that a machine is in. */
function delaysOf(snapshot: AnyMachineSnapshot, self: AnyActorRef): KeptTimer[] {
  const { machine, context } = snapshot as AnyMachineSnapshot & { context: unknown };
  const info = { context, event: { type: 'xstate.init' }, self, system: self.system };
  const delays: KeptTimer[] = [];
  for (const node of snapshot._nodes)
    for (const { delay, eventType } of node.after) {
      const known: unknown = typeof delay === 'string' ? machine.implementations.delays[delay] : delay;
      const delayMs: unknown =
        typeof known === 'function' ? (known as (args: object) => unknown)(info) : known;
      const event: EventObject = { type: eventType };
      if (typeof delayMs === 'number') delays.push({ id: eventType, event, delayMs: delayMsOf(delayMs) });
    }
  return delays;
}
