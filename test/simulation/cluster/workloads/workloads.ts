import { seededRandom } from '@tutti/kernel';
import type { TestCluster, TestNodeSetup } from 'tutti/testing';
import type { ClusterSimOptions } from '../draw-options.ts';
import type { Oracle } from '../oracle.ts';
import { Letters } from './letters.ts';
import { News } from './news.ts';
import { Remembered } from './remembered.ts';
import { Steward } from './steward.ts';
import { Timers } from './timers.ts';
import type { Use, Workload, WorkloadName } from './workload.ts';

type Made = Exclude<WorkloadName, 'obituaries'>;

/** Those that a run has drawn. Obituaries are held by those who watch: see `watching.ts`. */
export class Workloads {
  readonly #all: readonly (readonly [name: Made, workload: Workload])[];
  readonly #oracle: Oracle;
  readonly #options: ClusterSimOptions;

  constructor(oracle: Oracle, options: ClusterSimOptions) {
    this.#oracle = oracle;
    this.#options = options;
    const make: Record<Made, () => Workload> = {
      timers: () => new Timers(),
      remembered: () => new Remembered(),
      steward: () => new Steward(oracle),
      letters: () => new Letters(),
      news: () => new News(oracle, options.calm),
    };
    this.#all = options.workloads.flatMap((name) =>
      name === 'obituaries' ? [] : [[name, make[name]()] as const],
    );
  }

  declare(node: TestNodeSetup): void {
    for (const [, workload] of this.#all) workload.declare(node);
  }

  async work(cluster: TestCluster): Promise<void> {
    await Promise.all(this.#all.map(([name, workload]) => workload.work(this.#use(cluster, name))));
  }

  /** One after the other: what one asks in its end may be what another must come to by itself. */
  async check(cluster: TestCluster, limitMs: number): Promise<void> {
    for (const [name, workload] of this.#all) await workload.check(this.#use(cluster, name), limitMs);
  }

  #use(cluster: TestCluster, name: string): Use {
    const { durationMs, workMs = durationMs } = this.#options;
    const random = seededRandom(cluster.seed).fork(`cluster/workload/${name}`);
    return { cluster, oracle: this.#oracle, random, workMs };
  }
}
