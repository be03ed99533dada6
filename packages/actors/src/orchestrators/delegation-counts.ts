import type { DelegationEnd } from '../coordination/delegation/delegation-table.ts';

/**
 * How many delegations of one orchestrator ended in each way. `late`: work brought a result after it had been called
 * off; the result went nowhere.
 */
export class DelegationCounts {
  readonly #counts = new Map<DelegationEnd | 'late', number>();

  add(what: DelegationEnd | 'late'): void {
    this.#counts.set(what, this.of(what) + 1);
  }

  of(what: DelegationEnd | 'late'): number {
    return this.#counts.get(what) ?? 0;
  }
}
