import { assert, clusterId, incarnation, nodeId, seededRandom, VirtualClock } from '@tutti/kernel';
import type { Replica } from '../../replica/replica.ts';
import { CounterModule } from '../../replica/testing/replica-cluster.ts';
import { VirtualNetwork } from '../../replica/testing/virtual-network.ts';
import { MemoryLogStore } from '../../storage/memory-log-store.ts';
import { ReplicaGroups, type ReplicaGroupsOptions } from '../replica-groups.ts';
import { SharedLog } from '../shared-log.ts';

/** A node of the test cluster over its lives: one store for all its groups, and one for each group's snapshot. */
export interface GroupsNode {
  readonly id: ReturnType<typeof nodeId>;
  readonly store: MemoryLogStore;
  readonly snapshots: Map<string, MemoryLogStore>;
  groups: ReplicaGroups;
  log: SharedLog;
  counters: Map<string, CounterModule>;
  lives: number;
  up: boolean;
}

type GroupsConfig = Pick<ReplicaGroupsOptions, 'config' | 'quietAfterMs' | 'quietMaxMs'> & {
  readonly logBytes?: number;
};

/** Three nodes with the same groups, on one virtual clock. */
export class GroupsCluster {
  readonly clock = new VirtualClock();
  readonly network = new VirtualNetwork(this.clock);
  readonly nodes: GroupsNode[] = [];
  readonly names: readonly string[];
  readonly #config: GroupsConfig;
  readonly #seed: number;

  constructor(groups: number, config: GroupsConfig = {}, seed = 1) {
    this.names = Array.from({ length: groups }, (_, i) => `group-${i}`);
    this.#config = config;
    this.#seed = seed;
    for (const name of ['n1', 'n2', 'n3']) {
      const store = new MemoryLogStore(this.clock);
      const life = this.#life(nodeId(name), store, new Map(), 1);
      this.nodes.push({ id: nodeId(name), store, lives: 0, up: false, ...life });
    }
    for (const node of this.nodes) this.start(node);
  }

  #life(id: GroupsNode['id'], store: MemoryLogStore, snapshots: GroupsNode['snapshots'], life: number) {
    const { logBytes, ...config } = this.#config;
    const snapshotsOf = (group: string): MemoryLogStore => {
      let found = snapshots.get(group);
      if (!found) snapshots.set(group, (found = new MemoryLogStore(this.clock)));
      return found;
    };
    const log = new SharedLog({
      store,
      snapshots: snapshotsOf,
      clock: this.clock,
      ...(logBytes && { logBytes }),
    });
    const groups = new ReplicaGroups({
      clusterId: clusterId('test'),
      nodeId: id,
      incarnation: incarnation(life),
      clock: this.clock,
      random: seededRandom(this.#seed * 1_000 + life * 10 + Number(id.slice(1))),
      transport: this.network.attach(id),
      log,
      ...config,
    });
    return { groups, log, snapshots, counters: new Map<string, CounterModule>() };
  }

  start(node: GroupsNode): void {
    node.lives++;
    Object.assign(node, this.#life(node.id, node.store, node.snapshots, node.lives), { up: true });
    const { groups, counters } = node;
    const isOver = (): boolean => node.groups !== groups || !node.up;
    groups.openWith((failure) => {
      if (isOver()) return;
      assert(!failure, 'the log can be opened');
      for (const name of this.names) {
        const counter = new CounterModule();
        counters.set(name, counter);
        const voters = ['n1', 'n2', 'n3'].map(nodeId);
        groups.add(name, { voters, modules: [counter] }).startWith((problem) => {
          assert(!problem || isOver(), 'a group can be started');
        });
      }
    });
  }

  /** Takes the process away; its files are closed. */
  crash(node: GroupsNode): void {
    node.up = false;
    node.groups.crash();
    this.network.detach(node.id);
    node.store.close(() => {});
    for (const store of node.snapshots.values()) store.close(() => {});
  }

  run(ms: number): void {
    this.clock.advance(ms);
  }

  until(what: string, condition: () => boolean): void {
    const end = this.clock.now() + 60_000;
    while (!condition()) assert(this.clock.now() < end && this.clock.step(), `in time: ${what}`);
  }

  replicas(group: string): Replica[] {
    return this.nodes.filter(({ up }) => up).flatMap(({ groups }) => groups.get(group) ?? []);
  }

  leaderOf(group: string): Replica | undefined {
    const leaders = this.replicas(group).filter((replica) => replica.status().role === 'leader');
    return leaders.toSorted((a, b) => b.status().term - a.status().term)[0];
  }

  electAll(): void {
    const isLed = (group: string): boolean => (this.leaderOf(group)?.status().commitIndex ?? 0) > 0;
    this.until('every group has a leader', () => this.names.every(isLed));
  }

  /** Whether every group is quiet on every node that is up. */
  get isQuiet(): boolean {
    return this.nodes.every(({ up, groups }) => {
      if (!up) return true;
      const counts = groups.counts();
      return counts.groups === this.names.length && counts.quiet === counts.groups;
    });
  }
}
