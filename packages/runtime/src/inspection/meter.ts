import type { Address } from '../actor/ref.ts';
import type { RecordedActor, Recorder } from './recorder.ts';

/** Counts what each actor handles, while somebody looks. */
export class Meter implements Recorder {
  #counts = new Map<RecordedActor, number>();
  #total = 0;

  /** Messages handled since it was made. */
  get total(): number {
    return this.#total;
  }

  handled(actor: RecordedActor): void {
    this.#total++;
    this.#counts.set(actor, (this.#counts.get(actor) ?? 0) + 1);
  }

  /** How many messages each actor has handled since it was taken last; those that handled none are left out. */
  take(): ReadonlyMap<Address, number> {
    const taken = new Map([...this.#counts].map(([actor, count]) => [actor.address, count]));
    this.#counts = new Map();
    return taken;
  }
}
