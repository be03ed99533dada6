import type { ModuleWatcher, ProposeOptions, ReplicatedModule } from '@tutti/consensus';
import type { LogIndex, WireValue } from '@tutti/kernel';
import type { AnyActorLogic, InputFrom } from 'xstate';

/**
 * The replicated placement of a plain module: what `node.replicated(name, module)` gives back. An XState logic is
 * placed the same way and gives a `Ref`; this is the form underneath, for state too large to copy per event.
 */
export interface ReplicatedHandle<Module extends ReplicatedModule = ReplicatedModule> {
  /** This node's copy. Read it freely; change it only by proposing. */
  readonly module: Module;
  /** See `Consensus.propose`. */
  propose<Result = WireValue>(command: WireValue, options?: ProposeOptions): Promise<Result>;
  /** When it resolves, {@link module} shows everything that had been acknowledged anywhere before the call. */
  readBarrier(options?: ProposeOptions): Promise<LogIndex>;
  watch(watcher: ModuleWatcher): () => void;
}

/** How a logic is replicated. */
export interface ReplicatedOptions<Logic extends AnyActorLogic = AnyActorLogic> {
  /** The same on every node; the initial state is computed from it by each. */
  readonly input?: InputFrom<Logic>;
}
