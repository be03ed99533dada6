import { canonicalJson } from '@tutti/kernel';
import { type AnyActorLogic, type AnyStateMachine, StateMachine } from 'xstate';
import { digestOf } from '../sharding/shard-id.ts';
import { logicName } from './xstate-adapter.ts';

/** Which code a stored snapshot is of. It goes with every snapshot that outlives its process. */
export interface LogicIdentity {
  /** The machine's id, or the kind of logic: `transition`, `process`. */
  readonly machine: string;
  /** As it was declared; from 1, and raised whenever stored snapshots must be migrated. */
  readonly version: number;
  /** 16 hexadecimal digits over what a stored snapshot depends on; see {@link logicIdentity}. */
  readonly hash: string;
}

/** The version of a logic that declares none, and of snapshots from before there were versions. */
export const LOGIC_VERSION_DEFAULT = 1;

/** How deep the shape of a context is looked at. */
const CONTEXT_DEPTH_MAX = 4;

type StateNode = AnyStateMachine['root'];

/**
 * Says which code a logic is. The hash of a machine covers what a stored snapshot can name: the tree of states with
 * their types, what they invoke, and the names and types in a context that is given as a value. Guards, actions and
 * transitions are not in it: they may change while the snapshots stay good. Of a logic that is no machine nothing can be
 * seen from outside, so there only the version tells.
 */
export function logicIdentity(logic: AnyActorLogic, version: number = LOGIC_VERSION_DEFAULT): LogicIdentity {
  const machine = logicName(logic);
  const shape = logic instanceof StateMachine ? machineShape(logic as AnyStateMachine) : machine;
  return { machine, version, hash: digestOf(canonicalJson(shape)) };
}

export const sameLogic = (a: LogicIdentity, b: LogicIdentity): boolean =>
  a.machine === b.machine && a.version === b.version && a.hash === b.hash;

function machineShape(machine: AnyStateMachine): unknown {
  const { context } = machine.config as { context?: unknown };
  const isComputed = typeof context === 'function';
  return { states: nodeShape(machine.root), context: isComputed ? 'computed' : valueShape(context, 0) };
}

function nodeShape(node: StateNode): unknown {
  const invokes = node.invoke.map(({ id, src }) => [id, typeof src === 'string' ? src : '']);
  const states = Object.values<StateNode>(node.states).map((child) => [child.key, nodeShape(child)]);
  return { type: node.type, history: node.history, invokes, states: Object.fromEntries(states) as unknown };
}

/** Names and types, no values. What is empty at first may be anything later. */
function valueShape(value: unknown, depth: number): unknown {
  if (value === undefined || value === null) return 'any';
  if (Array.isArray(value)) return 'array';
  if (typeof value !== 'object') return typeof value;
  if (depth >= CONTEXT_DEPTH_MAX) return 'object';
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, valueShape(item, depth + 1)]),
  ) as unknown;
}
