import {
  assert,
  clusterId,
  incarnation,
  type LogIndex,
  type NodeId,
  nodeId,
  seededRandom,
  VirtualClock,
} from '@tutti/kernel';
import { decodeRecord } from '../../groups/group-record.ts';
import { ReplicaGroups } from '../../groups/replica-groups.ts';
import type { SharedLog } from '../../groups/shared-log.ts';
import type { Entry } from '../../raft/messages.ts';
import type { Replica } from '../../replica/replica.ts';
import type { ReplicaConfig } from '../../replica/replica-options.ts';
import { CounterModule } from '../../replica/testing/replica-cluster.ts';
import { VirtualNetwork } from '../../replica/testing/virtual-network.ts';
import { createFileGroupLog } from '../../storage/file/file-group-log.ts';
import { scanSegment } from '../../storage/file/segment-scan.ts';
import type { LogStore } from '../../storage/log-store.ts';
import { RECORD_HEADER_BYTES } from '../../storage/record.ts';
import { DriveAilment, NO_DRIVE_FAULTS } from '../disk/drive-ailment.ts';
import { SimDrive, type SimFile } from '../disk/sim-drive.ts';
import { SimFiles } from '../disk/sim-files.ts';
import { NodeClock } from '../node-clock.ts';

/** One machine: its drive outlives its processes. */
export interface GroupsOnDrive {
  readonly id: NodeId;
  readonly drive: SimDrive;
  log: SharedLog;
  groups: ReplicaGroups;
  stores: Map<string, LogStore>;
  counters: Map<string, CounterModule>;
  lives: number;
  end: () => void;
}

/** A record of a group on a drive. */
export interface GroupRecordOnDrive {
  /** Of the record in the shared log. */
  readonly index: number;
  readonly file: SimFile;
  readonly offset: number;
  /** Of the entries in it. */
  readonly entries: readonly number[];
  readonly hasHardState: boolean;
}

const SEGMENT = /segment-(\d+)\.log$/;
const NEVER = (): void => {};

/** Three nodes with the same groups over the shared log that ships, on simulated drives. */
export class DriveGroups {
  readonly world = new VirtualClock();
  readonly network = new VirtualNetwork(this.world);
  readonly nodes: GroupsOnDrive[] = [];
  readonly names: readonly string[];
  readonly #config: ReplicaConfig;
  readonly #logBytes: number | undefined;

