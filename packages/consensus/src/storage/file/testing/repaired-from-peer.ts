import { assert, logIndex, nodeId, term } from '@tutti/kernel';
import type { Entry } from '../../../raft/messages.ts';
import type { LogStoreState } from '../../log-store.ts';
import { appendTo, repairStore, snapshotInto } from '../../log-store-suite.ts';
import type { FileLogStore } from '../file-log-store.ts';

/** A log as the other nodes have it. */
export interface Peer {
  readonly entries: readonly Entry[];
  readonly snapshot?: { readonly index: number; readonly term: number };
}

const at = (peer: Peer, index: number): Entry => {
  const entry = peer.entries.find((candidate) => candidate.index === index);
  assert(entry, `a peer has entry ${index}`);
  return entry;
};

/**
 * Puts a store right with what a peer has, step by step, as a replica does. A store that has lost term and vote has to
 * say so until it is given others. @returns the steps it took
 */
export async function repaired(store: FileLogStore, opened: LogStoreState, peer: Peer): Promise<string[]> {
  const steps: string[] = [];
  let state = opened;
  let isForgetful = false;
  while (state.damage) {
    assert(steps.length < 20, 'a repair ends');
    isForgetful ||= state.damage.hardStateLost;
    assert(state.damage.hardStateLost || !isForgetful, 'only a new term and vote make up for lost ones');
    const { lost } = state.damage;
    const [first] = lost;
    if (first && first.from < state.firstIndex && peer.snapshot) {
      steps.push('snapshot');
      await snapshotInto(store, peer.snapshot.index, peer.snapshot.term, new Uint8Array(300));
      state = await repairStore(store, { kind: 'snapshot' });
    } else if (first && first.from >= state.firstIndex) {
      let from = Number(first.from);
      while (from > state.firstIndex && store.termAt(logIndex(from - 1)) !== at(peer, from - 1).term) from--;
      const entries = [];
      for (let index = from; index <= first.to; index++) entries.push(at(peer, index));
      steps.push(`entries ${from}-${first.to}`);
      state = await repairStore(store, { kind: 'entries', entries });
    } else {
      const from = logIndex(first ? first.from : state.lastIndex + 1);
      steps.push(`cut ${from}`);
      state = await repairStore(store, { kind: 'cut', from });
      assert(state.damage?.endLost, 'a log that was cut says so');
      const rest = peer.entries.filter((entry) => entry.index > state.lastIndex);
      await appendTo(store, { entries: rest });
      const hardState = { term: term(9), votedFor: nodeId('n9') };
      state = await repairStore(store, {
        kind: 'whole',
        hardState: state.damage.hardStateLost ? hardState : undefined,
      });
      if (!state.damage) isForgetful = false;
    }
  }
  assert(!isForgetful, 'who forgot a vote is told one before the store counts as whole');
  return steps;
}
