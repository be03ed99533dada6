import type { Mutant } from '../mutant.ts';
import {
  DECAY,
  DECAY_ALONE,
  DECAY_OF_NAMES,
  DECAY_OF_NOTES,
  DECAY_UNREAD,
  LOST_FILES,
  LOST_LOGS,
  POWER_CUTS,
  SICK_DRIVES,
} from './seasons.ts';

/** What a store has promised, after a crash. */
export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a batch counts as durable when it is written',
    file: 'storage/file/log-writer.ts',
    right: 'this.#disk.fdatasync(this.#handle!, (problem) => {',
    wrong: '((done) => done(null))((problem) => {',
  },
  {
    name: 'a flush that failed is taken for one that did not',
    file: 'storage/file/log-writer.ts',
    right: 'if (problem) return this.#fail(problem, jobs);',
    wrong: '',
    season: SICK_DRIVES,
  },
  {
    name: 'what a start finds is not written once more',
    file: 'storage/file/settle-tail.ts',
    right: 'writeWhole(disk, handle, bytes, 0);',
    wrong: '',
  },
  {
    name: 'a snapshot is not flushed before it gets its name',
    file: 'storage/file/snapshot-draft.ts',
    right: 'problem ? end(problem) : this.#disk.fsync(handle, end),',
    wrong: 'problem ? end(problem) : end(undefined),',
    season: POWER_CUTS,
  },
  {
    name: 'a new name is not made durable',
    file: 'storage/file/meta-file.ts',
    right: 'disk.fsync(handle, (problem) => disk.close(handle, (unclosed) => done(problem ?? unclosed)));',
    wrong: 'disk.close(handle, (unclosed) => done(unclosed));',
    season: POWER_CUTS,
  },
  {
    name: 'a snapshot that was written in part is taken for whole',
    file: 'storage/file/segment.ts',
    right: 'if (failure || written === bytes.length) return done(failure);',
    wrong: 'if (failure || written > 0) return done(failure);',
  },
  {
    name: 'a version is believed before its checksum',
    file: 'storage/file/file-mark.ts',
    right: 'if (crc32c(bytes, 0, 0, CHECKED_BYTES) !== bytes.readUInt32LE(CHECKED_BYTES)) return false;',
    wrong: '',
    season: DECAY_OF_NAMES,
  },
  {
    name: 'a node that forgot how it voted takes part at once',
    file: 'replica/replica.ts',
    right: 'if (stored!.damage) this.#repair(stored!, stored!.damage, done);',
    wrong: 'if (stored!.damage && !stored!.damage.endLost) this.#repair(stored!, stored!.damage, done);',
    season: LOST_LOGS,
  },
  {
    name: 'a log of which nothing is left is taken for one that was never begun',
    file: 'storage/file/opened.ts',
    right:
      'const logLost = lastBatch === 0 && !mark?.endLost && (hasSnapshot || beginning?.isNoted === true);',
    wrong: 'const logLost = lastBatch === 0 && !mark?.endLost && hasSnapshot;',
    season: LOST_FILES,
  },
  {
    name: 'that term and vote were lost is forgotten when a hole is closed',
    file: 'storage/file/file-log-store.ts',
    right: 'if (damage?.hardStateLost) this.#mark(damage);',
    wrong: '',
    season: DECAY_UNREAD,
  },
  {
    name: 'a leader of a lower term does not make way for a node that is repaired',
    file: 'raft/raft-node.ts',
    right: 'if (isNews) becomeFollower(state, term, undefined);',
    wrong: '',
    season: DECAY_ALONE,
  },
  {
    name: 'a node that is repaired does not say what term it is in',
    file: 'replica/repairer.ts',
    right: 'term: this.term ?? NO_TERM,',
    wrong: 'term: NO_TERM,',
    season: DECAY_ALONE,
  },
  {
    name: 'what decayed is cut out instead of mended',
    file: 'storage/file/store-scrub.ts',
    right:
      "const records = kept.map((index): LogRecord => ({ type: 'entry', entry: this.#entry(index, given)! }));",
    wrong: 'const records: LogRecord[] = kept.map(() => ({ type: "padding" }));',
    season: DECAY,
  },
  {
    name: 'what was noted to be flushed is cut like a torn write',
    file: 'storage/file/recovery.ts',
    right: 'const mayBeFlushed = isNoteLost || newest <= this.#flushed;',
    wrong: 'const mayBeFlushed = isNoteLost;',
    season: DECAY,
  },
  {
    name: 'a note that cannot be read counts as none',
    file: 'storage/file/recovery.ts',
    right: 'if (flushed === undefined) this.#noteLostIn = segment.sequence;',
    wrong: 'if (flushed === undefined) this.#noteLostIn = 0;',
    season: DECAY_OF_NOTES,
  },
  {
    name: 'a segment that is written anew forgets how far it was flushed',
    file: 'storage/file/segment-rewrite.ts',
    right: 'flushMarkBytes(before).copy(made.bytes, FLUSH_MARK_AT);',
    wrong: '',
    trial: 'repair walk',
  },
];
