import { messageOf } from '@tutti/kernel';

interface Broken {
  readonly name: string;
  readonly problem: string;
  readonly cause: unknown;
}

/** Whether something holds: `false`, a text that says what is wrong, or a throw says that it does not. */
export type Holds = () => boolean | string | void;

/** What a test demands to hold after every event. */
export class Invariants {
  readonly #all: { readonly name: string; readonly holds: Holds }[] = [];

  add(name: string, holds: Holds): void {
    this.#all.push({ name, holds });
  }

  /** The first that does not hold now. */
  firstBroken(): Broken | undefined {
    for (const { name, holds } of this.#all) {
      try {
        const answer = holds();
        if (answer === false) return { name, problem: 'it is false', cause: undefined };
        if (typeof answer === 'string') return { name, problem: answer, cause: undefined };
      } catch (thrown) {
        return { name, problem: messageOf(thrown), cause: thrown };
      }
    }
    return undefined;
  }
}
