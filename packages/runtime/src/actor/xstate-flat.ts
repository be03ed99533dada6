import { TuttiError } from '@tutti/kernel';
import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';

/**
 * The short way for the commonest machine: one level of plain states, with no invocations, eventless transitions,
 * history or end. XState computes exit sets, entry sets, state values and tags anew for each event, in time that such a
 * machine never needs, since one state is left and one is entered. Selection, guards and each action stay XState's own;
 * what is here is only which actions run and what the next snapshot is made of. It belongs to `xstate-adapter.ts`, and
 * is held to the same comparison with `createActor`.
 */

/** What an action or guard may ask of its scope. */
interface FlatScope {
  readonly self: object;
  readonly system: object;
  readonly actionExecutor: (action: {
    type: string;
    info: unknown;
    params: unknown;
    exec?: ((info: unknown, params: unknown) => void) | undefined;
  }) => void;
}

type AnyNode = AnyStateMachine['root'];
type Selected = {
  readonly source: AnyNode;
  readonly target?: readonly AnyNode[];
  readonly actions: readonly FlatAction[];
};

/** XState's built-in actions are functions that carry their resolution. */
interface BuiltInAction {
  readonly type: string;
  resolve(
    scope: FlatScope,
    snapshot: unknown,
    args: unknown,
    params: unknown,
    action: unknown,
    extra: { internalQueue: EventObject[]; deferredActorIds: undefined },
  ): [snapshot: AnyMachineSnapshot, params: unknown, actions: readonly FlatAction[] | undefined];
  execute?(scope: FlatScope, params: unknown): void;
}
type PlainAction = ((args: unknown, params: unknown) => void) & { resolve?: undefined };
type FlatAction = string | { readonly type: string; readonly params?: unknown } | BuiltInAction | PlainAction;

interface FlatState {
  readonly node: AnyNode;
  readonly nodes: AnyNode[];
  readonly tags: Set<string>;
}

/** A machine that may go the short way. */
export interface FlatPlan {
  readonly machine: AnyStateMachine;
  readonly states: ReadonlyMap<AnyNode, FlatState>;
}

const NO_NODES: AnyNode[] = [];

/** The plan for a machine, or undefined when it is not flat. */
export function flatPlan(machine: AnyStateMachine): FlatPlan | undefined {
  const { root } = machine;
  const children = Object.values<AnyNode>(root.states);
  if (root.type !== 'compound' && root.type !== 'atomic') return undefined;
  if (children.some((node) => node.type !== 'atomic')) return undefined;
  if (machine.options?.maxIterations !== undefined && machine.options.maxIterations !== Infinity)
    return undefined;
  const states = new Map<AnyNode, FlatState>();
  for (const node of [root, ...children]) {
    if (node.invoke.length > 0 || node.always?.length || !node.transitions) return undefined;
    for (const [descriptor, transitions] of node.transitions) {
      if (descriptor.startsWith('xstate.')) continue; // those events go the long way
      for (const { target, reenter } of transitions) {
        if (reenter || (target && (target.length !== 1 || target[0]!.parent !== root))) return undefined;
      }
    }
    const nodes = node === root ? [root] : [root, node];
    states.set(node, { node, nodes, tags: new Set(nodes.flatMap((each) => each.tags)) });
  }
  return { machine, states };
}

/** Runs one event with everything it raises. Undefined when this event must go the long way. */
export function flatStep(
  plan: FlatPlan,
  snapshot: AnyMachineSnapshot,
  event: EventObject,
  scope: FlatScope,
  microstepsMax: number,
): AnyMachineSnapshot | undefined {
  if (snapshot.status !== 'active' || event.type === '*' || event.type.startsWith('xstate.'))
    return undefined;
  const raised: EventObject[] = [];
  let next: AnyMachineSnapshot = snapshot;
  let steps = 0;
  for (let current: EventObject | undefined = event; current; current = raised.shift()) {
    if (++steps > microstepsMax) throw new TuttiError('TUTTI_MACHINE_UNSTABLE', { limit: microstepsMax });
    const [selected] = plan.machine.getTransitionData(next, current) as readonly Selected[];
    if (selected) next = microstep(plan, next, current, scope, selected, raised);
  }
  return next;
}

function microstep(
  plan: FlatPlan,
  snapshot: AnyMachineSnapshot,
  event: EventObject,
  scope: FlatScope,
  { source, target, actions }: Selected,
  raised: EventObject[],
): AnyMachineSnapshot {
  const entered = target?.[0];
  const left = entered && plan.machine.root.states[snapshot.value as string];
  // A state that targets itself stays; the root's transition to the present state leaves it and comes back.
  if (!entered || !left || (entered === left && source === left))
    return runAll(snapshot, event, scope, actions, raised);
  let next = runAll(snapshot, event, scope, left.exit as readonly FlatAction[], raised);
  next = runAll(next, event, scope, actions, raised);
  next = runAll(next, event, scope, entered.entry as readonly FlatAction[], raised);
  return entered === left ? next : withState(next, plan.states.get(entered)!);
}

function runAll(
  snapshot: AnyMachineSnapshot,
  event: EventObject,
  scope: FlatScope,
  actions: readonly FlatAction[],
  raised: EventObject[],
): AnyMachineSnapshot {
  let next = snapshot;
  for (const action of actions) next = runOne(next, event, scope, action, raised);
  return next;
}

/** One action as XState 5.33 resolves it: a built-in gives a snapshot, perhaps an effect, perhaps more actions. */
function runOne(
  snapshot: AnyMachineSnapshot,
  event: EventObject,
  scope: FlatScope,
  action: FlatAction,
  raised: EventObject[],
): AnyMachineSnapshot {
  const { context } = snapshot as { context: unknown };
  const isInline = typeof action === 'function';
  const name = typeof action === 'string' ? action : (action as { type: string }).type;
  const resolved = (isInline ? action : snapshot.machine.implementations.actions[name]) as
    | BuiltInAction
    | PlainAction
    | undefined;
  const info = { context, event, self: scope.self, system: scope.system };
  const given = isInline || typeof action === 'string' ? undefined : (action as { params?: unknown }).params;
  const params: unknown = typeof given === 'function' ? given({ context, event }) : given;
  if (!resolved?.resolve) {
    const type = isInline ? action.name || '(anonymous)' : name;
    scope.actionExecutor({ type, info, params, exec: resolved });
    return snapshot;
  }
  const isAssign = resolved.type === 'xstate.assign';
  const seen = isAssign ? { ...snapshot, _nodes: NO_NODES } : snapshot;
  const extra = { internalQueue: raised, deferredActorIds: undefined };
  const [result, effect, more] = resolved.resolve(scope, seen, info, params, resolved, extra);
  if (resolved.execute) {
    const exec = resolved.execute.bind(null, scope, effect);
    scope.actionExecutor({ type: resolved.type, info, params: effect, exec });
  }
  const next = result === seen ? snapshot : withData(snapshot, result);
  return more ? runAll(next, event, scope, more, raised) : next;
}

/** The same state with the context and children of another snapshot. */
function withData(snapshot: AnyMachineSnapshot, data: AnyMachineSnapshot): AnyMachineSnapshot {
  return { ...snapshot, context: data.context as never, children: data.children } as AnyMachineSnapshot;
}

function withState(snapshot: AnyMachineSnapshot, state: FlatState): AnyMachineSnapshot {
  const { nodes, tags, node } = state;
  return { ...snapshot, _nodes: nodes, value: node.key, tags } as AnyMachineSnapshot;
}
