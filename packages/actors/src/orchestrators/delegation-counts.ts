import type { DelegationEnd } from '../coordination/delegation/delegation-machine.ts';

/**
 * How many delegations of one orchestrator ended in each way. `crashed`: the delegation's own actor failed. `late`:
 * work brought a result after it had been called off; the result went nowhere.
 */
export class DelegationCounts {
  readonly #counts = new Map<DelegationEnd | 'crashed' | 'late', number>();

  add(what: DelegationEnd | 'crashed' | 'late'): void {
    this.#counts.set(what, this.of(what) + 1);
  }

  of(what: DelegationEnd | 'crashed' | 'late'): number {
    return this.#counts.get(what) ?? 0;
  }
}
