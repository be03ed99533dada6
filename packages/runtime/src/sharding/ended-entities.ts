import { type ModuleRestorer, SnapshotableMap } from '@tutti/consensus';
import { canonicalText, type WireValue } from '@tutti/kernel';
import type { EntityState } from './entity-states.ts';
import type { EntityName } from './shard-id.ts';

/** Most marks that are kept; beyond it the oldest is forgotten, and its key may begin anew. */
export const ENDED_MAX = 65_536;
/** Most characters of an output, as JSON, that a mark keeps. */
const OUTPUT_CHARS_MAX = 256;

interface Mark extends EntityName {
  readonly version: number;
  /** The entry of the log that ended it. */
  readonly index: number;
  readonly output?: unknown;
}

type MarkPart = { readonly ended: Mark } | { readonly forgotten: number };

export const isEndedPart = (part: WireValue): boolean =>
  typeof part === 'object' && part !== null && ('ended' in part || 'forgotten' in part);

/**
 * Which entities have reached their end, as far back as there is room: their context is gone from the state, and what
 * stays is enough to turn messages away and to tell watchers. When the oldest mark goes its key may be used again, and
 * then nothing of the earlier life may pass for the new one: so it is kept how far back ends have been forgotten, and a
 * first commit must come from an entity that was started after that.
 */
export class EndedEntities {
  readonly #marks = new SnapshotableMap<string, Mark>();
  /** The entry that ended the newest entity whose mark was forgotten. */
  #forgotten = 0;
  #isInUse = false;

  get size(): number {
    return this.#marks.size;
  }

  /** Whether ended entities are removed already; it is in the snapshot, so all nodes begin at the same entry. */
  get isInUse(): boolean {
    return this.#isInUse;
  }

  begin(): void {
    this.#isInUse = true;
  }

  has(place: string): boolean {
    return this.#marks.has(place);
  }

  /** Whether an entity that was started with the log applied up to `bornAt` may be one whose end is forgotten. */
  isForgotten(bornAt: number): boolean {
    return bornAt < this.#forgotten;
  }

  asState(place: string, { kind, key }: EntityName): EntityState | undefined {
    const mark = this.#marks.get(place);
    if (!mark) return undefined;
    const { version, output } = mark;
    return { kind, key, snapshot: { status: 'done', output }, epoch: 0, version };
  }

  add(place: string, { kind, key, version, snapshot }: EntityState, index: number): void {
    const { output } = snapshot as { output?: unknown };
    const isSmall = output !== undefined && (canonicalText(output)?.length ?? 0) <= OUTPUT_CHARS_MAX;
    this.#marks.set(place, { kind, key, version, index, ...(isSmall ? { output } : {}) });
    if (this.#marks.size <= ENDED_MAX) return;
    const oldest = this.#marks.keys().next().value!;
    this.#forgotten = this.#marks.get(oldest)!.index;
    this.#marks.delete(oldest);
  }

  /** Captures at once; the parts are made when they are asked for. */
  snapshot(): Iterable<WireValue> {
    const forgotten = this.#forgotten;
    const isInUse = this.#isInUse;
    const captured = this.#marks.capture();
    return (function* parts(): IterableIterator<MarkPart> {
      if (isInUse) yield { forgotten };
      for (const [, ended] of captured) yield { ended };
    })();
  }

  restorer(): ModuleRestorer {
    let forgotten: number | undefined;
    const marks = this.#marks.restorer((part) => {
      const { ended } = part as { ended: Mark };
      return [`${ended.kind}\n${ended.key}`, ended];
    });
    return {
      add: (part) => {
        if (typeof part === 'object' && part !== null && 'forgotten' in part)
          forgotten = part.forgotten as number;
        else marks.add(part);
      },
      finish: () => {
        marks.finish();
        this.#isInUse = forgotten !== undefined;
        this.#forgotten = forgotten ?? 0;
      },
    };
  }
}
