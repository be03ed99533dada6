/**
 * A replicated log for Node. It knows no actor: whoever wants only agreement installs this package alone.
 *
 * @module
 */
export type {
  ApplyContext,
  Consensus,
  ConsensusStatus,
  ModuleWatcher,
  ProposeOptions,
  ReplicaRole,
  ReplicatedModule,
} from './consensus.ts';
export { VolatileConsensus } from './volatile/volatile-consensus.ts';
