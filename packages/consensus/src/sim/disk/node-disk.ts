import {
  type ClusterId,
  type Logger,
  type NodeId,
  type Random,
  silentLogger,
  type Term,
  type VirtualClock,
} from '@tutti/kernel';
import type { SharedLog } from '../../groups/shared-log.ts';
import type { DiskCalls } from '../../storage/file/disk-calls.ts';
import { createFileGroupLog } from '../../storage/file/file-group-log.ts';
import { FileLogStore, type FileLogStoreOptions } from '../../storage/file/file-log-store.ts';
import type { LogBeginning } from '../../storage/file/log-beginning.ts';
import type { LogStore } from '../../storage/log-store.ts';
import { WATCHED } from '../group-life.ts';
import type { NodeClock } from '../node-clock.ts';
import { type DiskListener, type LogImage, SimDisk } from '../sim-disk.ts';
import { SimLogStore } from '../sim-log-store.ts';
import { decay, decayOfNames, decayOfNote } from './decay.ts';
import { DriveAilment, type DriveFaults } from './drive-ailment.ts';
import { ObservedStore, StorePromise } from './observed-store.ts';
import { type Ending, SimDrive } from './sim-drive.ts';
import { SimFiles } from './sim-files.ts';

/** How a run keeps its logs: in a model of a store, which is fast, or with the store that ships, on a drive. */
export type StoreKind = 'model' | 'files';

/** What one life of a node brings to its disk. */
export interface DiskLife {
  readonly clock: NodeClock;
  readonly world: VirtualClock;
  readonly random: Random;
  readonly latencyMeanMs: number;
}

/** A disk as one life has it open. */
export type OpenDisk = OpenStore | OpenSharedLog;

/** The log of all groups of a node. */
export interface OpenSharedLog {
  readonly shared: SharedLog;
  end(ending: Ending): void;
}

/** The log of a replica. */
export interface OpenStore {
  readonly store: LogStore;
  /** The process ends, by itself or with the power. */
  end(ending: Ending): void;
}

/** A node's disk, which outlives its processes. */
export interface NodeDisk {
  /** What it has promised to hold. */
  readonly durable: LogImage;
  /** Times as long as usual, while something ails it. */
  slowness: number;
  /** Why its node may rightly have stopped in this life. */
  readonly excuse: string | undefined;
  /** Why its node may rightly not have started in this life. */
  readonly startExcuse: string | undefined;
  /** Nothing comes back from now on, until it recovers. */
  hang(): void;
  /** There is no space from now on for files to grow, until it recovers. False if it does not know of space. */
  fill(): boolean;
  /** Whether it may lose what it has promised, since enough others do not. */
  readonly isFrail: boolean;
  /**
   * Its log is deleted while no process has it open, with its snapshot or beside it; what says that there was one, and
   * whose, is elsewhere. False if there is none.
   */
  loseLog(random: Random): boolean;
  /**
   * The newest that it holds is lost while no process has it open, and nothing tells its node so, if it is one that may
   * lose what it has promised: at most the entries of which `isHeld` says that enough others have them.
   */
  forgetEnd(random: Random, isHeld: (index: number, of: Term) => boolean): boolean;
  /** Something that it holds is damaged, if it is one that may lose what it has promised. */
  decay(random: Random): boolean;
  /** So is what says what its files are, and whose. */
  decayOfNames(random: Random): boolean;
  /** So is what says how far its log was flushed, if it is one that may lose what it has promised. */
  decayOfNote(random: Random): boolean;
  /** What ails it for a while is over. */
  recover(): void;
  /** Nothing goes wrong any more. */
  heal(): void;
  open(life: DiskLife): OpenDisk;
}

/** The log of all groups of a node, which has `observe` follow what becomes of the log of the one that is watched. */
export function watched(shared: SharedLog, observe: (store: LogStore) => LogStore): SharedLog {
  const groupOf = shared.group.bind(shared);
  return Object.assign(shared, {
    group: (group: string): LogStore => (group === WATCHED ? observe(groupOf(group)) : groupOf(group)),
  });
}

/** A disk under the model of a store: a write is durable when it has come back, and may be torn when it has not. */
export class ModelDisk implements NodeDisk {
  readonly #disk: SimDisk;
  readonly isFrail: boolean;
  excuse: string | undefined;

  constructor(listener: DiskListener, isFrail = false) {
    this.#disk = new SimDisk(listener);
    this.isFrail = isFrail;
  }

  get durable(): LogImage {
    return this.#disk.forgotten ?? this.#disk.durable;
  }

  loseLog(): boolean {
    return this.isFrail && this.#disk.loseLog();
  }

  forgetEnd(random: Random, isHeld: (index: number, of: Term) => boolean): boolean {
    return this.isFrail && this.#disk.forgetEnd(random, isHeld);
  }

  get slowness(): number {
    return this.#disk.slowness;
  }

  set slowness(times: number) {
    this.#disk.slowness = times;
  }

  readonly startExcuse = undefined;

  fill(): boolean {
    return false;
  }

  /** The model does not know of that: for it the disk is as slow as can be. */
  hang(): void {
    this.#disk.slowness = 1_000;
  }

