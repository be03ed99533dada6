import type { Clock, Random } from '@tutti/kernel';
import type { ReplicatedModule } from '../consensus.ts';
import { ReplicaGroups } from '../groups/replica-groups.ts';
import type { SharedLog } from '../groups/shared-log.ts';
import type { Replica } from '../replica/replica.ts';
import type { ReplicaOptions } from '../replica/replica-options.ts';
import type { GroupOptions } from './sim-options.ts';
import { ListsModule } from './workload/lists-module.ts';

/** A replica but for its store. */
export type ReplicaParts = Omit<ReplicaOptions, 'store'> &
  Required<Pick<ReplicaOptions, 'config' | 'onFailStop'>>;

/** The group that a run watches. */
export const WATCHED = 'watched';
/** Every group is looked after this often, in milliseconds. */
const QUIET_MAX_MS = 2_000;

/** One life of a node: the replica that is watched, and how all of it begins and ends. */
export interface NodeLife {
  readonly replica: Replica;
  startWith(done: (failure: Error | undefined) => void): void;
  crash(): void;
}

/** One life of a node with several groups: the one that is watched, and others that keep it company. */
export class GroupLife implements NodeLife {
  readonly replica: Replica;
  readonly #groups: ReplicaGroups;
  readonly #others: readonly Replica[];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #busyMeanMs: number;
  readonly #onFailStop: (failure: Error) => void;

  constructor(
    parts: ReplicaParts,
    log: SharedLog,
    modules: readonly ReplicatedModule[],
    { count, quietAfterMs, busyMeanMs }: GroupOptions,
  ) {
    const { clusterId, nodeId, incarnation, clock, random, transport, voters, learners = [] } = parts;
    const { electionPriority = 0, ...config } = parts.config;
    const { onFailStop } = parts;
    this.#clock = clock;
    this.#random = random;
    this.#busyMeanMs = busyMeanMs;
    this.#onFailStop = onFailStop;
    const node = { clusterId, nodeId, incarnation, clock, random, transport, log, config };
    this.#groups = new ReplicaGroups({ ...node, quietAfterMs, quietMaxMs: QUIET_MAX_MS });
    const add = (name: string, its: readonly ReplicatedModule[]): Replica =>
      this.#groups.add(name, { voters, learners, modules: its, config: { electionPriority }, onFailStop });
    this.replica = add(WATCHED, modules);
    this.#others = Array.from({ length: count - 1 }, (_, i) =>
      add(`other-${i}`, [new ListsModule(() => {})]),
    );
  }

  startWith(done: (failure: Error | undefined) => void): void {
    this.#groups.openWith((failure) => {
      if (failure) return done(failure);
      this.replica.startWith(done);
      for (const other of this.#others)
        other.startWith((problem) => {
          if (problem) this.#onFailStop(problem);
        });
      this.#keepBusy();
    });
  }

  /** Now and then whoever leads one of the others appends to its log. */
  #keepBusy(): void {
    this.#clock.setTimer(this.#random.exponential(this.#busyMeanMs), () => {
      for (const other of this.#others)
        if (other.status().role === 'leader')
          other.proposeWith('lists', { key: 'busy', serial: 1 }, undefined, () => {});
      this.#keepBusy();
    });
  }

  crash(): void {
    this.#groups.crash();
  }
}
