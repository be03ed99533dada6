import type { HistoryEntry } from '@tutti/runtime';
import type { NodeTrace } from './look-in-api.ts';

/** What one look has brought. */
export interface Fresh {
  readonly entries: readonly HistoryEntry[];
  readonly missed: number;
}

/** How far somebody who follows a trace has read it on each node. */
export class TraceReading {
  readonly #read = new Map<string, { readonly run: string; readonly count: number }>();

  /** After which entry to ask: of the node that has been read least far. */
  get from(): number {
    return this.#read.size === 0 ? 0 : Math.min(...[...this.#read.values()].map(({ count }) => count));
  }

  /** Begins where a node is now, with what it has still kept. */
  begin({ node, run, count, entries }: NodeTrace): void {
    this.#read.set(node, { run, count: count - entries.length });
  }

  /**
   * What is new in one answer, and how many before were pushed out between two looks. Of a recording that was not known,
   * which one after a restart is, only a part may have been asked for: all of it comes with the next look.
   */
  take({ node, run, count, entries }: NodeTrace): Fresh {
    const known = this.#read.get(node);
    if (known?.run !== run) {
      this.#read.set(node, { run, count: 0 });
      return { entries: [], missed: 0 };
    }
    this.#read.set(node, { run, count });
    const fresh = entries.filter(({ number }) => number > known.count);
    return { entries: fresh, missed: count - known.count - fresh.length };
  }
}