  /** The model's entries are whole or gone. */
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
    this.#disk.slowness = 1;
  }

  heal(): void {
    this.recover();
  }

  open(life: DiskLife): OpenStore {
    this.excuse = this.#disk.forgotten && 'a lost log';
    const store = new SimLogStore({ ...life, disk: this.#disk });
    return { store, end: () => store.crash() };
  }
}

/** Kept where the log is not. */
class NotedBeginning implements LogBeginning {
  isNoted = false;

  note(): void {
    this.isNoted = true;
  }
}

/** What a drive of sectors is to a node whose store is the one that ships. */
interface DriveDiskParts {
  readonly listener: DiskListener;
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
  readonly random: Random;
  readonly faults: DriveFaults;
  readonly isFrail: boolean;
  readonly segmentBytes: number;
  readonly cacheBytes: number;
}

/** What the store that ships is opened with, in one life of its node. */
interface DriveLife {
  readonly options: FileLogStoreOptions;
  readonly calls: DiskCalls;
  readonly observed: (store: LogStore) => LogStore;
  readonly end: (ending: Ending) => void;
}

/** The store that ships, on a drive of sectors. */
abstract class DriveDisk implements NodeDisk {
  readonly #listener: DiskListener;
  readonly #promise = new StorePromise();
  readonly #drive = new SimDrive();
  readonly #ailment: DriveAilment;
  readonly isFrail: boolean;
  readonly #logger: Logger;
  readonly #owner: { readonly clusterId: ClusterId; readonly nodeId: NodeId };
  readonly #beginning = new NotedBeginning();
  readonly #sizes: { readonly segmentBytes: number; readonly cacheBytes: number };

  constructor(parts: DriveDiskParts) {
    this.#listener = parts.listener;
    this.#owner = { clusterId: parts.clusterId, nodeId: parts.nodeId };
    this.#sizes = { segmentBytes: parts.segmentBytes, cacheBytes: parts.cacheBytes };
    this.isFrail = parts.isFrail;
    this.#logger = { ...silentLogger, warn: (fields) => this.#noteWarning(fields) };
    this.#ailment = new DriveAilment(parts.random, parts.faults, (what) => this.#listener.struck?.(what));
  }

  get durable(): LogImage {
    return this.#promise.image;
  }

  #noteWarning(fields: { readonly code?: string }): void {
    if (fields.code) this.#listener.struck?.(fields.code);
  }

  get slowness(): number {
    return this.#ailment.slowness;
  }

  set slowness(times: number) {
    this.#ailment.slowness = times;
  }

  get excuse(): string | undefined {
    return this.#ailment.excuse;
  }

  get startExcuse(): string | undefined {
    return this.#ailment.lackedSpace ? 'no space' : undefined;
  }

  hang(): void {
    this.#ailment.hang();
  }

  fill(): boolean {
    this.#ailment.fill();
    return true;
  }

  loseLog(random: Random): boolean {
    if (!this.isFrail || !this.#beginning.isNoted) return false;
    const isWhole = random.chance(0.5);
    const isGone = (path: string): boolean => isWhole || path.endsWith('.log');
    const gone = this.#drive.paths().filter(isGone);
    this.#drive.rename((names) => {
      for (const path of gone) names.delete(path);
    });
    this.#drive.flushNames();
    return true;
  }

  /** The store that ships tells a batch that was flushed from a torn one, all but the newest. */
  forgetEnd(): boolean {
    return false;
  }

  decay(random: Random): boolean {
    const damage = this.isFrail ? decay(this.#drive, random) : undefined;
    if (!damage) return false;
    this.#ailment.struck(damage);
    this.#ailment.excuse ??= 'decay';
    return true;
  }

  /** Nothing of what was promised is lost by that, and nothing excuses a node that stops. */
  decayOfNames(random: Random): boolean {
    return decayOfNames(this.#drive, random);
  }

  decayOfNote(random: Random): boolean {
    if (!this.isFrail || !decayOfNote(this.#drive, random)) return false;
    this.#ailment.excuse ??= 'decay';
    return true;
  }

  recover(): void {
    this.#ailment.recover();
  }

  heal(): void {
    this.#ailment.heal();
  }

  abstract open(life: DiskLife): OpenDisk;

  protected begin(life: DiskLife): DriveLife {
    this.#ailment.excuse = undefined;
    this.#ailment.lackedSpace = false;
    const files = new SimFiles({ ...life, drive: this.#drive, ailment: this.#ailment });
    const options = {
      directory: `/${this.#owner.nodeId}`,
      ...this.#owner,
      ...this.#sizes,
      beginning: this.#beginning,
      logger: this.#logger,
    };
    return {
      options,
      calls: files.calls(),
      observed: (store) => new ObservedStore(store, this.#promise, this.#listener),
      end: (ending) => files.end(ending),
    };
  }
}

/** The store of a replica alone. */
export class FileDisk extends DriveDisk {
  override open(life: DiskLife): OpenStore {
    const { options, calls, observed, end } = this.begin(life);
    return { store: observed(new FileLogStore(options, calls)), end };
  }
}

/** The log of all groups of a node, of which one is watched. */
export class GroupedFileDisk extends DriveDisk {
  readonly #logBytes: number;

  constructor(parts: DriveDiskParts, logBytes: number) {
    super(parts);
    this.#logBytes = logBytes;
  }

  override open(life: DiskLife): OpenSharedLog {
    const { options, calls, observed, end } = this.begin(life);
    const grouped = { ...options, clock: life.clock, logBytes: this.#logBytes };
    return { shared: watched(createFileGroupLog(grouped, calls), observed), end };
  }
}
