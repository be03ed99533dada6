import {
  clusterId,
  incarnation,
  type NodeId,
  type Random,
  seededRandom,
  type VirtualClock,
} from '@tutti/kernel';
import type { ApplyContext, ReplicatedModule } from '../consensus.ts';
import { Replica } from '../replica/replica.ts';
import { GroupedDisk } from './disk/grouped-disk.ts';
import { FileDisk, GroupedFileDisk, ModelDisk, type NodeDisk, type OpenDisk } from './disk/node-disk.ts';
import type { Ending } from './disk/sim-drive.ts';
import { GroupLife, type NodeLife, type ReplicaParts } from './group-life.ts';
import { NodeClock } from './node-clock.ts';
import type { DiskListener } from './sim-disk.ts';
import type { SimNetwork } from './sim-network.ts';
import type { SimOptions } from './sim-options.ts';
import { ListsModule } from './workload/lists-module.ts';
import { RegistersModule } from './workload/registers-module.ts';

/** What a node tells the world about itself. */
export interface NodeListener {
  serving(node: SimNode): void;
  /** Something happened to it: what it believes may have changed. */
  touched(node: SimNode): void;
  applied(node: SimNode, index: number, what: string): void;
  /** It stopped by itself, which only a disk that ails should make it do. */
  failed(node: SimNode, failure: Error): void;
}

interface NodeParts {
  readonly id: NodeId;
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly world: VirtualClock;
  readonly random: Random;
  readonly network: SimNetwork;
  readonly options: SimOptions;
  readonly disk: DiskListener;
  readonly listener: NodeListener;
}

const CLUSTER = clusterId('sim');

/** What is added up over the lives of a node. */
export const COUNTED = ['snapshotsInstalled', 'repairs', 'duplicates', 'resent', 'reversions'] as const;
type Counted = (typeof COUNTED)[number];

function makeDisk({ id, voters, options, disk: listener, random }: NodeParts): NodeDisk {
  const { kind, segmentBytes, cacheBytes, drive: faults } = options.store;
  const isFrail = voters.slice(0, Math.min(options.store.frail, (voters.length - 1) >> 1)).includes(id);
  if (kind === 'model' && options.groups.count > 1) return new GroupedDisk(listener, options.groups.logBytes);
  if (kind === 'model') return new ModelDisk(listener, isFrail);
  const parts = {
    listener,
    clusterId: CLUSTER,
    nodeId: id,
    random: random.fork(`${id}/drive`),
    faults,
    isFrail,
    segmentBytes,
    cacheBytes,
  };
  return options.groups.count > 1 ? new GroupedFileDisk(parts, options.groups.logBytes) : new FileDisk(parts);
}

/** One machine: a disk that lasts, and a process that comes and goes. */
export class SimNode {
  readonly id: NodeId;
  readonly disk: NodeDisk;
  /** It has been removed, and its machine will not run again. */
  isGone = false;
  readonly #parts: NodeParts;
  #life = 0;
  /** What every life draws from, in runs where they are alike. */
  #seed: number | undefined;
  #clock: NodeClock | undefined;
  #disk: OpenDisk | undefined;
  #process: NodeLife | undefined;
  #lists: ListsModule | undefined;
  #registers: RegistersModule | undefined;
  #serving = false;
  readonly #counted = new Map<Counted, number>();

  constructor(parts: NodeParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.disk = makeDisk(parts);
  }

  get up(): boolean {
    return this.#process !== undefined;
  }

  get paused(): boolean {
    return this.#clock?.paused ?? false;
  }

  /** The replica, once it has started. */
  get replica(): Replica | undefined {
    return this.#serving ? this.#process?.replica : undefined;
  }

  get lists(): ListsModule | undefined {
    return this.#lists;
  }

  get registers(): RegistersModule | undefined {
    return this.#registers;
  }

  /** The whole state as text, equal on two nodes exactly if their states are. */
  shown(): string {
    return `${this.#lists?.shown()} ${this.#registers?.shown()}`;
  }

  /** How often its replicas did this, over all lives. */
  counted(what: Counted): number {
    return (this.#counted.get(what) ?? 0) + (this.#process?.replica.stats()[what] ?? 0);
  }

  start(): void {
    const { id, voters, learners, world, random, network, options, listener } = this.#parts;
    const life = random.fork(`${id}/${++this.#life}`);
    const own = options.livesAlike ? seededRandom((this.#seed ??= life.uint32())) : life;
    const number = incarnation(options.livesAlike ? 1 : this.#life);
    const place = [...voters, ...learners].indexOf(id);
    const skewMs = Math.round((2 * own.float() - 1) * options.clockSkewMs);
    const clock = new NodeClock(world, { skewMs, rate: 1 + (2 * own.float() - 1) * options.clockDrift }, () =>
      listener.touched(this),
    );
    const disk = this.disk.open({
      clock,
      world,
      random: life.fork('disk'),
      latencyMeanMs: options.diskLatencyMeanMs,
    });
    const applied = ({ index }: ApplyContext, what: string) => listener.applied(this, index, what);
    const lists = new ListsModule(applied);
    const registers = new RegistersModule(applied);
    const parts = {
      clusterId: CLUSTER,
      nodeId: id,
      incarnation: number,
      voters,
      learners,
      clock,
      random: own.fork('replica'),
      transport: network.join(id, number, clock),
      config: {
        ...options.replica,
        ...options.unequal[place],
        electionPriority: options.electionPriorities[place] ?? 0,
      },
      onFailStop: (failure: Error) => listener.failed(this, failure),
    };
    this.#clock = clock;
    this.#disk = disk;
    this.#process = this.#begin(parts, disk, [lists, registers]);
    this.#lists = lists;
    this.#registers = registers;
    this.#process.startWith((failure) => {
      listener.touched(this);
      if (failure) return listener.failed(this, failure);
      this.#serving = true;
      listener.serving(this);
    });
  }

  /** Makes the replica, alone or among other groups. */
  #begin(parts: ReplicaParts, disk: OpenDisk, modules: readonly ReplicatedModule[]): NodeLife {
    if ('shared' in disk) return new GroupLife(parts, disk.shared, modules, this.#parts.options.groups);
    const replica = new Replica({ ...parts, store: disk.store });
    for (const module of modules) replica.register(module);
    return { replica, startWith: (done) => replica.startWith(done), crash: () => replica.crash() };
  }

  /** The process ends between two instructions; only the disk is left, or what of it was flushed. */
  crash(ending: Ending = 'power'): void {
    for (const what of COUNTED) this.#counted.set(what, this.counted(what));
    this.#process?.crash();
    this.#disk?.end(ending);
    this.#clock?.kill();
    this.#parts.network.leave(this.id);
    this.#process = undefined;
    this.#serving = false;
  }

  pause(): void {
    this.#clock?.pause();
  }

  resume(): void {
    this.#clock?.resume();
  }
}
