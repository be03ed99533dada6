import { assert, type LogIndex, type Random, type Term, TuttiError } from '@tutti/kernel';
import type { Entry, SnapshotMeta } from '../raft/messages.ts';
import { crc32c } from '../storage/crc32c.ts';
import type {
  LogStore,
  LogStoreState,
  LogWrite,
  SnapshotWriter,
  StoredSnapshot,
  WriteCallback,
} from '../storage/log-store.ts';
import type { RepairCallback, RepairStep, StoreDamage } from '../storage/store-damage.ts';
import type { NodeClock } from './node-clock.ts';
import type { LogImage, SimDisk, SnapshotImage } from './sim-disk.ts';

const LOG_LOST: StoreDamage = {
  failure: new TuttiError('TUTTI_STORE_CORRUPT', {
    file: 'simulated disk',
    offset: 0,
    problem: 'a log was begun here, and nothing is left of it',
  }),
  lost: [],
  endLost: true,
  hardStateLost: true,
};

/** Work that the disk has begun; `crash` decides what is left of it. */
interface Operation {
  readonly complete: () => void;
  readonly crash: () => void;
}

/**
 * The longest that one operation takes: several election timeouts, and yet short enough that a few in a row stay
 * below the time after which a replica rightly gives its disk up.
 */
const LATENCY_MAX_MS = 1_000;

/**
 * One life's view of a simulated disk. Writes show at once and are durable later; a crash may lose or tear what is
 * under way.
 */
export class SimLogStore implements LogStore {
  readonly #clock: NodeClock;
  readonly #world: { setTimer(delayMs: number, action: () => void): object };
  readonly #disk: SimDisk;
  readonly #random: Random;
  readonly #latencyMeanMs: number;
  readonly #snapshotsApart: boolean;
  readonly #view: LogImage;
  readonly #underWay = new Set<Operation>();
  #open = false;
  #crashed = false;

  constructor(options: {
    readonly clock: NodeClock;
    /** True time: the disk goes on while its node is paused. */
    readonly world: { setTimer(delayMs: number, action: () => void): object };
    readonly disk: SimDisk;
    readonly random: Random;
    readonly latencyMeanMs: number;
    /** Whether a snapshot may be on the disk before what was written to the log earlier. Default false. */
    readonly snapshotsApart?: boolean;
  }) {
    this.#clock = options.clock;
    this.#world = options.world;
    this.#disk = options.disk;
    this.#random = options.random;
    this.#latencyMeanMs = options.latencyMeanMs;
    this.#snapshotsApart = options.snapshotsApart ?? false;
    this.#disk.durable.dropLogBehindSnapshot();
    this.#view = this.#disk.durable.copy();
  }

  get firstIndex(): LogIndex {
    return this.#view.firstIndex;
  }

  get lastIndex(): LogIndex {
    return this.#view.lastIndex;
  }

  open(done: (failure: Error | undefined, state?: LogStoreState) => void): void {
    this.#perform(
      () => {},
      () => {},
      () => {
        if (this.#disk.locked)
          return done(new TuttiError('TUTTI_STORE_LOCKED', { directory: 'simulated disk', pid: 0 }));
        this.#disk.locked = true;
        this.#open = true;
        done(undefined, this.#state());
      },
    );
  }

  #state(): LogStoreState {
    const { hardState, snapshot, firstIndex, lastIndex } = this.#view;
    const damage = this.#disk.forgotten && LOG_LOST;
    return { hardState, snapshot: snapshot?.meta, firstIndex, lastIndex, damage };
  }

