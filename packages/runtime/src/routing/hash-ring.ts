import { hashText } from '../sharding/shard-id.ts';

/** Points of each member; with {@link PROBES} it makes shares that differ by some 5 % (one standard deviation). */
const POINTS = 16;
/** Places at which each key looks for the nearest point. */
const PROBES = 8;

interface Owner<Member> {
  readonly name: string;
  member: Member;
  isHere: boolean;
}

interface Point<Member> {
  readonly at: number;
  readonly owner: Owner<Member>;
}

/** The place of a text's nth point or probe: 32 bits, spread by the finishing mix of MurmurHash3. */
function placeOf(hash: number, nth: number): number {
  let place = Math.imul(hash ^ Math.imul(nth, 0x9e3779b1), 0x85ebca6b);
  place = Math.imul(place ^ (place >>> 15), 0xc2b2ae35);
  return (place ^ (place >>> 13)) >>> 0;
}

function inOrder<Member>(a: Point<Member>, b: Point<Member>): number {
  return a.at - b.at || (a.owner.name < b.owner.name ? -1 : 1);
}

/**
 * Which member a key belongs to: a ring of points (D. Karger et al., "Consistent Hashing and Random Trees", 1997), at
 * which each key looks from several places and takes the point that lies nearest behind one of them (B. Appleton,
 * M. O'Reilly, "Multi-probe consistent hashing", 2015). When a member leaves only its own keys move, and they spread
 * over all others; when one comes, keys move only to it. Who belongs where depends on the names alone, not on the order
 * in which they came.
 *
 * A look-up costs one hash of the key and {@link PROBES} binary searches; a change costs one pass over the points.
 */
export class HashRing<Member> {
  readonly #owners = new Map<string, Owner<Member>>();
  #points: readonly Point<Member>[] = [];
  /** Where the points are, once more: a search that went from object to object would wait for memory at each step. */
  #places = new Uint32Array();
  #looked = 0;

  /** Points that all look-ups together have looked at. */
  get looked(): number {
    return this.#looked;
  }

  /** Makes these the members; names are their own. */
  set(members: readonly Member[], nameOf: (member: Member) => string): void {
    const wanted = new Map(members.map((member) => [nameOf(member), member]));
    let isAnyGone = false;
    for (const [name, owner] of this.#owners) {
      if (wanted.has(name)) continue;
      this.#owners.delete(name);
      owner.isHere = false;
      isAnyGone = true;
    }
    const added: Point<Member>[] = [];
    for (const [name, member] of wanted) {
      const known = this.#owners.get(name);
      if (known) known.member = member;
      else added.push(...this.#add(name, member));
    }
    const kept = isAnyGone ? this.#points.filter(({ owner }) => owner.isHere) : this.#points;
    this.#points = added.length === 0 ? kept : merged(kept, added.sort(inOrder));
    this.#places = new Uint32Array(this.#points.length);
    for (let i = 0; i < this.#places.length; i++) this.#places[i] = this.#points[i]!.at;
  }

  /** Undefined when there is no member. */
  find(key: string): Member | undefined {
    if (this.#points.length === 0) return undefined;
    const hash = hashText(key);
    let best: Owner<Member> | undefined;
    let nearest = Infinity;
    for (let probe = 1; probe <= PROBES; probe++) {
      const place = placeOf(hash, -probe);
      const behind = this.#behind(place);
      const distance = (this.#places[behind]! - place) >>> 0;
      if (distance > nearest) continue;
      const { owner } = this.#points[behind]!;
      // Of two points that lie equally near, the one of the first name, so that whoever comes or goes changes nothing else.
      if (distance === nearest && owner.name >= best!.name) continue;
      best = owner;
      nearest = distance;
    }
    return best!.member;
  }

  #add(name: string, member: Member): Point<Member>[] {
    const owner = { name, member, isHere: true };
    this.#owners.set(name, owner);
    const hash = hashText(name);
    return Array.from({ length: POINTS }, (_, nth) => ({ at: placeOf(hash, nth), owner }));
  }

  /** The first point from a place on, round the ring. */
  #behind(place: number): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.#looked++;
      if (this.#places[middle]! < place) low = middle + 1;
      else high = middle;
    }
    return low === this.#places.length ? 0 : low;
  }
}

/** Both in order, as one list in order. */
function merged<Member>(a: readonly Point<Member>[], b: readonly Point<Member>[]): readonly Point<Member>[] {
  const all: Point<Member>[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const isFirst = j === b.length || (i < a.length && inOrder(a[i]!, b[j]!) < 0);
    all.push(isFirst ? a[i++]! : b[j++]!);
  }
  return all;
}