  constructor(groups: number, config: ReplicaConfig = {}, logBytes?: number) {
    this.names = Array.from({ length: groups }, (_, i) => `group-${i}`);
    this.#config = { scrubEveryMs: 500, scrubBytesPerSecond: 2 ** 20, ...config };
    this.#logBytes = logBytes;
    for (const name of ['n1', 'n2', 'n3']) this.nodes.push(this.#life(nodeId(name), new SimDrive(), 1));
    this.until('every group has a leader', () => this.names.every((name) => this.leaderOf(name)));
  }

  #life(id: NodeId, drive: SimDrive, lives: number): GroupsOnDrive {
    const clock = new NodeClock(this.world, { skewMs: 0, rate: 1 });
    const random = seededRandom(lives * 100 + Number(id.slice(1)));
    const ailment = new DriveAilment(random.fork('ailment'), NO_DRIVE_FAULTS);
    const files = new SimFiles({ clock, world: this.world, drive, ailment, random, latencyMeanMs: 0.2 });
    const owner = { clusterId: clusterId('c'), nodeId: id };
    const sizes = { segmentBytes: 16_384, cacheBytes: 0 };
    const stores = new Map<string, LogStore>();
    const log = createFileGroupLog(
      { directory: `/${id}`, ...owner, ...sizes, clock, ...(this.#logBytes && { logBytes: this.#logBytes }) },
      files.calls(),
    );
    const groupOf = log.group.bind(log);
    const remembered = (name: string): LogStore => {
      const store = groupOf(name);
      stores.set(name, store);
      return store;
    };
    const groups = new ReplicaGroups({
      ...owner,
      incarnation: incarnation(lives),
      clock,
      random,
      transport: this.network.attach(id),
      log: Object.assign(log, { group: remembered }),
      config: this.#config,
      quietAfterMs: 100,
    });
    const counters = new Map<string, CounterModule>();
    const node: GroupsOnDrive = {
      id,
      drive,
      log,
      groups,
      stores,
      counters,
      lives,
      end: () => {
        groups.crash();
        clock.kill();
        files.end('process');
      },
    };
    groups.openWith((failure) => {
      assert(!failure, 'the log can be opened');
      for (const name of this.names) this.add(node, name);
    });
    return node;
  }

  add({ groups, counters }: Pick<GroupsOnDrive, 'groups' | 'counters'>, name: string): void {
    const counter = new CounterModule();
    counters.set(name, counter);
    const voters = ['n1', 'n2', 'n3'].map(nodeId);
    groups.add(name, { voters, modules: [counter] }).startWith((failure) => {
      assert(!failure, 'a group can be started');
    });
  }

  /** The process ends, and another one begins on the same drive. */
  restart(node: GroupsOnDrive): void {
    node.end();
    this.network.detach(node.id);
    Object.assign(node, this.#life(node.id, node.drive, node.lives + 1));
  }

  replica({ groups }: GroupsOnDrive, name: string): Replica {
    const replica = groups.get(name);
    assert(replica, 'the group is there');
    return replica;
  }

  leaderOf(name: string): Replica | undefined {
    const replicas = this.nodes.flatMap(({ groups }) => groups.get(name) ?? []);
    return replicas.find((replica) => replica.status().role === 'leader' && replica.status().commitIndex > 0);
  }

  /** A node that does not lead the group. */
  follower(name: string): GroupsOnDrive {
    return this.nodes.find((node) => node.groups.get(name) !== this.leaderOf(name))!;
  }

  until(what: string, condition: () => boolean, limitMs = 60_000): void {
    const end = this.world.now() + limitMs;
    while (!condition()) assert(this.world.now() < end && this.world.step(), `in time: ${what}`);
  }

  /** Commits commands in every group, one after another, and waits until everybody has applied them. */
  commit(count: number): void {
    for (let i = 0; i < count; i++) {
      const before = this.nodes[0]!.counters.get(this.names[0]!)!.history.length;
      for (const name of this.names)
        this.leaderOf(name)!.proposeWith('counter', { add: `${name}-${before}`, by: 1 }, undefined, NEVER);
      const isDone = ({ counters }: GroupsOnDrive): boolean =>
        this.names.every((name) => counters.get(name)!.history.length === before + 1);
      this.until('all have applied', () => this.nodes.every(isDone));
    }
    this.world.advance(300);
  }

  entriesOf({ stores }: GroupsOnDrive, name: string): { index: number; term: number; data: string }[] {
    const store = stores.get(name)!;
    const shown = ({ index, term, data }: Entry) => ({
      index,
      term,
      data: Buffer.from(data).toString('hex'),
    });
    const { firstIndex, lastIndex } = store;
    return lastIndex < firstIndex ? [] : store.entries(firstIndex, lastIndex, Infinity).map(shown);
  }

  /** The records of a group that stand in the shared log of a node, oldest first. */
  recordsOf({ drive }: GroupsOnDrive, name: string): GroupRecordOnDrive[] {
    const found = new Map<number, GroupRecordOnDrive>();
    for (const path of drive.paths()) {
      const sequence = SEGMENT.exec(path)?.[1];
      if (sequence === undefined) continue;
      const file = drive.file(path)!;
      for (const { record, offset } of scanSegment(file.contents(), Number(sequence)).records) {
        if (record.type !== 'entry') continue;
        const { group, rows, hardState } = decodeRecord(record.entry.data);
        const { index } = record.entry;
        const entries = rows.map((row) => row.index);
        if (group === name)
          found.set(index, { index, file, offset, entries, hasHardState: hardState !== undefined });
      }
    }
    return [...found.values()].toSorted((a, b) => a.index - b.index);
  }

  /** The record in which an entry of a group stands. */
  recordOf(node: GroupsOnDrive, name: string, index: LogIndex | number): GroupRecordOnDrive {
    const found = this.recordsOf(node, name).findLast(({ entries }) => entries.includes(Number(index)));
    assert(found, 'the entry is on the drive');
    return found;
  }

  rot({ file, offset }: GroupRecordOnDrive): void {
    file.rot(offset + RECORD_HEADER_BYTES + 1, 5);
  }
}
