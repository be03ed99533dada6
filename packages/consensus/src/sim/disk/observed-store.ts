import { isTuttiError, type LogIndex, logIndex, type Term } from '@tutti/kernel';
import type { Entry, SnapshotMeta } from '../../raft/messages.ts';
import type {
  LogStore,
  LogStoreState,
  LogWrite,
  SnapshotWriter,
  StoredSnapshot,
  WriteCallback,
} from '../../storage/log-store.ts';
import type { MendCallback, ScrubDamage } from '../../storage/scrub.ts';
import type { RepairCallback, RepairStep } from '../../storage/store-damage.ts';
import { type DiskListener, LogImage } from '../sim-disk.ts';

/** What a store has promised to hold, over all lives of its node. */
export class StorePromise {
  image = new LogImage();
  /** Writes that nobody was told of yet: a crash may have left them on the disk, or not. */
  readonly asked: LogWrite[] = [];
  /** A snapshot that is being given its name, or a log that is being begun anew: it may or may not be there. */
  mayBeReset = false;
}

/**
 * Follows a store from outside: what counts as durable is what it has called back for. When it is opened again after
 * a crash, it must still have that.
 */
export class ObservedStore implements Required<Omit<LogStore, 'scrub'>>, Pick<LogStore, 'scrub'> {
  /** Only where nobody else reads the store. */
  readonly scrub?: NonNullable<LogStore['scrub']>;
  readonly #inner: LogStore;
  readonly #promise: StorePromise;
  readonly #listener: DiskListener;
  /** Not while the store is repaired: then the image is still that of what it has lost. */
  #isImaged = false;

  constructor(inner: LogStore, promise: StorePromise, listener: DiskListener) {
    this.#inner = inner;
    this.#promise = promise;
    this.#listener = listener;
    if (inner.scrub)
      this.scrub = (bytesMax, besideWrites, done) => inner.scrub!(bytesMax, besideWrites, done);
  }

  get firstIndex(): LogIndex {
    return this.#inner.firstIndex;
  }

  get lastIndex(): LogIndex {
    return this.#inner.lastIndex;
  }

