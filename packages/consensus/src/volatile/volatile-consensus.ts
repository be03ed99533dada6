import {
  type Clock,
  isTuttiError,
  type Logger,
  type LogIndex,
  logIndex,
  mustBePlain,
  type NodeId,
  silentLogger,
  TuttiError,
  term,
  type WireValue,
} from '@tutti/kernel';
import type {
  ApplyContext,
  Consensus,
  ConsensusStatus,
  ModuleWatcher,
  ReplicatedModule,
} from '../consensus.ts';
import { membershipStatus } from '../replica/membership-status.ts';
import { ModuleWatchers } from '../replica/module-watchers.ts';

/**
 * Agreement with oneself: one node, nothing on disk. The volatile placement and unit tests run on it, through the
 * same port as a cluster. A proposal is applied in a later turn, as it would be with others.
 */
export class VolatileConsensus implements Consensus {
  readonly nodeId: NodeId;
  readonly #clock: Clock;
  readonly #modules = new Map<string, ReplicatedModule>();
  readonly #watchers: ModuleWatchers;
  #index = 0;
  #state: 'new' | 'running' | 'stopped' = 'new';

  constructor(nodeId: NodeId, clock: Clock, logger: Logger = silentLogger) {
    this.nodeId = nodeId;
    this.#clock = clock;
    this.#watchers = new ModuleWatchers(logger);
  }

  register(module: ReplicatedModule): void {
    if (this.#modules.has(module.name))
      throw new TuttiError('TUTTI_MODULE_DUPLICATE', { module: module.name });
    this.#modules.set(module.name, module);
  }

  start(): Promise<void> {
    this.#state = 'running';
    return Promise.resolve();
  }

  /** @throws TuttiError `TUTTI_VALUE_NOT_PLAIN`: it could not be told to others, if there were any */
  propose(module: string, command: WireValue): Promise<WireValue> {
    return new Promise((resolve, reject) => {
      mustBePlain(command);
      this.#clock.nextTurn(() => {
        try {
          resolve(this.#apply(module, command));
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }

  #apply(name: string, command: WireValue): WireValue {
    if (this.#state !== 'running') throw new TuttiError('TUTTI_CLOSED', { what: 'This replica' });
    const module = this.#modules.get(name);
    if (!module) throw new TuttiError('TUTTI_MODULE_UNKNOWN', { module: name, who: 'this node' });
    const context: ApplyContext = { index: logIndex(++this.#index), timeMs: this.#clock.wallTime() };
    let outcome: unknown;
    try {
      outcome = module.apply(command, context);
    } catch (thrown) {
      if (!isTuttiError(thrown)) throw thrown;
      outcome = thrown;
    }
    this.#watchers.tell(name, (watcher) => watcher.applied?.(command, outcome, context));
    if (isTuttiError(outcome)) throw outcome;
    return outcome;
  }

  readBarrier(): Promise<LogIndex> {
    return Promise.resolve(logIndex(this.#index));
  }

  /** @throws TuttiError `TUTTI_TRANSFER_UNKNOWN`: there is nobody else */
  transferLeadership(target?: NodeId): Promise<NodeId> {
    return Promise.reject(new TuttiError('TUTTI_TRANSFER_UNKNOWN', { target: target ?? 'another node' }));
  }

  status(): ConsensusStatus {
    const index = logIndex(this.#index);
    return {
      nodeId: this.nodeId,
      role: this.#state === 'running' ? 'leader' : 'stopped',
      term: term(1),
      leader: this.#state === 'running' ? this.nodeId : undefined,
      commitIndex: index,
      appliedIndex: index,
      lastIndex: index,
      voters: [this.nodeId],
      membership: membershipStatus(this.nodeId, { voters: [this.nodeId], learners: [] }, logIndex(0), true),
      snapshotIndex: logIndex(0),
    };
  }

  onStatus(): () => void {
    return () => {};
  }

  watch(module: string, watcher: ModuleWatcher): () => void {
    return this.#watchers.add(module, watcher);
  }

  stop(): Promise<void> {
    this.#state = 'stopped';
    return Promise.resolve();
  }
}