  append(write: LogWrite, done: WriteCallback): void {
    if (!this.#open) {
      this.#clock.nextTurn(() => done(new TuttiError('TUTTI_CLOSED', { what: 'The log store' })));
      return;
    }
    const first = write.entries[0];
    assert(
      !first || (first.index >= this.firstIndex && first.index <= this.lastIndex + 1),
      'entries are written without a gap, and not over a snapshot',
    );
    if (write.hardState) this.#view.hardState = write.hardState;
    for (const entry of write.entries) this.#view.put(entry);
    this.#perform(
      () => this.#disk.write(write),
      () => this.#disk.tear(write, this.#random),
      () => done(undefined),
    );
  }

  termAt(index: LogIndex): Term | undefined {
    return this.#view.termAt(index);
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] {
    return this.#view.entries(from, to, maxBytes);
  }

  snapshot(): StoredSnapshot | undefined {
    const image = this.#view.snapshot;
    if (!image) return undefined;
    return {
      meta: image.meta,
      totalBytes: image.data.length,
      checksum: image.checksum,
      read: (offset, length, done) => {
        this.#perform(
          () => {},
          () => {},
          () => done(undefined, image.data.slice(offset, offset + length)),
        );
      },
      hold: () => () => {},
    };
  }

  beginSnapshot(meta: SnapshotMeta): SnapshotWriter {
    return new SimSnapshotWriter(meta, {
      perform: (done) =>
        this.#perform(
          () => {},
          () => {},
          done,
          true,
        ),
      publish: (image, done) => this.#publish(image, done),
    });
  }

  #publish(image: SnapshotImage, done: (stored: StoredSnapshot) => void): void {
    const rename = () => {
      if (image.meta.index >= (this.#disk.durable.snapshot?.meta.index ?? 0))
        this.#disk.durable.snapshot = image;
    };
    this.#perform(
      rename,
      () => {
        if (this.#random.chance(0.5)) rename();
      },
      () => {
        if (image.meta.index >= (this.#view.snapshot?.meta.index ?? 0)) this.#view.snapshot = image;
        done(this.snapshot()!);
      },
      true,
    );
  }

  compact(index: LogIndex): void {
    assert(index <= (this.#view.snapshot?.meta.index ?? 0), 'only what the snapshot covers is dropped');
    this.#view.compact(Math.min(index, this.#view.lastIndex));
    this.#disk.durable.compact(Math.min(index, this.#disk.durable.lastIndex));
  }

  resetToSnapshot(done: WriteCallback): void {
    this.#view.reset();
    this.#perform(
      () => this.#disk.durable.reset(),
      () => {
        if (this.#random.chance(0.5)) this.#disk.durable.reset();
      },
      () => done(undefined),
    );
  }

  repair(step: RepairStep, done: RepairCallback): void {
    assert(step.kind !== 'entries', 'this disk loses a whole log or nothing');
    assert(step.kind !== 'cut' || step.from === this.lastIndex + 1, 'there is no hole to cut a log at');
    mend(this.#view, step);
    const mendDisk = (): void => {
      mend(this.#disk.durable, step);
      if (step.kind === 'whole') this.#disk.forgotten = undefined;
    };
    this.#perform(
      mendDisk,
      () => {
        if (this.#random.chance(0.5)) mendDisk();
      },
      () => done(undefined, this.#state()),
    );
  }

  close(done: WriteCallback): void {
    this.#unlock();
    this.#clock.nextTurn(() => done(undefined));
  }

  /** The machine loses power: what is under way is settled by chance, and this object is of no use any more. */
  crash(): void {
    this.#crashed = true;
    this.#unlock();
    for (const operation of this.#underWay) operation.crash();
    this.#underWay.clear();
  }

  #unlock(): void {
    if (this.#open) this.#disk.locked = false;
    this.#open = false;
  }

  #perform(complete: () => void, crash: () => void, done: () => void, isOfSnapshot = false): void {
    const file = isOfSnapshot && this.#snapshotsApart ? 'snapshot' : 'log';
    const operation: Operation = { complete, crash };
    this.#underWay.add(operation);
    const drawnMs = this.#random.exponential(this.#latencyMeanMs) * this.#disk.slowness;
    const latencyMs = Math.min(drawnMs, LATENCY_MAX_MS);
    const wait = Math.max(0, this.#freeAt[file] - this.#clock.now()) + latencyMs;
    this.#freeAt[file] = this.#clock.now() + wait;
    this.#world.setTimer(wait, () => {
      if (this.#crashed) return;
      this.#underWay.delete(operation);
      complete();
      this.#clock.run(done);
    });
  }

  /** Operations on one file complete in the order they were begun. */
  readonly #freeAt = { log: 0, snapshot: 0 };
}

/** The step of a repair that concerns a log without holes. */
function mend(image: LogImage, step: RepairStep): void {
  if (step.kind === 'snapshot') image.dropLogBehindSnapshot();
  if (step.kind === 'whole' && step.hardState) image.hardState = step.hardState;
}

interface SnapshotWriterPorts {
  perform(done: () => void): void;
  publish(image: SnapshotImage, done: (stored: StoredSnapshot) => void): void;
}

class SimSnapshotWriter implements SnapshotWriter {
  readonly meta: SnapshotMeta;
  readonly #ports: SnapshotWriterPorts;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #aborted = false;

  constructor(meta: SnapshotMeta, ports: SnapshotWriterPorts) {
    this.meta = meta;
    this.#ports = ports;
  }

  get size(): number {
    return this.#size;
  }

  write(data: Uint8Array, done: WriteCallback): void {
    this.#chunks.push(data.slice());
    this.#size += data.length;
    this.#ports.perform(() => {
      if (!this.#aborted) done(undefined);
    });
  }

  commit(
    checksum: number | undefined,
    done: (failure: Error | undefined, stored?: StoredSnapshot) => void,
  ): void {
    const data = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      data.set(chunk, at);
      at += chunk.length;
    }
    const actual = crc32c(data);
    if (checksum !== undefined && checksum !== actual) {
      const details = { file: 'simulated snapshot', offset: 0, problem: 'checksum' };
      this.#ports.perform(() => done(new TuttiError('TUTTI_STORE_CORRUPT', details)));
      return;
    }
    this.#ports.publish({ meta: this.meta, data, checksum: actual }, (stored) => {
      if (!this.#aborted) done(undefined, stored);
    });
  }

  abort(): void {
    this.#aborted = true;
  }
}
