import type { SequentialModel } from '../sequential-model.ts';

/** Text under each key, empty at first. */
export type KeyValueInput =
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'put'; readonly key: string; readonly value: string }
  | { readonly op: 'append'; readonly key: string; readonly value: string };

/** A get answers the text, put and append `null`. */
export type KeyValueOutput = string | null;

const show = (text: string): string => JSON.stringify(text);

/** A store of texts with get, put and append. */
export const keyValueModel: SequentialModel<string, KeyValueInput, KeyValueOutput> = {
  name: 'key-value store',
  initial: '',
  partition: ({ key }) => key,
  apply(state, input) {
    if (input.op === 'get') return { state, output: state };
    return { state: input.op === 'put' ? input.value : state + input.value, output: null };
  },
  agrees: (expected, observed) => expected === observed,
  fingerprint: (state) => state,
  describe: (input) => (input.op === 'get' ? 'get' : `${input.op} ${show(input.value)}`),
  describeOutput: (input, output) => (input.op === 'get' ? JSON.stringify(output) : 'done'),
  describeState: show,
};
