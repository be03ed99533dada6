import { TuttiError } from '@tutti/kernel';
import {
  type AnyActorLogic,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type Snapshot,
  StateMachine,
} from 'xstate';

/**
 * Which event types a machine's states put off: `meta: { defer: [...] }`. XState gives `meta` no meaning of its own, so
 * the machine runs under `createActor` as ever, where nothing is put off. Belongs to `xstate-adapter.ts`.
 */
export type DeferredTypes = (snapshot: Snapshot<unknown>) => readonly string[];

type AnyNode = AnyStateMachine['root'];

const NOTHING: readonly string[] = [];
const known = new WeakMap<AnyActorLogic, DeferredTypes | undefined>();
let lastLogic: AnyActorLogic | undefined;
let lastTypes: DeferredTypes | undefined;

/**
 * The types that a machine's states put off; undefined when none does.
 * @throws TuttiError `TUTTI_OPTION_INVALID` when a state's `meta.defer` is no list of texts
 */
export function deferredTypesOf(logic: AnyActorLogic): DeferredTypes | undefined {
  if (logic === lastLogic) return lastTypes;
  if (!known.has(logic)) known.set(logic, logic instanceof StateMachine ? collect(logic.root) : undefined);
  lastLogic = logic;
  return (lastTypes = known.get(logic));
}

function collect(root: AnyNode): DeferredTypes | undefined {
  const byNode = new Map<AnyNode, readonly string[]>();
  const nodes: AnyNode[] = [root];
  for (let node = nodes.pop(); node; node = nodes.pop()) {
    const types = listOf(node);
    if (types.length > 0) byNode.set(node, types);
    nodes.push(...Object.values<AnyNode>(node.states));
  }
  if (byNode.size === 0) return undefined;
  return (snapshot) => {
    const lists = (snapshot as AnyMachineSnapshot)._nodes.flatMap((node: AnyNode) => {
      const list = byNode.get(node);
      return list ? [list] : [];
    });
    return lists.length > 1 ? lists.flat() : (lists[0] ?? NOTHING);
  };
}

function listOf(node: AnyNode): readonly string[] {
  const given = (node.meta as { defer?: unknown } | undefined)?.defer;
  if (given === undefined) return NOTHING;
  const list = Array.isArray(given) ? (given as unknown[]) : undefined;
  if (list?.every((type) => typeof type === 'string')) return list;
  throw new TuttiError('TUTTI_OPTION_INVALID', {
    option: `meta.defer of state "${node.id}"`,
    value: JSON.stringify(given),
    expected: 'a list of event types',
  });
}
