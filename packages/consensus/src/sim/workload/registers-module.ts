import type { WireValue } from '@tutti/kernel';
import type { ApplyContext, ReplicatedModule } from '../../consensus.ts';
import { type RegisterInput, type RegisterValue, registerModel } from '../../linearizability/index.ts';

/** The workload's other state machine: registers that are written, and swapped where they hold what is expected. */
export class RegistersModule implements ReplicatedModule {
  readonly name = 'registers';
  readonly values = new Map<string, RegisterValue>();
  readonly #onApplied: (context: ApplyContext, what: string) => void;

  /** @param onApplied Told of each command with its result, as text. */
  constructor(onApplied: (context: ApplyContext, what: string) => void) {
    this.#onApplied = onApplied;
  }

  apply(command: WireValue, context: ApplyContext): WireValue {
    const input = command as RegisterInput;
    const { state, output } = registerModel.apply(this.read(input.key), input);
    this.values.set(input.key, state);
    this.#onApplied(context, `${input.key} ${registerModel.describe(input)}: ${output} at ${context.timeMs}`);
    return output;
  }

  read(key: string): RegisterValue {
    return this.values.get(key) ?? null;
  }

  snapshot(): Iterable<WireValue> {
    return [...this.values];
  }

  restore(parts: Iterable<WireValue>): void {
    this.values.clear();
    for (const part of parts) {
      const [key, value] = part as [string, RegisterValue];
      this.values.set(key, value);
    }
  }

  /** The whole state as text, equal on two nodes exactly if their states are. */
  shown(): string {
    return JSON.stringify([...this.values].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
