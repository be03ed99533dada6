import type { Logger, ValueCodec } from '@tutti/kernel';
import { leaseMs } from '../raft/lease.ts';
import type { HardState } from '../raft/messages.ts';
import { RaftNode } from '../raft/raft-node.ts';
import type { LogStoreState } from '../storage/log-store.ts';
import { COMMAND_OVERHEAD_BYTES_MAX } from './command.ts';
import type { ConsensusChannel } from './consensus-channel.ts';
import type { ModuleHost } from './module-host.ts';
import type { ReplicaConfig, ReplicaOptions } from './replica-options.ts';
import type { ReplicaStats } from './replica-stats.ts';

/** What a driver is made of, once the store is open and the state restored from its snapshot. */
export interface DriverParts {
  readonly options: ReplicaOptions;
  readonly config: Required<ReplicaConfig>;
  readonly codec: ValueCodec;
  readonly logger: Logger;
  readonly host: ModuleHost;
  readonly stats: ReplicaStats;
  readonly stored: LogStoreState;
  readonly channel: ConsensusChannel;
  /** Called when role, term or leader may have changed. */
  readonly onStatus: () => void;
  /** Called once; the driver has ended itself. */
  readonly onFailure: (failure: Error) => void;
}

/**
 * A snapshot that was fetched for repair may be of a term that this node was never in, so it has not voted there; a
 * crash may have come before that term was written.
 */
function hardStateOf({ hardState, snapshot }: LogStoreState): HardState {
  if (!snapshot || snapshot.term <= hardState.term) return hardState;
  return { term: snapshot.term, votedFor: undefined };
}

/** The core that a driver drives: a replica's numbers in a core's terms, and what was stored. For `life` see `lifeOf`. */
export function makeCore({ options, config, stored }: DriverParts, life: number): RaftNode {
  const { nodeId, voters, learners = [], random, store, clock } = options;
  return new RaftNode({
    id: nodeId,
    config: {
      electionTimeoutTicks: config.electionTicks,
      heartbeatTicks: config.heartbeatTicks,
      preVote: config.preVote,
      electionPriority: config.electionPriority,
      leaseMs:
        config.reads === 'lease' ? leaseMs(config.electionTicks, config.tickMs, config.leaseDriftMax) : 0,
      appendBytesMax: config.appendBytesMax,
      inflightMessagesMax: config.inflightMessagesMax,
      proposalBytesMax: config.commandBytesMax + COMMAND_OVERHEAD_BYTES_MAX,
      uncommittedBytesMax: Math.max(16 * 2 ** 20, 2 * config.commandBytesMax),
      readsMax: config.readsMax,
    },
    random: random.fork('raft'),
    life,
    now: () => clock.now(),
    hardState: hardStateOf(stored),
    membership: stored.snapshot?.membership ?? { voters, learners },
    log: store,
  });
}
