import type { SequentialModel } from '../sequential-model.ts';

/** What a list holds; elements of one list should differ, or two histories look alike. */
export type ListElement = string | number;

/** A list under each key, empty at first, that only grows. */
export type ListInput =
  | { readonly op: 'read'; readonly key: string }
  | { readonly op: 'append'; readonly key: string; readonly element: ListElement };

/** A read answers the list; an append the place it took, from 0, or undefined where the object does not tell. */
export type ListOutput = readonly ListElement[] | number | undefined;

const equal = (a: readonly ListElement[], b: readonly ListElement[]): boolean =>
  a.length === b.length && a.every((element, index) => element === b[index]);

/** Lists with append and read. */
export const listAppendModel: SequentialModel<readonly ListElement[], ListInput, ListOutput> = {
  name: 'append-only list',
  initial: [],
  partition: ({ key }) => key,
  apply(state, input) {
    if (input.op === 'read') return { state, output: state };
    return { state: [...state, input.element], output: state.length };
  },
  agrees(expected, observed) {
    if (observed === undefined) return true;
    if (typeof observed === 'number' || typeof expected !== 'object') return observed === expected;
    return equal(expected, observed);
  },
  fingerprint: (state) => JSON.stringify(state),
  describe: (input) => (input.op === 'read' ? 'read' : `append ${JSON.stringify(input.element)}`),
  describeOutput(_input, output) {
    if (output === undefined) return 'done';
    return typeof output === 'number' ? `at place ${output}` : JSON.stringify(output);
  },
  describeState: (state) => JSON.stringify(state),
  // A list only grows: what was read later begins with what is there now.
  canFollow(_input, observed) {
    if (observed === undefined) return undefined;
    if (typeof observed === 'number') return (state) => state.length <= observed;
    return (state) => state.length <= observed.length && state.every((item, at) => item === observed[at]);
  },
};
