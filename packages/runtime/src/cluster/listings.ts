import type { Incarnation, NodeId } from '@tutti/kernel';
import type { Address } from '../actor/ref.ts';

/** One change of what a node has registered: a key, an address, and whether it came or went. */
export type ListingChange = readonly [key: string, address: Address, isAdded: boolean];

/** What one message may hold of a listing, by the most that its text may come to; far below any link's largest frame. */
const PART_BYTES_MAX = 1_000_000;
const UTF8_BYTES_MAX = 3;

/** The same changes in parts that each fit a message; at least one. */
export function inParts(changes: readonly ListingChange[]): readonly (readonly ListingChange[])[] {
  let part: ListingChange[] = [];
  const parts = [part];
  let bytes = 0;
  for (const change of changes) {
    const size = (change[0].length + change[1].length) * UTF8_BYTES_MAX;
    if (part.length > 0 && bytes + size > PART_BYTES_MAX) {
      parts.push((part = []));
      bytes = 0;
    }
    part.push(change);
    bytes += size;
  }
  return parts;
}

/** What one life of one node has registered, and how many changes it took to get there. */
export class NodeListing {
  readonly life: Incarnation;
  version = 0;
  readonly #byKey = new Map<string, Set<Address>>();
  #size = 0;

  constructor(life: Incarnation) {
    this.life = life;
  }

  /** Entries: pairs of a key and an address. */
  get size(): number {
    return this.#size;
  }

  /** In the order of registration. */
  addresses(key: string): Iterable<Address> {
    return this.#byKey.get(key) ?? [];
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  /** False when it changes nothing. */
  change([key, address, isAdded]: ListingChange): boolean {
    const known = this.#byKey.get(key);
    if ((known?.has(address) ?? false) === isAdded) return false;
    if (isAdded) {
      if (known) known.add(address);
      else this.#byKey.set(key, new Set([address]));
      this.#size++;
      return true;
    }
    known!.delete(address);
    this.#size--;
    if (known!.size === 0) this.#byKey.delete(key);
    return true;
  }

  /** Everything, as the changes that make it. */
  all(): readonly ListingChange[] {
    return [...this.#byKey].flatMap(([key, set]) =>
      [...set].map((address): ListingChange => [key, address, true]),
    );
  }
}

/** What all nodes have registered, as one node knows it: its own, and the last word of each other. */
export class Listings {
  readonly #nodes = new Map<NodeId, NodeListing>();

  get(node: NodeId): NodeListing | undefined {
    return this.#nodes.get(node);
  }

  set(node: NodeId, listing: NodeListing): void {
    this.#nodes.set(node, listing);
  }

  delete(node: NodeId): void {
    this.#nodes.delete(node);
  }

  nodes(): readonly (readonly [NodeId, NodeListing])[] {
    return [...this.#nodes].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Under a key, by the name of the node and then in the order of registration: the same on every node. */
  addresses(key: string, isVisible: (node: NodeId, life: Incarnation) => boolean): readonly Address[] {
    const found: Address[] = [];
    for (const [node, listing] of this.nodes())
      if (isVisible(node, listing.life)) found.push(...listing.addresses(key));
    return [...new Set(found)];
  }
}