  open(done: (failure: Error | undefined, state?: LogStoreState) => void): void {
    this.#inner.open((failure, state) => {
      if (state && !state.damage) this.#check(state);
      else if (state && !state.damage?.hardStateLost) this.#checkHardState(state);
      done(failure, state);
    });
  }

  /** What is damaged elsewhere has its term and vote all the same, or says that it has not. */
  #checkHardState(state: LogStoreState): void {
    const broken = brokenHardState(this.#promise, state);
    if (broken) this.#listener.broken(broken);
  }

  #check(state: LogStoreState): void {
    const broken = brokenPromise(this.#promise, state, (index) => this.#inner.termAt(index));
    if (broken) this.#listener.broken(broken);
    this.#adopt(state);
  }

  /** From now on it answers for everything that it has. */
  #adopt(state: LogStoreState): void {
    const base = state.firstIndex - 1;
    const image = new LogImage(base, this.#inner.termAt(base as LogIndex));
    image.hardState = state.hardState;
    image.snapshot = state.snapshot && { meta: state.snapshot, data: NO_DATA, checksum: 0 };
    for (let index = state.firstIndex; index <= state.lastIndex; index = logIndex(index + 1)) {
      const entry = this.#entryAt(index);
      image.put({ ...entry, data: entry.data.slice() });
    }
    this.#promise.image = image;
    this.#isImaged = true;
    this.#promise.asked.length = 0;
    this.#promise.mayBeReset = false;
  }

  /** One that has decayed since the store was checked is known from before; it is for the node to find that. */
  #entryAt(index: LogIndex): Entry {
    try {
      return this.#inner.entries(index, index, Infinity)[0]!;
    } catch (thrown) {
      const before = this.#promise.image.entryAt(index);
      if (!isTuttiError(thrown, 'TUTTI_STORE_CORRUPT') || before?.term !== this.#inner.termAt(index))
        throw thrown;
      return before!;
    }
  }

  append(write: LogWrite, done: WriteCallback): void {
    const { asked } = this.#promise;
    asked.push(write);
    this.#inner.append(write, (failure) => {
      if (!failure) {
        asked.splice(asked.indexOf(write), 1);
        this.#acknowledged(write);
      }
      done(failure);
    });
  }

  #acknowledged({ hardState, entries }: LogWrite): void {
    const { image } = this.#promise;
    if (hardState) {
      this.#listener.hardState(image.hardState, hardState);
      image.hardState = hardState;
    }
    for (const entry of entries) {
      image.put(entry);
      this.#listener.entry(entry, this.#isImaged ? image.termAt(entry.index - 1) : undefined);
    }
  }

  termAt(index: LogIndex): Term | undefined {
    return this.#inner.termAt(index);
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] {
    return this.#inner.entries(from, to, maxBytes);
  }

  snapshot(): StoredSnapshot | undefined {
    return this.#inner.snapshot();
  }

  beginSnapshot(meta: SnapshotMeta): SnapshotWriter {
    const writer = this.#inner.beginSnapshot(meta);
    const { image } = this.#promise;
    return {
      meta,
      get size() {
        return writer.size;
      },
      write: (data, done) => writer.write(data, done),
      commit: (checksum, done) => {
        this.#promise.mayBeReset = true;
        writer.commit(checksum, (failure, stored) => {
          if (stored && stored.meta.index >= (image.snapshot?.meta.index ?? 0))
            image.snapshot = { meta: stored.meta, data: NO_DATA, checksum: stored.checksum };
          done(failure, stored);
        });
      },
      abort: () => writer.abort(),
    };
  }

  compact(index: LogIndex): void {
    this.#inner.compact(index);
    this.#promise.image.compact(Math.min(index, this.#promise.image.lastIndex));
  }

  resetToSnapshot(done: WriteCallback): void {
    const { image } = this.#promise;
    this.#promise.mayBeReset = true;
    this.#inner.resetToSnapshot((failure) => {
      if (!failure) image.reset();
      done(failure);
    });
  }

  repair(step: RepairStep, done: RepairCallback): void {
    // What is under way when the power goes may be on the disk, and then the log is whole.
    if (step.kind === 'whole' && step.hardState)
      this.#promise.asked.push({ hardState: step.hardState, entries: [] });
    this.#inner.repair(step, (failure, state) => {
      // That all which counts has been made up for is for a leader to say; else it has to be there again.
      if (state && !state.damage && step.kind !== 'whole') this.#check(state);
      else if (state && !state.damage) this.#adopt(state);
      done(failure, state);
    });
  }

  checkRoom(): boolean {
    return this.#inner.checkRoom?.() !== false;
  }

  settle(): void {
    this.#inner.settle?.();
  }

  onDecay(found: (damage: ScrubDamage) => void): void {
    this.#inner.onDecay?.(found);
  }

  mend(entries: readonly Entry[], done: MendCallback): void {
    this.#inner.mend?.(entries, done);
  }

  close(done: WriteCallback): void {
    this.#inner.close(done);
  }
}

const NO_DATA = new Uint8Array(0);

/** What a store that has just been opened lacks of what it had promised; undefined if nothing. */
function brokenPromise(
  promise: StorePromise,
  state: LogStoreState,
  termAt: (index: LogIndex) => Term | undefined,
): string | undefined {
  const { image, asked, mayBeReset } = promise;
  const forgotten = brokenHardState(promise, state);
  if (forgotten) return forgotten;
  const covered = state.snapshot?.index ?? 0;
  const was = image.snapshot?.meta.index ?? 0;
  // A snapshot that cannot be read may be done without as long as the log still leads up to where it ended.
  if (covered < was && state.lastIndex < was) return `its snapshot is at ${covered}, and was at ${was}`;
  if (state.firstIndex > covered + 1)
    return `it begins at ${state.firstIndex}, after a snapshot at ${covered}`;
  // What was under way may have replaced the end of the log, or a snapshot all of it.
  const replacedFrom = Math.min(Infinity, ...asked.flatMap(({ entries }) => entries[0]?.index ?? []));
  for (let index = image.firstIndex as number; index <= image.lastIndex && index < replacedFrom; index++) {
    if (index <= covered || (mayBeReset && state.lastIndex === covered)) continue;
    const held = termAt(index as LogIndex);
    if (held === image.termAt(index)) continue;
    return `entry ${index} of term ${image.termAt(index)} was on disk, and now there is ${held ?? 'nothing'}`;
  }
  return undefined;
}

function brokenHardState(
  { image, asked }: StorePromise,
  { hardState: found }: LogStoreState,
): string | undefined {
  const hardStates = [image.hardState, ...asked.flatMap(({ hardState }) => hardState ?? [])];
  if (hardStates.some(({ term, votedFor }) => term === found.term && votedFor === found.votedFor))
    return undefined;
  return `it has term ${found.term} and vote ${found.votedFor}, and promised ${image.hardState.term} and ${image.hardState.votedFor}`;
}
