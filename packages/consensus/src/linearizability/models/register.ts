import type { SequentialModel } from '../sequential-model.ts';

/** What a register holds; `null` before the first write. */
export type RegisterValue = string | number | null;

/** One register per key; `null` before the first write. */
export type RegisterInput =
  | { readonly op: 'read'; readonly key: string }
  | { readonly op: 'write'; readonly key: string; readonly value: RegisterValue }
  /** Writes `to` where the register holds `from`. */
  | { readonly op: 'cas'; readonly key: string; readonly from: RegisterValue; readonly to: RegisterValue };

/** A read answers the value, a write `done`, a compare-and-set whether it wrote. */
export type RegisterOutput = RegisterValue | boolean;

const show = (value: RegisterOutput): string => JSON.stringify(value);

/** A register with compare-and-set, for each key. */
export const registerModel: SequentialModel<RegisterValue, RegisterInput, RegisterOutput> = {
  name: 'register',
  initial: null,
  partition: ({ key }) => key,
  apply(state, input) {
    if (input.op === 'read') return { state, output: state };
    if (input.op === 'write') return { state: input.value, output: 'done' };
    const swapped = state === input.from;
    return { state: swapped ? input.to : state, output: swapped };
  },
  agrees: (expected, observed) => expected === observed,
  fingerprint: show,
  describe(input) {
    if (input.op === 'read') return 'read';
    if (input.op === 'write') return `write ${show(input.value)}`;
    return `cas ${show(input.from)} to ${show(input.to)}`;
  },
  describeOutput(input, output) {
    if (input.op === 'cas') return output === true ? 'swapped' : 'did not match';
    return input.op === 'write' ? 'done' : show(output);
  },
  describeState: show,
};
