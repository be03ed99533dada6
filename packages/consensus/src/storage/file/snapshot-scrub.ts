import { isTuttiError } from '@tutti/kernel';
import type { ScrubCallback, ScrubDamage } from '../scrub.ts';
import type { DiskCalls } from './disk-calls.ts';
import type { SnapshotFile } from './snapshot-file.ts';

/** Reads the snapshot of a store in use again, piece by piece; a pass ends with it. */
export class SnapshotScrub {
  readonly #disk: Pick<DiskCalls, 'nextTurn'>;
  readonly #current: () => SnapshotFile | undefined;
  #read: SnapshotFile | undefined;
  #from = 0;

  /** @param current The snapshot as it is now; another may take its place at any time. */
  constructor(disk: Pick<DiskCalls, 'nextTurn'>, current: () => SnapshotFile | undefined) {
    this.#disk = disk;
    this.#current = current;
  }

  next(bytesMax: number, done: ScrubCallback): void {
    const snapshot = this.#current();
    const end = (bytes: number, damage?: ScrubDamage): void => {
      this.#read = undefined;
      done(undefined, { bytes, passEnded: true, damage });
    };
    if (!snapshot) return this.#disk.nextTurn(() => end(0));
    // Another one has taken its place, and is read from its beginning.
    const from = snapshot === this.#read ? this.#from : 0;
    this.#read = snapshot;
    snapshot.scrub(from, bytesMax, (failure, next, bytes) => {
      if (isTuttiError(failure, 'TUTTI_STORE_CORRUPT')) {
        const isOfUse = snapshot === this.#current();
        return end(bytes, isOfUse ? { failure, part: 'snapshot', lost: [] } : undefined);
      }
      if (failure) return done(failure);
      if (next === undefined) return end(bytes);
      this.#from = next;
      done(undefined, { bytes, passEnded: false, damage: undefined });
    });
  }
}
