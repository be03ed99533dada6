import { term } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';
import type { LogRecord } from '../record.ts';
import { type LostRange, leadsTo } from '../store-damage.ts';
import { writeMark } from './damage-mark.ts';
import type { DiskCalls } from './disk-calls.ts';
import type { Gap } from './lost-entries.ts';
import type { Opened } from './opened.ts';
import { zeroRest } from './recovery.ts';
import { SEGMENT_HEADER_BYTES } from './segment.ts';
import { scanSegment } from './segment-scan.ts';

/** What has to be done so that the log goes on from the stored snapshot. */
export type Settlement =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'close'; readonly gaps: readonly Gap[]; readonly record: LogRecord };

/** Whether the stored snapshot replaces the log, or makes up for entries that were lost before its last. */
export function settlement({ index, snapshots, recovered }: Opened): Settlement {
  const meta = snapshots.current?.meta;
  if (!meta || index.firstIndex > meta.index + 1) return { kind: 'nothing' };
  if (!leadsTo(meta, index.lastIndex, (at) => index.termAt(at))) return { kind: 'reset' };
  const covered = recovered.damage?.lost.findLast(({ to }) => to <= meta.index);
  if (!covered) return { kind: 'nothing' };
  const known = covered.to === meta.index ? meta.term : term(0);
  return {
    kind: 'close',
    gaps: covered.gaps,
    record: { type: 'reset', index: covered.to, term: known },
  };
}

/** Whether entries close a lost stretch: they end where it ends, leave none out, and begin no later than it does. */
export function fits(entries: readonly Entry[], { from, to }: LostRange): boolean {
  const first = entries[0]?.index ?? to + 1;
  if (first > from || first + entries.length - 1 !== to) return false;
  return entries.every((entry, i) => entry.index === first + i);
}

/** Drops everything from the first damage on, and marks that the end of the log is lost. */
export function cutLog(disk: DiskCalls, directory: string, opened: Opened): void {
  const { recovered, hardState, damage, snapshots } = opened;
  writeMark(disk, directory, { hardState, hardStateLost: damage?.hardStateLost ?? false });
  const isHeadless = recovered.index.firstIndex > (snapshots.current?.meta.index ?? 0) + 1;
  const gap = recovered.damage?.lost[0]?.gaps[0] ?? recovered.damage?.endGaps[0];
  if (!isHeadless && !gap) return;
  const segments = recovered.segments.toReversed();
  for (const { path, sequence } of segments)
    if (isHeadless || sequence > gap!.sequence) disk.unlinkSync(path);
  const last = segments.find(({ sequence }) => sequence === gap?.sequence);
  if (isHeadless || !last) return;
  const { records } = scanSegment(disk.readFileSync(last.path), last.sequence);
  const before = records[gap!.after - 1];
  const handle = disk.openSync(last.path, 'r+');
  try {
    const offset = before ? before.offset + before.size : SEGMENT_HEADER_BYTES;
    zeroRest(disk, handle, last.sizeBytes, offset);
  } finally {
    disk.closeSync(handle);
  }
}
