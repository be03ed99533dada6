import { term } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';
import type { LogRecord } from '../record.ts';
import { type LostRange, leadsTo } from '../store-damage.ts';
import { writeMark } from './damage-mark.ts';
import { type DiskCalls, withFile, writeWhole } from './disk-calls.ts';
import { FLUSH_MARK_AT, FLUSH_MARK_BYTES } from './flush-mark.ts';
import type { Gap } from './lost-entries.ts';
import type { Opened } from './opened.ts';
import { type LogDamage, zeroRest } from './recovery.ts';
import { listSegments, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts';
import { type ScannedRecord, scanSegment } from './segment-scan.ts';

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

/** A place in the log; everything from there on is dropped. */
interface Cut {
  readonly sequence: number;
  readonly offset: number;
}

/**
 * Drops the entry `from`, everything after it, and everything from the first damage on; and marks that the end of the
 * log is lost. What is dropped is the end of the files: where an entry before `from` had been written once more behind
 * what goes, it goes too, and the log ends sooner.
 */
export function cutLog(disk: DiskCalls, directory: string, opened: Opened, from: number): void {
  const { recovered, hardState, damage, snapshots } = opened;
  writeMark(disk, directory, { hardState, hardStateLost: damage?.hardStateLost ?? false, endLost: true });
  const isHeadless = recovered.index.firstIndex > (snapshots.current?.meta.index ?? 0) + 1;
  const all = listSegments(disk, directory);
  const cut = isHeadless ? { sequence: 0, offset: 0 } : placeOfCut(disk, all, recovered.damage, from);
  if (!cut) return;
  const segments = all.toReversed();
  const isKept = ({ sequence }: Segment): boolean =>
    sequence < cut.sequence || (sequence === cut.sequence && cut.offset > SEGMENT_HEADER_BYTES);
  for (const segment of segments)
    if (!isKept(segment)) disk.unlinkSync(segment.path);
    else cutSegment(disk, segment, segment.sequence === cut.sequence ? cut.offset : segment.sizeBytes);
}

/** What a segment says was flushed goes with what is cut off, which may have stood in a later one. */
function cutSegment(disk: DiskCalls, { path, sizeBytes }: Segment, offset: number): void {
  withFile(disk, path, 'r+', (handle) => {
    writeWhole(disk, handle, Buffer.alloc(FLUSH_MARK_BYTES), FLUSH_MARK_AT);
    zeroRest(disk, handle, sizeBytes, offset);
  });
}

/** The first damage or the first record of an entry from `from` on, whichever comes first. */
function placeOfCut(
  disk: DiskCalls,
  segments: readonly Segment[],
  damage: LogDamage | undefined,
  from: number,
): Cut | undefined {
  const gap = damage?.lost[0]?.gaps[0] ?? damage?.endGaps[0];
  for (const { path, sequence } of segments) {
    if (gap && sequence > gap.sequence) break;
    const { records } = scanSegment(disk.readFileSync(path), sequence);
    for (const [i, { record, offset }] of records.entries()) {
      const isGap = gap?.sequence === sequence && gap.after === i;
      if (isGap) return { sequence, offset: endBefore(records, i) };
      if (record.type === 'entry' && record.entry.index >= from) return { sequence, offset };
    }
    if (gap?.sequence === sequence) return { sequence, offset: endBefore(records, gap.after) };
  }
  return gap && { sequence: gap.sequence, offset: SEGMENT_HEADER_BYTES };
}

/** Where the records before number `at` end. */
function endBefore(records: readonly ScannedRecord[], at: number): number {
  const before = records[at - 1];
  return before ? before.offset + before.size : SEGMENT_HEADER_BYTES;
}
