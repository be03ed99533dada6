import { type Clock, messageOf } from '@tutti/kernel';
import type { EventObject, Snapshot } from 'xstate';
import { parseLocalAddress } from '../actor/address.ts';
import type { Address } from '../actor/ref.ts';
import type { RecordedActor, Recorder } from './recorder.ts';

/** One message that an actor has handled. */
export interface HistoryEntry {
  /** Counted over all actors of the node, from 1. */
  readonly number: number;
  /** When it was handled, in milliseconds since 1970. */
  readonly at: number;
  /** Who handled it. */
  readonly actor: Address;
  readonly type: string;
  readonly event: EventObject;
  /** Of a machine: the state that it came to. */
  readonly value?: unknown;
  /** What the logic threw. */
  readonly problem?: string;
  /** What an envelope, or an event with such fields, says of itself. */
  readonly id?: string;
  readonly from?: Address;
  readonly correlation?: string;
  readonly causation?: string;
}

/** What to look for; all that is given must hold. */
export interface HistoryQuery {
  /** What {@link namesActor} finds, such as `cart` for `local:n1/1/shop/cart#7`, and `cart/alice` for an entity. */
  readonly actor?: string;
  readonly type?: string;
  readonly correlation?: string;
  /** From then on, in milliseconds since 1970. */
  readonly since?: number;
  readonly until?: number;
  /** The latest so many; default 1,000. */
  readonly limit?: number;
}

/** How much is kept. */
export interface HistoryOptions {
  /** Messages of each actor; default 100, at most 10,000. */
  readonly perActor?: number;
  /** Actors; default 10,000. Of more, the one that was idle longest is forgotten. */
  readonly actorsMax?: number;
  /** Only of actors for which this holds; default all. */
  readonly wants?: (actor: RecordedActor) => boolean;
}

const PER_ACTOR_MAX = 10_000;
const LIMIT_DEFAULT = 1_000;

/** A text field of an event, under the first of its names that there is. */
function textOf(event: EventObject, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = (event as Readonly<Record<string, unknown>>)[name];
    if (typeof value === 'string') return value;
  }
  return undefined;
}

/** Whether an actor is one that a text names: an entity by its kind and key, or any by its address. */
export function namesRecorded(
  text: string,
  { address, entity }: Pick<RecordedActor, 'address' | 'entity'>,
): boolean {
  return (
    (entity !== undefined && (entity === text || entity === `entity:${text}`)) || namesActor(text, address)
  );
}

/**
 * Whether an address is one that a text names: the whole address, with or without the number of the life at its end; the
 * path or its last parts, such as `shop/cart` or `cart`; or either behind the name of the node, such as `n1/shop/cart`.
 */
export function namesActor(text: string, address: Address): boolean {
  if (address === text) return true;
  const withoutLife = address.replace(/#\d+$/, '');
  if (withoutLife === text || withoutLife.endsWith(`/${text}`)) return true;
  if (!text.includes('/')) return false;
  const local = parseLocalAddress(address);
  if (!local || !text.startsWith(`${local.nodeId}/`)) return false;
  return `/${local.path}`.endsWith(text.slice(local.nodeId.length));
}

interface Ring {
  readonly address: Address;
  readonly entity: Address | undefined;
  readonly entries: HistoryEntry[];
  /** Where the next one goes, once the ring is full. */
  at: number;
}

/**
 * What each actor has handled lately: a ring per actor, of bounded size and number. It is a recorder: off unless a
 * system is told to `record` it. Events are kept as they are, not copied; they are values.
 */
export class MessageHistory implements Recorder {
  readonly #clock: Clock;
  readonly #perActor: number;
  readonly #actorsMax: number;
  readonly #wants: (actor: RecordedActor) => boolean;
  /** The longest idle first. Rings of actors that have ended stay until others push them out. */
  readonly #rings = new Map<RecordedActor, Ring>();
  #count = 0;

  constructor(clock: Clock, options: HistoryOptions = {}) {
    this.#clock = clock;
    this.#perActor = Math.max(1, Math.min(PER_ACTOR_MAX, options.perActor ?? 100));
    this.#actorsMax = Math.max(1, options.actorsMax ?? 10_000);
    this.#wants = options.wants ?? (() => true);
  }

  /** Messages noted so far, those that have been pushed out included. */
  get count(): number {
    return this.#count;
  }

  handled(actor: RecordedActor, event: EventObject, snapshot: Snapshot<unknown>): void {
    if (!this.#wants(actor)) return;
    const { value } = snapshot as { readonly value?: unknown };
    this.#note(actor, event, value === undefined ? {} : { value });
  }

  failed(actor: RecordedActor, event: EventObject, error: unknown): void {
    if (this.#wants(actor)) this.#note(actor, event, { problem: messageOf(error) });
  }

  /** What matches, in the order in which it was handled. */
  query({
    actor,
    type,
    correlation,
    since,
    until,
    limit = LIMIT_DEFAULT,
  }: HistoryQuery = {}): readonly HistoryEntry[] {
    const found: HistoryEntry[] = [];
    for (const ring of this.#rings.values()) {
      if (actor !== undefined && !namesRecorded(actor, ring)) continue;
      for (const entry of ring.entries) {
        if (type !== undefined && entry.type !== type) continue;
        if (correlation !== undefined && entry.correlation !== correlation) continue;
        if ((since !== undefined && entry.at < since) || (until !== undefined && entry.at > until)) continue;
        found.push(entry);
      }
    }
    return found.sort((a, b) => a.number - b.number).slice(-Math.max(0, limit) || found.length);
  }

  clear(): void {
    this.#rings.clear();
  }

  #note(actor: RecordedActor, event: EventObject, rest: Pick<HistoryEntry, 'value' | 'problem'>): void {
    const ring = this.#ringOf(actor);
    const id = textOf(event, 'id');
    const from = textOf(event, 'from');
    const correlation = textOf(event, 'correlation', 'correlation_id', 'correlationId');
    const causation = textOf(event, 'causation');
    const entry: HistoryEntry = {
      number: ++this.#count,
      at: this.#clock.wallTime(),
      actor: ring.address,
      type: event.type,
      event,
      ...rest,
      ...(id === undefined ? {} : { id }),
      ...(from === undefined ? {} : { from }),
      ...(correlation === undefined ? {} : { correlation }),
      ...(causation === undefined ? {} : { causation }),
    };
    if (ring.entries.length < this.#perActor) ring.entries.push(entry);
    else {
      ring.entries[ring.at] = entry;
      ring.at = (ring.at + 1) % this.#perActor;
    }
  }

  #ringOf(actor: RecordedActor): Ring {
    let ring = this.#rings.get(actor);
    if (ring) this.#rings.delete(actor);
    else {
      if (this.#rings.size >= this.#actorsMax) this.#rings.delete(this.#rings.keys().next().value!);
      ring = { address: actor.address, entity: actor.entity, entries: [], at: 0 };
    }
    this.#rings.set(actor, ring);
    return ring;
  }
}
