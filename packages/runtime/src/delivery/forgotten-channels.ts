/**
 * When a channel sent its first message: on which node, in which of its lives, and as which of that life's channels. Of two
 * channels of one node the second has the greater incarnation, or the same and the greater count.
 */
export type Birth = readonly [node: string, incarnation: number, count: number];

const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Whether a value that came from another node has the shape of one. */
export function isBirth(value: unknown): value is Birth {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [node, incarnation, count] = value as readonly unknown[];
  return typeof node === 'string' && isWhole(incarnation) && isWhole(count);
}

/** Nodes of which the youngest forgotten channel is remembered. Of others nothing is known any more. */
const NODES_MAX = 256;

const isYounger = ([, incarnation, count]: Birth, [, otherIncarnation, otherCount]: Birth): boolean =>
  incarnation === otherIncarnation ? count > otherCount : incarnation > otherIncarnation;

/**
 * What is left of the channels that a receiver has forgotten: for each node the birth of the youngest. Whatever is younger
 * than that was not among them. This asks nothing of how lives are numbered: were a number to come twice, channels that
 * were not forgotten would count as if they might have been, and never the other way.
 */
export class ForgottenChannels {
  readonly #youngest = new Map<string, Birth>();
  #isEmpty = true;

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** One more has been forgotten. */
  add(birth: Birth | undefined): void {
    this.#isEmpty = false;
    if (!birth) return;
    const [node] = birth;
    const youngest = this.#youngest.get(node);
    if (youngest ? isYounger(birth, youngest) : this.#youngest.size < NODES_MAX)
      this.#youngest.set(node, birth);
  }

  /** Whether a channel may be among them. */
  mayHave(birth: Birth | undefined): boolean {
    if (this.#isEmpty || !birth) return !this.#isEmpty;
    const youngest = this.#youngest.get(birth[0]);
    return youngest ? !isYounger(birth, youngest) : this.#youngest.size >= NODES_MAX;
  }

  /** The births that are remembered, for {@link of}. */
  births(): readonly Birth[] {
    return [...this.#youngest.values()];
  }

  static of(births: readonly Birth[], isEmpty: boolean): ForgottenChannels {
    const forgotten = new ForgottenChannels();
    for (const birth of births) forgotten.add(birth);
    forgotten.#isEmpty = isEmpty;
    return forgotten;
  }
}
