/**
 * XState actors under supervision, on one node or placed by the cluster's agreement.
 *
 * @module
 */
export type { ApplyContext, ModuleWatcher, ProposeOptions, ReplicatedModule } from '@tutti/consensus';
export {
  type Address,
  type AskOptions,
  nodeOf,
  type Ref,
  type Terminated,
  type TerminationReason,
} from './actor/ref.ts';
export type { Member, MemberState, Members } from './cluster/member.ts';
export type { ReplicatedHandle } from './cluster/replicated.ts';
