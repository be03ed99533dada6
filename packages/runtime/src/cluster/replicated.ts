import type { Consensus, ModuleWatcher, ProposeOptions, ReplicatedModule } from '@tutti/consensus';
import { assert, type Logger, type LogIndex, type WireValue } from '@tutti/kernel';
import type { AnyActorLogic, InputFrom } from 'xstate';
import type { Migrate } from '../actor/migration.ts';

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
  /** Where what listeners throw is said. */
  readonly logger: Logger;
}

/** How a logic is replicated. */
export interface ReplicatedOptions<Logic extends AnyActorLogic = AnyActorLogic> {
  /** The same on every node; the initial state is computed from it by each. */
  readonly input?: InputFrom<Logic>;
  /**
   * The version of the logic, a whole number from 1; default 1, and the same on every member: they run it in lockstep.
   * To raise it, stop the whole cluster when each node has taken a snapshot that covers the last event, and start all
   * nodes with the new code and {@link migrate}. A node that would have to replay an event of another version stops.
   */
  readonly version?: number;
  /** Turns the state of an older version into one of this, on every node alike. */
  readonly migrate?: Migrate;
}

/** Tells a module from a logic: a logic has no `apply`. */
export function isReplicatedModule(placed: ReplicatedModule | AnyActorLogic): placed is ReplicatedModule {
  return 'apply' in placed && typeof placed.apply === 'function';
}

/**
 * Registers a module and gives its handle.
 * @throws TuttiError `TUTTI_MODULE_DUPLICATE`
 */
export function replicatedHandle<Module extends ReplicatedModule>(
  name: string,
  module: Module,
  consensus: Consensus,
  logger: Logger,
): ReplicatedHandle<Module> {
  assert(name === module.name, 'a module is placed under its own name, which is in the log');
  consensus.register(module);
  return {
    module,
    propose: async <Result>(command: WireValue, options?: ProposeOptions) =>
      (await consensus.propose(name, command, options)) as Result,
    readBarrier: (options) => consensus.readBarrier(options),
    watch: (watcher) => consensus.watch(name, watcher),
    logger,
  };
}
