import { TuttiError } from '@tutti/kernel';

const LENGTH_MAX = 256;
const PART = /^[A-Za-z0-9_~-]+$/;

/**
 * Checks the name of a topic: parts of `A-Z a-z 0-9 _ ~ -`, joined by dots, 256 characters at most. A pattern may also
 * have `*` for one part, and `**` as its last for one part or more.
 * @throws TuttiError `TUTTI_TOPIC_INVALID`
 */
export function checkTopic(text: string, isPattern: boolean): readonly string[] {
  const parts = text.split('.');
  const isRight = (part: string, at: number) =>
    PART.test(part) || (isPattern && (part === '*' || (part === '**' && at === parts.length - 1)));
  if (text.length > LENGTH_MAX || !parts.every(isRight))
    throw new TuttiError('TUTTI_TOPIC_INVALID', { topic: text });
  return parts;
}

interface Branch<Value> {
  readonly values: Set<Value>;
  /** Under each part, `*` and `**` among them. */
  readonly below: Map<string, Branch<Value>>;
}

const branch = <Value>(): Branch<Value> => ({ values: new Set(), below: new Map() });

/** Values under patterns, found by the topics that match: a tree by parts, so that cost goes with depth, not with count. */
export class TopicTree<Value> {
  readonly #root = branch<Value>();
  #size = 0;

  /** Values held. */
  get size(): number {
    return this.#size;
  }

  add(pattern: readonly string[], value: Value): void {
    let at = this.#root;
    for (const part of pattern) {
      let next = at.below.get(part);
      if (!next) at.below.set(part, (next = branch()));
      at = next;
    }
    if (at.values.has(value)) return;
    at.values.add(value);
    this.#size++;
  }

  delete(pattern: readonly string[], value: Value): void {
    const path = [this.#root];
    for (const part of pattern) {
      const next = path.at(-1)!.below.get(part);
      if (!next) return;
      path.push(next);
    }
    if (!path.at(-1)!.values.delete(value)) return;
    this.#size--;
    for (let i = path.length - 1; i > 0; i--) {
      const { values, below } = path[i]!;
      if (values.size > 0 || below.size > 0) return;
      path[i - 1]!.below.delete(pattern[i - 1]!);
    }
  }

  /** Every value whose pattern matches, in no order that means something. */
  match(topic: readonly string[]): readonly Value[] {
    const found: Value[] = [];
    let level: Branch<Value>[] = [this.#root];
    for (const part of topic) {
      const next: Branch<Value>[] = [];
      for (const { below } of level) {
        addAll(found, below.get('**')?.values);
        for (const key of [part, '*']) {
          const branchBelow = below.get(key);
          if (branchBelow) next.push(branchBelow);
        }
      }
      level = next;
    }
    for (const { values } of level) addAll(found, values);
    return found;
  }
}

/** One by one: as arguments of one call, more than some hundred thousand would overflow the stack. */
function addAll<Value>(found: Value[], values: Iterable<Value> = []): void {
  for (const value of values) found.push(value);
}
