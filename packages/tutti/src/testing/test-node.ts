import { TuttiError } from '@tutti/kernel';
import type {
  ActorNodeInfo,
  ClusterSystem,
  ClusterSystemStatus,
  Member,
  Ref,
  SpawnOptions,
} from '@tutti/runtime';
import type { AnyActorLogic, EventFromLogic, EventObject, SnapshotFrom } from 'xstate';
import type { AssembledNode } from '../node/assemble-node.ts';
import { OutsideRef } from './outside-ref.ts';
import type { Life, TestMachine } from './test-machine.ts';
import type { TestThread } from './test-threads.ts';

/** A node before it starts, in each of its lives: here it is told what it has. The calls are those of `createNode`. */
export interface TestNodeSetup {
  readonly id: string;
  /** Which life this is, from 1. */
  readonly incarnation: number;
  readonly spawn: ClusterSystem['system']['spawn'];
  readonly entity: ClusterSystem['entity'];
  readonly replicated: ClusterSystem['replicated'];
  readonly ref: ClusterSystem['ref'];
  /** The layers underneath, for tools. */
  readonly parts: AssembledNode;
}

/** What a node is told in its setup. */
export function setupOf(machine: TestMachine, life: Life): TestNodeSetup {
  const { system, cluster } = life.node;
  return {
    id: machine.id,
    incarnation: life.incarnation,
    spawn: system.spawn.bind(system),
    entity: cluster.entity.bind(cluster),
    replicated: cluster.replicated.bind(cluster),
    ref: cluster.ref.bind(cluster),
    parts: life.node,
  };
}

/** One machine of a test cluster, as a test sees it from outside: always its present life. */
export class TestNode {
  readonly id: string;
  readonly #machine: TestMachine;

  constructor(machine: TestMachine) {
    this.id = machine.id;
    this.#machine = machine;
  }

  /** Whether a process of it runs, paused or not. */
  get isUp(): boolean {
    return this.#machine.life !== undefined;
  }

  get isPaused(): boolean {
    return this.#machine.life?.clock.paused ?? false;
  }

  /** Which life runs, from 1; 0 when none does. */
  get incarnation(): number {
    return this.#machine.life?.incarnation ?? 0;
  }

  /** Whether this life is a member of the cluster, and the others have not given it up. */
  get isMember(): boolean {
    const life = this.#machine.life;
    return life !== undefined && life.joined && !life.evicted;
  }

  /** Whether it believes to lead the group. */
  get isLeader(): boolean {
    return this.#machine.life?.replica.status().role === 'leader';
  }

  /**
   * Starts an actor on this node. It goes with the process.
   * @throws TuttiError `TUTTI_NODE_UNREACHABLE` when no process runs, and what `spawn` of a node throws
   */
  spawn<Logic extends AnyActorLogic>(
    logic: Logic,
    options?: SpawnOptions<Logic>,
  ): Ref<EventFromLogic<Logic>, SnapshotFrom<Logic>> {
    const life = this.#mustRun('an actor');
    return this.#outside(life, life.node.system.spawn(logic, options).address);
  }

  /** A ref through this node, to any address, or to the entity of a kind and key. It is of no use when the process ends. */
  ref<Event extends EventObject = EventObject, Snapshot = unknown>(
    addressOrKind: string,
    key?: string,
  ): Ref<Event, Snapshot> {
    const life = this.#machine.life;
    if (!life)
      return this.#outside(life, key === undefined ? addressOrKind : `entity:${addressOrKind}/${key}`);
    const { cluster } = life.node;
    const { address } = key === undefined ? cluster.ref(addressOrKind) : cluster.ref(addressOrKind, key);
    return this.#outside(life, address);
  }

  /** How the cluster looks from here; undefined while no process runs. */
  status(): ClusterSystemStatus | undefined {
    return this.#machine.life?.node.cluster.status();
  }

  /** The layers underneath, for tools; undefined while no process runs. */
  get parts(): AssembledNode | undefined {
    return this.#machine.life?.node;
  }

  /** The members by this node's knowledge. */
  members(): readonly Member[] {
    return this.#machine.life?.node.cluster.members.list() ?? [];
  }

  /** Its actors. */
  tree(): readonly ActorNodeInfo[] {
    return this.#machine.life?.node.system.tree() ?? [];
  }

  /** The threads of its present life that have not ended, in the order of their numbers. */
  get threads(): readonly TestThread[] {
    const life = this.#machine.life;
    if (!life) return [];
    return life.threads.begun
      .filter(({ isOver }) => !isOver)
      .map((thread) => ({
        number: thread.number,
        get isOver() {
          return thread.isOver;
        },
        crash: (problem = 'it crashed') => life.enter(() => thread.crash(problem)),
        block: () => life.enter(() => thread.block()),
        goOn: () => life.enter(() => thread.goOn()),
      }));
  }

  #mustRun(address: string): Life {
    const life = this.#machine.life;
    if (life) return life;
    const why = 'its process does not run';
    throw new TuttiError('TUTTI_NODE_UNREACHABLE', { node: this.id, address, why });
  }

  #outside<Event extends EventObject, Snapshot>(
    life: Life | undefined,
    address: string,
  ): Ref<Event, Snapshot> {
    return new OutsideRef<Event, Snapshot>(this.id, life, address);
  }
}
