import { HolderIndex } from './holders.ts';
import type { BoardSession } from './session.ts';
import { Turns } from './turns.ts';

/** What a board knows over all its sessions without looking through them. All of it follows from the records. */
export class BoardIndexes {
  readonly holders = new HolderIndex();
  /** Sessions with tasks ready, by orchestrator. */
  readonly turns = new Turns<BoardSession>();
  /** Sessions with tasks that wait for a retry. */
  readonly waking = new Set<BoardSession>();
  /** Sessions that run and have barriers with a check. */
  readonly checking = new Set<BoardSession>();
}
