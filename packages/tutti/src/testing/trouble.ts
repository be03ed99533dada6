import { unreachable } from '@tutti/kernel';
import { type Fault, LEADER } from './fault.ts';
import type { TestCluster } from './test-cluster.ts';
import type { TestThread } from './test-threads.ts';

/** Lets the faults of a schedule come over a cluster, and ends them. */
export class Trouble {
  readonly #cluster: TestCluster;
  /** What ends the faults that last. */
  readonly #ends = new Set<() => void>();
  #isOver = false;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  /** Their times are counted from now. */
  begin(schedule: readonly Fault[]): void {
    for (const fault of schedule)
      this.#cluster.after(fault.at, () => {
        if (!this.#isOver) this.#inflict(fault);
      });
  }

  /** Ends every trouble and lets no other begin: links are whole, all nodes run. */
  end(): void {
    this.#isOver = true;
    for (const end of Array.from(this.#ends)) end();
    this.#cluster.heal();
    for (const { id, isUp } of this.#cluster.nodes) {
      this.#cluster.resume(id);
      if (!isUp) this.#cluster.restart(id);
    }
  }

  #inflict(fault: Fault): void {
    const undo = this.#begin(fault);
    const end = (): void => {
      if (this.#ends.delete(end)) undo();
    };
    this.#ends.add(end);
    this.#cluster.after(fault.for, end);
  }

  /** Whoever is meant: the node that leads, or the first that runs. */
  #named(name: string): string {
    const { nodes } = this.#cluster;
    if (name !== LEADER) return name;
    return (this.#cluster.leader() ?? nodes.find(({ isUp }) => isUp) ?? nodes[0]!).id;
  }

  /** Of the threads that run on each of these nodes, the one that is meant. */
  #threads(names: readonly string[], which: number): readonly TestThread[] {
    return names.flatMap((name) => {
      const { threads } = this.#cluster.node(name);
      const thread = threads[which % threads.length];
      if (thread) this.#cluster.note(`thread ${thread.number} of ${name}`);
      return thread ? [thread] : [];
    });
  }

  /** @returns what ends it */
  #begin({ kind, on, by = 0 }: Fault): () => void {
    const cluster = this.#cluster;
    const names = [...new Set(on.map((name) => this.#named(name)))];
    const each = (act: (name: string) => void) => (): void => names.forEach(act);
    switch (kind) {
      case 'crash':
        each((name) => cluster.crash(name))();
        return each((name) => {
          if (!cluster.node(name).isUp) cluster.restart(name);
        });
      case 'stop':
        each((name) => void cluster.stop(name).catch(() => {}))();
        return each((name) => cluster.restart(name));
      case 'pause':
        each((name) => cluster.pause(name))();
        return each((name) => cluster.resume(name));
      case 'partition':
        return cluster.partition(names);
      case 'cut':
        return cluster.cut(on[0]!, on[1]!);
      case 'reset':
        cluster.reset(on[0]!, on[1]!);
        return () => {};
      case 'slow':
        cluster.slow(on[0]!, on[1]!, by);
        return () => cluster.slow(on[0]!, on[1]!);
      case 'disk':
        each((name) => cluster.slowDisk(name, by))();
        return each((name) => cluster.slowDisk(name, 1));
      case 'clock':
        each((name) => cluster.jumpClock(name, by))();
        return () => {};
      case 'thread-crash':
        for (const thread of this.#threads(names, by)) thread.crash();
        return () => {};
      case 'thread-hang': {
        const hung = this.#threads(names, by);
        for (const thread of hung) thread.block();
        return () => hung.forEach((thread) => thread.goOn());
      }
    }
    return unreachable(kind);
  }
}
