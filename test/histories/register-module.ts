import type { ReplicatedModule } from '@tutti/consensus';
import { type RegisterInput, type RegisterValue, registerModel } from '@tutti/consensus/linearizability';
import type { WireValue } from '@tutti/kernel';

/** A register and, in the order in which they took effect, all values that were ever written to it. */
export interface RegisterRecord {
  readonly key: string;
  value: RegisterValue;
  readonly written: RegisterValue[];
}

/** Registers with compare-and-set, which remember what was written to them. */
export class RegisterModule implements ReplicatedModule {
  readonly name = 'registers';
  readonly #records = new Map<string, RegisterRecord>();

  apply(command: WireValue): WireValue {
    const input = command as RegisterInput;
    const record = this.#record(input.key);
    const { state, output } = registerModel.apply(record.value, input);
    if (output === 'done' || output === true) record.written.push(state);
    record.value = state;
    return output;
  }

  read(key: string): RegisterValue {
    return this.#records.get(key)?.value ?? null;
  }

  /** Everything, in the order of the keys. */
  records(): RegisterRecord[] {
    return [...this.#records.values()]
      .map((record) => ({ ...record, written: [...record.written] }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  snapshot(): Iterable<WireValue> {
    return this.records();
  }

  restore(parts: Iterable<WireValue>): void {
    this.#records.clear();
    for (const part of parts) {
      const record = part as RegisterRecord;
      this.#records.set(record.key, { ...record, written: [...record.written] });
    }
  }

  #record(key: string): RegisterRecord {
    let record = this.#records.get(key);
    if (!record) this.#records.set(key, (record = { key, value: null, written: [] }));
    return record;
  }
}
