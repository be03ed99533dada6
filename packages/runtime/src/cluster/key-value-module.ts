import { type ApplyContext, type ReplicatedModule, SnapshotableMap } from '@tutti/consensus';
import { canonicalJson, TuttiError, type WireValue } from '@tutti/kernel';
import { CommandReader } from './command-reader.ts';

/** One key as it is now. */
export interface KeyValueEntry {
  readonly key: string;
  readonly value: WireValue;
  /** The revision of the store that wrote it last. */
  readonly revision: number;
  /** How often it has been written since it was created, from 1. */
  readonly version: number;
}

/** One change, as watchers see it. Revisions count all changes of the store, from 1, without gaps. */
export interface KeyValueChange {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** Undefined for a deletion. */
  readonly value?: WireValue;
  readonly revision: number;
  /** Log time, in milliseconds since 1970. */
  readonly at: number;
}

/** What is proposed. With `ifRevision` it is refused unless the key has this revision; 0 stands for a key that is not there. */
export type KeyValueCommand =
  | { readonly type: 'put'; readonly key: string; readonly value: WireValue; readonly ifRevision?: number }
  | { readonly type: 'delete'; readonly key: string; readonly ifRevision?: number };

/** Keys of one store. */
export const KEYS_MAX = 1_000_000;
/** Characters of one key. */
const KEY_CHARS_MAX = 512;
/** Characters of one value as JSON; a part of a snapshot holds one value and must stay small. */
export const VALUE_CHARS_MAX = 32_768;
/** Changes kept for watchers that come back, and their characters together. */
const CHANGES_MAX = 10_000;
const CHANGE_CHARS_MAX = 4 * 2 ** 20;

type Part =
  | readonly ['revision', number]
  | readonly ['entry', KeyValueEntry]
  | readonly ['change', KeyValueChange];

/**
 * A key-value store that all voters keep: values under keys, a revision for each change, and the latest changes, so that
 * whoever watches from a revision misses none of them, on whichever node.
 */
export class KeyValueModule implements ReplicatedModule {
  readonly name: string;
  readonly #entries = new SnapshotableMap<string, KeyValueEntry>();
  /** In order, without gaps. */
  #changes: KeyValueChange[] = [];
  #changeChars = 0;
  #revision = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Changes so far. */
  get revision(): number {
    return this.#revision;
  }

  /** The first revision that can still be watched from. */
  get firstKept(): number {
    return this.#revision - this.#changes.length + 1;
  }

  get(key: string): KeyValueEntry | undefined {
    return this.#entries.get(key);
  }

  /** The entries whose keys begin so, by key. */
  list(prefix: string): readonly KeyValueEntry[] {
    const found = [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** The changes from a revision on, as far as they are kept. */
  changesFrom(revision: number): readonly KeyValueChange[] {
    return this.#changes.slice(Math.max(0, revision - this.firstKept));
  }

  /** Gives the change that it made; undefined when a key that is not there was to be deleted. */
  apply(command: WireValue, { timeMs }: ApplyContext): KeyValueChange | undefined {
    const reader = new CommandReader(this.name, command);
    const type = reader.text('type');
    const key = reader.text('key');
    if (key.length === 0 || key.length > KEY_CHARS_MAX)
      throw reader.invalid(`the key has ${key.length} characters`);
    const known = this.#entries.get(key);
    const { ifRevision } = reader.fields;
    const actual = known?.revision ?? 0;
    if (ifRevision !== undefined && reader.count('ifRevision') !== actual)
      throw new TuttiError('TUTTI_REVISION_MISMATCH', {
        store: this.name,
        key,
        expected: ifRevision,
        actual,
      });
    if (type === 'put') return this.#put(key, known, reader.fields['value'] ?? null, timeMs);
    if (type !== 'delete') throw reader.invalid(`the type ${type} is unknown`);
    if (!known) return undefined;
    this.#entries.delete(key);
    return this.#note({ type, key, revision: ++this.#revision, at: timeMs });
  }

  *snapshot(): Iterable<WireValue> {
    const changes = [...this.#changes];
    const entries = this.#entries.capture();
    const revision: Part = ['revision', this.#revision];
    yield revision;
    for (const [, entry] of entries) yield ['entry', entry] satisfies Part;
    for (const change of changes) yield ['change', change] satisfies Part;
  }

  restore(parts: Iterable<WireValue>): void {
    this.#entries.clear();
    this.#changes = [];
    this.#changeChars = 0;
    this.#revision = 0;
    for (const part of parts as Iterable<Part>) {
      if (part[0] === 'revision') this.#revision = part[1];
      else if (part[0] === 'entry') this.#entries.set(part[1].key, part[1]);
      else this.#note(part[1]);
    }
  }

  #put(key: string, known: KeyValueEntry | undefined, value: WireValue, at: number): KeyValueChange {
    const size = charsOf(value);
    if (size > VALUE_CHARS_MAX)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: `The value of "${key}"`,
        size,
        limit: VALUE_CHARS_MAX,
      });
    if (!known && this.#entries.size >= KEYS_MAX)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: `The store ${this.name}`,
        size: KEYS_MAX,
        limit: KEYS_MAX,
      });
    const revision = ++this.#revision;
    this.#entries.set(key, { key, value, revision, version: (known?.version ?? 0) + 1 });
    return this.#note({ type: 'put', key, value, revision, at });
  }

  #note(change: KeyValueChange): KeyValueChange {
    this.#changes.push(change);
    this.#changeChars += weightOf(change);
    // A tenth at a time, since taking from the front moves the rest.
    if (this.#changes.length > CHANGES_MAX * 1.1 || this.#changeChars > CHANGE_CHARS_MAX * 1.1)
      this.#compact();
    return change;
  }

  #compact(): void {
    let count = 0;
    while (this.#changes.length - count > CHANGES_MAX || this.#changeChars > CHANGE_CHARS_MAX)
      this.#changeChars -= weightOf(this.#changes[count++]!);
    this.#changes = this.#changes.slice(count);
  }
}

const charsOf = (value: WireValue): number => canonicalJson(value ?? null).length;
const weightOf = ({ key, value }: KeyValueChange): number => key.length + charsOf(value);
