import { reply } from 'tutti';
import type { TestNodeSetup } from 'tutti/testing';
import { assign, fromCallback, setup } from 'xstate';
import { insist, type Use, type Workload } from './workload.ts';

const KEYS = ['a', 'b', 'c', 'd'];
const BEAT_MS = 50;
const BIRTH_LIMIT_MS = 60_000;

/** Entities that are to be awake wherever their shard is. Each is sent one message in its life, which begins it. */
export class Remembered implements Workload {
  /** When each was last seen awake. */
  readonly #beats = new Map<string, number>();
  readonly #begun = new Set<string>();
  #now: () => number = () => 0;

  declare(node: TestNodeSetup): void {
    const beating = fromCallback<{ type: string }, { key: string }>(({ input: { key } }) => {
      const beat = (): void => void this.#beats.set(key, this.#now());
      const timer = setInterval(beat, BEAT_MS);
      return () => clearInterval(timer);
    });
    const keeper = setup({
      types: {
        context: {} as { key: string; begun: boolean },
        events: {} as { type: 'begin' },
        input: {} as { key: string },
      },
      actors: { beating },
    }).createMachine({
      context: ({ input }) => ({ key: input.key, begun: false }),
      // Ends and begins with each activation: what is seen of it is that somebody runs the entity now.
      invoke: { src: 'beating', input: ({ context }) => ({ key: context.key }) },
      on: { begin: { actions: [assign({ begun: true }), reply('begun')] } },
    });
    node.entity('keeper', keeper, { remember: true, input: (key) => ({ key }) });
  }

  async work(use: Use): Promise<void> {
    const { cluster, random, workMs } = use;
    this.#now = () => cluster.now();
    const births = KEYS.map(async (key) => {
      await cluster.sleep(random.integer(0, workMs / 2));
      await insist(use, random.pick(cluster.nodes), ['keeper', key], { type: 'begin' }, BIRTH_LIMIT_MS).catch(
        () => {},
      );
      this.#begun.add(key);
    });
    await Promise.race([Promise.all(births), cluster.sleep(workMs)]);
  }

  async check({ cluster, oracle }: Use, limitMs: number): Promise<void> {
    const since = cluster.now() + BEAT_MS;
    const begun = [...this.#begun];
    oracle.counts.remembered += begun.length;
    const gone = (): string | undefined => begun.find((key) => (this.#beats.get(key) ?? 0) < since);
    await cluster.until(() => gone() === undefined, limitMs).catch(() => {});
    const key = gone();
    if (key !== undefined)
      oracle.breaks(
        'a remembered entity comes back by itself',
        `${key} was last awake at ${this.#beats.get(key)}`,
      );
  }
}
