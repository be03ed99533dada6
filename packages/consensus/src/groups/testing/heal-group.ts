import type { LogIndex, VirtualClock } from '@tutti/kernel';
import type { HardState } from '../../raft/messages.ts';
import { driven } from '../../sim/testing/driven.ts';
import type { LogStore, LogStoreState } from '../../storage/log-store.ts';
import { appendTo, repairStore, snapshotInto } from '../../storage/log-store-suite.ts';

/**
 * Gives a group back what it has lost, as a replica does with the help of its peers: from a log that was given the same.
 * @returns the group's state in the end
 */
export async function healGroup(
  clock: VirtualClock,
  log: LogStore,
  twin: LogStore,
  hardState: HardState,
  opened: LogStoreState,
): Promise<LogStoreState> {
  const run = <T>(work: Promise<T>): Promise<T> => driven(clock, work);
  const takeSnapshot = async (): Promise<LogStoreState> => {
    const { meta } = twin.snapshot()!;
    await run(snapshotInto(log, meta.index, meta.term, new Uint8Array(10)));
    return run(repairStore(log, { kind: 'snapshot' }));
  };
  let state = opened;
  if (state.damage!.lost.length > 0) state = await takeSnapshot();
  if (!state.damage) return state;
  state = await run(repairStore(log, { kind: 'cut', from: (log.lastIndex + 1) as LogIndex }));
  let prev = Math.min(Number(log.lastIndex), Number(twin.lastIndex));
  while (prev >= log.firstIndex && log.termAt(prev as LogIndex) !== twin.termAt(prev as LogIndex)) prev--;
  if (prev + 1 < twin.firstIndex) {
    await takeSnapshot();
    prev = Number(log.lastIndex);
  }
  const entries = twin.entries((prev + 1) as LogIndex, twin.lastIndex, Infinity);
  if (entries.length > 0) await run(appendTo(log, { entries }));
  return run(repairStore(log, { kind: 'whole', hardState }));
}
