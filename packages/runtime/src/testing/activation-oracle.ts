/**
 * Stands outside of the cluster and is told of every effect that an entity releases. Each activation has a number of
 * its own; once a later activation of a key has acted, an earlier one must never act again.
 */
export class ActivationOracle {
  readonly violations: string[] = [];
  readonly acted = new Map<string, Set<number>>();
  readonly current = new Map<string, number>();
  #activations = 0;

  newActivation(): number {
    return ++this.#activations;
  }

  act(key: string, activation: number): void {
    const seen = this.acted.get(key) ?? new Set();
    this.acted.set(key, seen);
    if (this.current.get(key) !== activation && seen.has(activation))
      this.violations.push(`${key}: activation ${activation} acted after ${this.current.get(key)}`);
    seen.add(activation);
    this.current.set(key, activation);
  }
}
