import {
  assert,
  clusterId,
  incarnation,
  type NodeId,
  nodeId,
  seededRandom,
  VirtualClock,
} from '@tutti/kernel';
import { Replica } from '../../replica/replica.ts';
import type { ReplicaConfig } from '../../replica/replica-options.ts';
import { CounterModule } from '../../replica/testing/replica-cluster.ts';
import { VirtualNetwork } from '../../replica/testing/virtual-network.ts';
import { FileLogStore } from '../../storage/file/file-log-store.ts';
import { scanSegment } from '../../storage/file/segment-scan.ts';
import { DriveAilment, NO_DRIVE_FAULTS } from '../disk/drive-ailment.ts';
import { SimDrive, type SimFile } from '../disk/sim-drive.ts';
import { SimFiles } from '../disk/sim-files.ts';
import { NodeClock } from '../node-clock.ts';

/** One machine: its drive outlives its replicas. */
export interface DriveNode {
  readonly id: NodeId;
  readonly drive: SimDrive;
  replica: Replica;
  counter: CounterModule;
  store: FileLogStore;
  failure: Error | undefined;
  lives: number;
  end: () => void;
}

/** Where the record of an entry stands on a drive. */
export interface RecordOnDrive {
  readonly path: string;
  readonly file: SimFile;
  readonly offset: number;
  readonly size: number;
}

const NAMES = /segment-(\d+)\.log$/;
const NEVER = (): void => {};

/** Replicas over the store that ships, on simulated drives; everything that was flushed is read from the drive. */
export class DriveCluster {
  readonly world = new VirtualClock();
  readonly network = new VirtualNetwork(this.world);
  readonly nodes: DriveNode[] = [];
  readonly #config: ReplicaConfig;

  constructor(size: number, config: ReplicaConfig = {}) {
    this.#config = { scrubEveryMs: 500, scrubBytesPerSecond: 2 ** 20, ...config };
    const ids = Array.from({ length: size }, (_, i) => nodeId(`n${i + 1}`));
    for (const id of ids) {
      const node: DriveNode = this.#life(id, new SimDrive(), ids, 1, (failure) => (node.failure = failure));
      this.nodes.push(node);
    }
  }

  #life(
    id: NodeId,
    drive: SimDrive,
    voters: readonly NodeId[],
    lives: number,
    failed: (failure: Error | undefined) => void,
  ): DriveNode {
    const clock = new NodeClock(this.world, { skewMs: 0, rate: 1 });
    const random = seededRandom(lives * 100 + Number(id.slice(1)));
    const ailment = new DriveAilment(random.fork('ailment'), NO_DRIVE_FAULTS);
    const files = new SimFiles({ clock, world: this.world, drive, ailment, random, latencyMeanMs: 0.2 });
    const owner = { clusterId: clusterId('c'), nodeId: id };
    const sizes = { segmentBytes: 16_384, cacheBytes: 0 };
    const store = new FileLogStore({ directory: `/${id}`, ...owner, ...sizes }, files.calls());
    const counter = new CounterModule();
    const node: DriveNode = {
      id,
      drive,
      store,
      counter,
      lives,
      failure: undefined,
      end: () => {
        clock.kill();
        files.end('process');
      },
      replica: new Replica({
        ...owner,
        incarnation: incarnation(lives),
        voters,
        clock,
        random,
        transport: this.network.attach(id),
        store,
        config: this.#config,
        onFailStop: failed,
      }),
    };
    node.replica.register(counter);
    node.replica.startWith(failed);
    return node;
  }

  /** The process ends and another one begins on the same drive. */
  restart(node: DriveNode): void {
    node.replica.crash();
    node.end();
    this.network.detach(node.id);
    const voters = this.nodes.map(({ id }) => id);
    const failed = (failure: Error | undefined): void => void (node.failure = failure);
    Object.assign(node, this.#life(node.id, node.drive, voters, node.lives + 1, failed));
  }

  leader(): DriveNode {
    const found = this.nodes.find(({ replica }) => replica.status().role === 'leader');
    assert(found, 'somebody leads');
    return found;
  }

  follower(): DriveNode {
    return this.nodes.find((node) => node !== this.leader())!;
  }

  until(what: string, condition: () => boolean, limitMs = 60_000): void {
    const end = this.world.now() + limitMs;
    while (!condition()) assert(this.world.now() < end && this.world.step(), `in time: ${what}`);
  }

  /** Commits commands with long names, all of them at once, and waits until everybody has applied them. */
  commit(count: number, nameBytes = 1_200): void {
    this.until('a leader', () => this.nodes.some(({ replica }) => replica.status().role === 'leader'));
    const before = this.leader().counter.history.length;
    for (let i = 0; i < count; i++) {
      const add = `${before + i}-`.padEnd(nameBytes, 'x');
      this.leader().replica.proposeWith('counter', { add, by: 1 }, undefined, NEVER);
    }
    const isDone = ({ counter }: DriveNode) => counter.history.length === before + count;
    this.until('all have applied', () => this.nodes.every(isDone));
    this.world.advance(300);
  }

  /** The record of an entry that counts: of several, the last. */
  recordOf({ drive }: DriveNode, index: number): RecordOnDrive {
    let found: RecordOnDrive | undefined;
    for (const path of drive.paths()) {
      const sequence = NAMES.exec(path)?.[1];
      if (sequence === undefined) continue;
      const file = drive.file(path)!;
      for (const { record, offset, size } of scanSegment(file.contents(), Number(sequence)).records)
        if (record.type === 'entry' && record.entry.index === index) found = { path, file, offset, size };
    }
    assert(found, `entry ${index} is on the drive of this node`);
    return found;
  }

  /** A sector in the middle of a record is not what it was. */
  rot(node: DriveNode, index: number): RecordOnDrive {
    const record = this.recordOf(node, index);
    const sector = Math.ceil((record.offset + 40) / 512) * 512;
    assert(sector + 512 <= record.offset + record.size, 'a record holds a whole sector');
    record.file.replace(sector, new Uint8Array(512).fill(0xa5));
    return record;
  }
}
