import { type ClusterId, type NodeId, TuttiError } from '@tutti/kernel';
import { crc32c } from '../crc32c.ts';
import { isBlank } from '../record.ts';

/**
 * Whose a file of a store is. The directory says that too; but files get into another one by themselves, when a person
 * takes those of a node that is well for those of one that is not, and then a node has votes that it never gave.
 */
export interface FileOwner {
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
  /** Of the snapshot of one of several groups: which. */
  readonly group?: string;
}

/**
 * In the header of a segment; zeros in those of earlier versions, which say nothing.
 *
 *   36 CRC-32C of the owner as JSON u32 | 40 the beginning of the node's name, to be shown
 *   56 CRC-32C of those twenty bytes, begun with the segment's sequence, u32
 */
export const OWNER_MARK_AT = 36;
const NAME_AT = 4;
const NAME_BYTES = 16;
const CHECKED_BYTES = NAME_AT + NAME_BYTES;
export const OWNER_MARK_BYTES = CHECKED_BYTES + 4;

export function ownerMark(sequence: number, { clusterId, nodeId }: FileOwner): Buffer {
  const mark = Buffer.alloc(OWNER_MARK_BYTES);
  mark.writeUInt32LE(crc32c(Buffer.from(JSON.stringify([clusterId, nodeId]))), 0);
  mark.write(nodeId, NAME_AT, NAME_BYTES, 'latin1');
  mark.writeUInt32LE(crc32c(mark, sequence, 0, CHECKED_BYTES), CHECKED_BYTES);
  return mark;
}

/** What stands in the place of the mark, whether it can be believed or not; zeros where there is no such place. */
export function ownerMarkBytes(bytes: Uint8Array): Buffer {
  const mark = Buffer.alloc(OWNER_MARK_BYTES);
  mark.set(bytes.subarray(OWNER_MARK_AT, OWNER_MARK_AT + OWNER_MARK_BYTES));
  return mark;
}

/** Where nothing is said, or nothing that can be believed, there is nothing to refuse. */
function isSaid(mark: Buffer, sequence: number): boolean {
  if (isBlank(mark, 0, OWNER_MARK_BYTES)) return false;
  return crc32c(mark, sequence, 0, CHECKED_BYTES) === mark.readUInt32LE(CHECKED_BYTES);
}

/** @throws TuttiError `TUTTI_STORE_FOREIGN_FILE` where the header of a segment says that it is another's */
export function refuseForeignSegment(
  bytes: Uint8Array,
  { path, sequence }: { readonly path: string; readonly sequence: number },
  owner: FileOwner,
): void {
  const mark = ownerMarkBytes(bytes);
  if (!isSaid(mark, sequence) || ownerMark(sequence, owner).equals(mark)) return;
  const name = mark.toString('latin1', NAME_AT, CHECKED_BYTES).replace(/\0+$/, '');
  const isWhole = name.length < NAME_BYTES;
  const shown = `the node "${name}${isWhole ? '' : '...'}"`;
  throw foreign(path, isWhole && name === owner.nodeId ? `${shown} of another cluster` : shown, owner);
}

/** @throws TuttiError `TUTTI_STORE_FOREIGN_FILE` where a file says that it is another's; `said` is undefined if it does not */
export function refuseForeign(file: string, said: FileOwner | undefined, owner: FileOwner): void {
  if (!said) return;
  const { clusterId, nodeId, group } = owner;
  if (said.clusterId === clusterId && said.nodeId === nodeId && said.group === group) return;
  throw foreign(file, described(said), owner);
}

const described = ({ clusterId, nodeId, group }: FileOwner): string =>
  `${group === undefined ? '' : `the group "${group}" on `}the node "${nodeId}" of the cluster "${clusterId}"`;

const foreign = (file: string, found: string, owner: FileOwner): TuttiError =>
  new TuttiError('TUTTI_STORE_FOREIGN_FILE', { file, found, expected: described(owner) });
