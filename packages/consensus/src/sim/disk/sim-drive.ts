import { assert, type Random } from '@tutti/kernel';

/** What a drive writes whole or not at all. */
const SECTOR_BYTES = 512;

/** How a process came to its end: by itself, so that what it had written is still in the page cache; or by the power. */
export type Ending = 'process' | 'power';

/** A file: its contents as processes see them, and as they are on the platter. */
export class SimFile {
  #bytes = new Uint8Array(4 * SECTOR_BYTES);
  #size = 0;
  #platter = new Uint8Array(0);
  #platterSize = 0;
  /** Sectors that the page cache has and the platter has not, and knows it. */
  readonly #dirty = new Set<number>();

  get size(): number {
    return this.#size;
  }

  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.#size - position));
    into.set(this.#bytes.subarray(position, position + length));
    return length;
  }

  /** What is there when the power is gone. */
  get platter(): Uint8Array {
    return this.#platter.subarray(0, this.#platterSize);
  }

  contents(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#size);
  }

  write(data: Uint8Array, position: number): void {
    if (data.length === 0) return;
    const end = position + data.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(data, position);
    this.#size = Math.max(this.#size, end);
    const last = Math.floor((end - 1) / SECTOR_BYTES);
    for (let sector = Math.floor(position / SECTOR_BYTES); sector <= last; sector++) this.#dirty.add(sector);
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(Math.ceil((2 * bytes) / SECTOR_BYTES) * SECTOR_BYTES);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  truncate(): void {
    for (let sector = 0; sector * SECTOR_BYTES < this.#size; sector++) this.#dirty.add(sector);
    this.#bytes.fill(0);
    this.#size = 0;
  }

  /** Everything written so far reaches the platter. */
  flush(): void {
    for (const sector of this.#dirty) this.#settle(sector);
    this.#dirty.clear();
    this.#platterSize = this.#size;
  }

  /**
   * A flush that fails once: the pages count as clean from now on, though the platter never got them; the next flush
   * has nothing to do and says so (Rebello et al., ATC 2020, for ext4, XFS and Btrfs).
   */
  failFlush(): void {
    this.#dirty.clear();
    this.#platterSize = this.#size;
  }

  #settle(sector: number): void {
    const from = sector * SECTOR_BYTES;
    const to = from + SECTOR_BYTES;
    if (to > this.#platter.length) {
      const grown = new Uint8Array(this.#bytes.length);
      grown.set(this.#platter);
      this.#platter = grown;
    }
    this.#platter.set(this.#bytes.subarray(from, to), from);
  }

  /** The power goes: of what was not flushed, any sectors may have made it, in any order. */
  losePower(random: Random, struck: (what: string) => void): void {
    const chance = random.pick([0, 0, 0.1, 0.5, 0.9, 1]);
    let kept = 0;
    let lost = false;
    for (const sector of this.#dirty) {
      if (!random.chance(chance)) {
        if (!lost) struck('lost sectors');
        lost = true;
        continue;
      }
      if (lost) struck('reordered sectors');
      this.#settle(sector);
      kept = Math.max(kept, Math.min(this.#size, (sector + 1) * SECTOR_BYTES));
    }
    this.#dirty.clear();
    this.#platterSize = Math.max(this.#platterSize, kept);
    this.#size = this.#platterSize;
    this.#bytes = new Uint8Array(
      Math.max(4 * SECTOR_BYTES, Math.ceil(this.#size / SECTOR_BYTES) * SECTOR_BYTES),
    );
    this.#bytes.set(this.#platter.subarray(0, Math.min(this.#platter.length, this.#size)));
  }

  /** One bit on the platter turns, and whoever reads it from now on sees that. */
  rot(position: number, bit: number): void {
    this.replace(position, Uint8Array.of(this.#bytes[position]! ^ (1 << bit)));
  }

  /** Other bytes stand on the platter in the place of those that were written there. */
  replace(position: number, bytes: Uint8Array): void {
    assert(position + bytes.length <= this.#size, 'what is replaced is inside the file');
    this.#bytes.set(bytes, position);
    const last = Math.floor((position + bytes.length - 1) / SECTOR_BYTES);
    for (let sector = Math.floor(position / SECTOR_BYTES); sector <= last; sector++)
      if (!this.#dirty.has(sector)) this.#settle(sector);
  }
}

type Names = Map<string, SimFile>;

/** The folder that all others are in. */
export const ROOT = '/';

/** One machine's disk: files in folders, which last from life to life. A folder is there for good once it is made. */
export class SimDrive {
  readonly #folders = new Set<string>();
  #names: Names = new Map();
  #durableNames: Names = new Map();
  /** Changes of names that no flush of the directory has made durable, in order. */
  #journal: ((names: Names) => void)[] = [];

  file(path: string): SimFile | undefined {
    return this.#names.get(path);
  }

  /** Makes a folder and all that it is in. */
  makeFolder(path: string): void {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1))
      this.#folders.add(path.slice(0, end));
  }

  hasFolder(path: string): boolean {
    return path === ROOT || this.#folders.has(path);
  }

  paths(): readonly string[] {
    return [...this.#names.keys()].sort();
  }

  /** Makes, moves, links or removes names as one step. */
  rename(change: (names: Names) => void): void {
    change(this.#names);
    this.#journal.push(change);
  }

  /** The system finds time to write out what nobody has flushed, as it may at any moment. */
  writeBack(): void {
    for (const file of this.#names.values()) file.flush();
  }

  flushNames(): void {
    this.#durableNames = new Map(this.#names);
    this.#journal = [];
  }

  /** A process ends, which changes nothing here; or the power does. @param struck told of what is lost by that */
  end(ending: Ending, random: Random, struck: (what: string) => void = () => {}): void {
    if (ending === 'power') {
      const kept = random.integer(0, this.#journal.length);
      if (kept < this.#journal.length) struck('lost names');
      for (const change of this.#journal.slice(0, kept)) change(this.#durableNames);
      this.#names = new Map(this.#durableNames);
      this.#journal = [];
      for (const file of new Set(this.#names.values())) file.losePower(random, struck);
    }
  }
}
