import { term } from '@tutti/kernel';
import type { HardState } from '../raft/messages.ts';
import type { ScrubDamage } from '../storage/scrub.ts';
import type { GroupLoss, GroupRecord, RecordKind } from './group-record.ts';
import { GroupRows } from './group-rows.ts';
import type { RecoveredGroup } from './recovered-group.ts';
import type { GroupSnapshots } from './shared-log.ts';

/** What a record says now and then. */
type HeadPart = Pick<GroupRecord, 'isWhole' | 'mends'>;

/** What the shared log knows of one group, whether that is open or not. */
export class GroupState {
  readonly group: string;
  readonly rows: GroupRows;
  hardState: HardState;
  /** The records that have the hard state, and that were written last; and the base that the last one says. */
  hardStateRecord: number;
  newestRecord: number;
  loggedBase: number;
  /** What it has forgotten, because records of it could not be read; until its peers have made up for it. */
  loss: GroupLoss | undefined;
  open = false;
  /** While it is open: its snapshot, and who is to know of what has decayed. */
  snapshots: GroupSnapshots | undefined;
  found: ((damage: ScrubDamage) => void) | undefined;
  /** The places in the shared log that were found to have decayed last; some of its records may have stood there. */
  decayed: ScrubDamage | undefined;

  constructor(group: string, rows = new GroupRows(), recovered?: RecoveredGroup) {
    this.group = group;
    this.rows = rows;
    this.hardState = recovered?.hardState ?? { term: term(0), votedFor: undefined };
    this.hardStateRecord = recovered?.hardStateRecord ?? Infinity;
    this.newestRecord = recovered?.newestRecord ?? Infinity;
    this.loggedBase = recovered?.loggedBase ?? 0;
    this.loss = recovered?.loss;
  }

  /** What a record of this group says beside its entries. */
  head(kind: RecordKind, hardState: HardState | undefined, more: HeadPart = {}): GroupRecord {
    const { group, rows, newestRecord, loss } = this;
    const previous = newestRecord === Infinity ? 0 : newestRecord;
    const baseTerm = rows.baseTerm ?? term(0);
    return { kind, group, base: rows.base, baseTerm, hardState, previous, loss, ...more };
  }

  wrote(record: number, withHardState: boolean): void {
    this.newestRecord = record;
    this.loggedBase = this.rows.base;
    if (withHardState) this.hardStateRecord = record;
  }
}
