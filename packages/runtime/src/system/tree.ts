import type { ActorCell } from '../actor/actor-cell.ts';
import type { Phase } from '../actor/cell-parts.ts';
import { logicName, stateValueOf } from '../actor/xstate-adapter.ts';
import { supervisionOf } from '../supervision/supervisor.ts';
import type { ActorInfo, ActorNodeInfo } from './actor-system.ts';

function stateOf(cell: ActorCell): ActorNodeInfo['state'] {
  const phase: Phase = cell.phase;
  if (phase === 'stopped') return 'stopped';
  if (cell.stopRequested) return 'stopping';
  return phase === 'down' || phase === 'closing' ? 'waiting-to-restart' : 'running';
}

function describe(cell: ActorCell, path: string): ActorInfo {
  const { outpost, entity } = cell;
  const value = stateValueOf(cell.snapshot);
  return {
    address: `${cell.core.prefix}${path}#${cell.uid}`,
    path,
    ...(entity !== undefined && { entity }),
    logic: supervisionOf(cell.logic) ? 'supervisor' : (outpost?.logic ?? logicName(cell.logic)),
    state: stateOf(cell),
    ...(value !== undefined && { value }),
    mailboxDepth: cell.waiting,
    restarts: cell.restarts,
    ...(outpost?.thread !== undefined && { thread: outpost.thread }),
  };
}

/** Describes the children of a cell and everything below, without recursion, since trees may be deep. */
export function describeTree(root: ActorCell): readonly ActorNodeInfo[] {
  const top: ActorNodeInfo[] = [];
  const order: { cell: ActorCell; path: string; into: ActorNodeInfo[]; own: ActorNodeInfo[] }[] = [];
  const visit = (parent: ActorCell, prefix: string, into: ActorNodeInfo[]) => {
    for (const cell of parent.children?.values() ?? [])
      order.push({ cell, path: prefix + cell.id, into, own: [] });
  };
  visit(root, '', top);
  for (let i = 0; i < order.length; i++) visit(order[i]!.cell, `${order[i]!.path}/`, order[i]!.own);
  // From the last to the first, so that every list is complete, and in reverse, when its owner is described.
  for (const { cell, path, into, own } of order.reverse())
    into.push({ ...describe(cell, path), children: own.reverse() });
  return top.reverse();
}

/** An actor, and the one above it. */
export interface Seen {
  readonly actor: ActorInfo;
  readonly parent: ActorInfo | undefined;
}

/**
 * Every actor below a cell, parents before their children. One that begins or ends between two steps may be left out, or
 * not.
 */
export function* walkTree(root: ActorCell): Generator<Seen, void, undefined> {
  const parents: { cell: ActorCell; actor: ActorInfo | undefined }[] = [{ cell: root, actor: undefined }];
  for (const { cell, actor: parent } of parents) {
    const prefix = parent ? `${parent.path}/` : '';
    for (const child of cell.children?.values() ?? []) {
      const actor = describe(child, prefix + child.id);
      if (child.children?.size) parents.push({ cell: child, actor });
      yield { actor, parent };
    }
  }
}
