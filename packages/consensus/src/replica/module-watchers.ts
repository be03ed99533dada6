import { Listeners, type Logger, messageOf } from '@tutti/kernel';
import type { ModuleWatcher } from '../consensus.ts';

/** Who follows which module on one node. A watcher that throws is logged: what it was told of has happened. */
export class ModuleWatchers {
  readonly #byModule = new Map<string, Listeners<ModuleWatcher>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(module: string, watcher: ModuleWatcher): () => void {
    let watchers = this.#byModule.get(module);
    if (!watchers) this.#byModule.set(module, (watchers = new Listeners()));
    return watchers.add(watcher);
  }

  tell(module: string, call: (watcher: ModuleWatcher) => void): void {
    this.#byModule
      .get(module)
      ?.tell(call, (thrown) =>
        this.#logger.error({ module, error: messageOf(thrown) }, 'A watcher threw; it is called on'),
      );
  }
}
