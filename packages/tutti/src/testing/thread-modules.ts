import type { Clock } from '@tutti/kernel';
import type { MemoryThreadsOptions } from '@tutti/runtime/memory';

type Load = MemoryThreadsOptions['load'];

/**
 * What the threads of a test cluster import. An import takes real time, which the seed does not decide: so virtual time
 * stands still until all that was asked for is there, and each is handed out in an event of its own, in the order in
 * which they were asked for.
 */
export class ThreadModules {
  readonly #given: Readonly<Record<string, object>>;
  readonly #asked: (() => Promise<void>)[] = [];

  /** @param given Modules by what `threaded` names, which are not imported. */
  constructor(given: Readonly<Record<string, object>>) {
    this.#given = given;
  }

  /** How the threads of one life import, on its clock. */
  loader(clock: Clock): Load {
    return (module, exported) =>
      new Promise((resolve, reject) => {
        this.#asked.push(async () => {
          try {
            const found = (this.#given[module] ?? (await import(module))) as Record<string, unknown>;
            clock.nextTurn(() => resolve(found[exported]));
          } catch (thrown) {
            clock.nextTurn(() => reject(thrown));
          }
        });
      });
  }

  get isAsked(): boolean {
    return this.#asked.length > 0;
  }

  /** Imports what was asked for, and resolves when all of it is there. */
  async importAll(): Promise<void> {
    for (let next = this.#asked.shift(); next; next = this.#asked.shift()) await next();
  }
}
