/**
 * Whether what clients saw could have happened one call at a time: a linearizability checker, a recorder for the
 * histories that it judges, and models of the objects that they are held against.
 *
 * @example
 * const verdict = checkLinearizable(recorder.operations(), registerModel);
 * if (verdict.verdict === 'violated') console.error(describeVerdict(verdict, registerModel));
 *
 * @module
 */

export { type CheckLimits, checkLinearizable, type NotLinearizable, type Verdict } from './check.ts';
export { describeOperation, describeVerdict } from './describe-verdict.ts';
export {
  type KeyValueInput,
  type KeyValueOutput,
  keyValueModel,
} from './models/key-value.ts';
export { type ListElement, type ListInput, type ListOutput, listAppendModel } from './models/list-append.ts';
export {
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from './models/register.ts';
export { type Ending, HistoryRecorder, type OpenCall, type Operation } from './operation.ts';
export type { GaveUp } from './search.ts';
export type { SequentialModel } from './sequential-model.ts';
export { timelineHtml } from './timeline-html.ts';
