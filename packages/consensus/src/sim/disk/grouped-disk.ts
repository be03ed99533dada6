import { SharedLog } from '../../groups/shared-log.ts';
import { type DiskListener, type LogImage, SimDisk } from '../sim-disk.ts';
import { SimLogStore } from '../sim-log-store.ts';
import { type DiskLife, type NodeDisk, type OpenDisk, watched } from './node-disk.ts';
import { ObservedStore, StorePromise } from './observed-store.ts';

/** A model of a disk on which several groups share a log, and each has its snapshot. One of them is watched. */
export class GroupedDisk implements NodeDisk {
  readonly isFrail = false;
  readonly excuse = undefined;
  readonly startExcuse = undefined;
  readonly #listener: DiskListener;
  readonly #promise = new StorePromise();
  readonly #records: SimDisk;
  readonly #snapshots = new Map<string, SimDisk>();
  readonly #logBytes: number;

  constructor(listener: DiskListener, logBytes: number) {
    this.#listener = listener;
    this.#logBytes = logBytes;
    this.#records = this.#makeDisk();
  }

  /** What the disk itself holds are records of whatever group; the group's own store says what they mean. */
  #makeDisk(): SimDisk {
    const listener = this.#listener;
    return new SimDisk({
      hardState() {},
      entry() {},
      broken: (problem) => listener.broken(problem),
      struck: (what) => listener.struck?.(what),
    });
  }

  get durable(): LogImage {
    return this.#promise.image;
  }

  get slowness(): number {
    return this.#records.slowness;
  }

  set slowness(times: number) {
    for (const disk of [this.#records, ...this.#snapshots.values()]) disk.slowness = times;
  }

  /** As slow as can be, as for every model of a disk. */
  hang(): void {
    this.slowness = 1_000;
  }

  fill(): boolean {
    return false;
  }

  loseLog(): boolean {
    return false;
  }

  forgetEnd(): boolean {
    return false;
  }

  decay(): boolean {
    return false;
  }

  decayOfNames(): boolean {
    return false;
  }

  decayOfNote(): boolean {
    return false;
  }

  recover(): void {
    this.slowness = 1;
  }

  heal(): void {
    this.recover();
  }

  open(life: DiskLife): OpenDisk {
    const stores: SimLogStore[] = [];
    const open = (disk: SimDisk): SimLogStore => {
      const store = new SimLogStore({ ...life, disk, snapshotsApart: true });
      stores.push(store);
      return store;
    };
    const shared = new SharedLog({
      store: open(this.#records),
      snapshots: (group) => open(this.#snapshotDisk(group)),
      clock: life.clock,
      logBytes: this.#logBytes,
    });
    return {
      shared: watched(shared, (store) => new ObservedStore(store, this.#promise, this.#listener)),
      end: () => {
        for (const store of stores) store.crash();
      },
    };
  }

  #snapshotDisk(group: string): SimDisk {
    let disk = this.#snapshots.get(group);
    if (!disk) {
      this.#snapshots.set(group, (disk = this.#makeDisk()));
      disk.slowness = this.slowness;
    }
    return disk;
  }
}
