// Plants one bug: the loader of this thread hands out the changed text of one file, so that the files themselves are
// never touched. Hooks do not reach what is loaded already, so what is to be tested is imported only after this.
import { registerHooks } from 'node:module';
import { type Mutant, mutated } from './mutant.ts';

/**
 * @param sources The `src` folder that the bug's file is in.
 * @returns whether the changed file has been loaded
 */
export function plant(bug: Mutant<unknown>, sources: URL): () => boolean {
  const changed = new URL(bug.file, sources).href;
  let loadedIt = false;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== changed || !loaded.source) return loaded;
      loadedIt = true;
      const text =
        typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
      return { ...loaded, source: mutated(text, bug) };
    },
  });
  return () => loadedIt;
}
