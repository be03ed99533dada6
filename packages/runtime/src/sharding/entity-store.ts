import type { Consensus } from '@tutti/consensus';
import { type Clock, type ErrorCode, isTuttiError, TuttiError } from '@tutti/kernel';
import type { LogicIdentity } from '../actor/logic-identity.ts';
import type { Life } from '../cluster/membership.ts';
import {
  type CommitOutcome,
  ENTITY_STATES,
  type EntityCommand,
  type EntityCommit,
  type EntityEntry,
} from './entity-states.ts';
import { shardOf } from './shard-id.ts';

/** Most commits in one proposal; one turn of a busy node makes several. */
const BATCH_MAX = 128;

/** Why a proposal is refused for what is in it. */
const OF_ONE: readonly ErrorCode[] = ['TUTTI_PROPOSAL_TOO_LARGE', 'TUTTI_VALUE_NOT_PLAIN'];

interface Pending {
  readonly commit: EntityCommit;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface EntityStoreOptions {
  readonly self: Life;
  readonly consensus: Consensus;
  readonly clock: Clock;
  readonly shards: number;
}

/**
 * Puts committed turns into the log: those of one turn of the event loop together. Bounded by the activations of the
 * node, since each has at most one commit under way, of however many messages.
 */
export class EntityStore {
  readonly #options: EntityStoreOptions;
  #pending: Pending[] = [];

  constructor(options: EntityStoreOptions) {
    this.#options = options;
  }

  /**
   * Resolves once it is in the log.
   * @throws TuttiError `TUTTI_EPOCH_STALE`, `TUTTI_VERSION_CONFLICT`, or why the proposal failed
   */
  commit(commit: EntityCommit): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#pending.length === 0) this.#options.clock.nextTurn(() => this.#flush());
      this.#pending.push({ commit, resolve, reject });
    });
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (let at = 0; at < pending.length; at += BATCH_MAX)
      void this.#propose(pending.slice(at, at + BATCH_MAX));
  }

  async #propose(batch: readonly Pending[]): Promise<void> {
    const { self, consensus } = this.#options;
    const command = commandOf(
      self,
      batch.map(({ commit }) => commit),
    );
    let outcomes: readonly CommitOutcome[];
    try {
      outcomes = (await consensus.propose(ENTITY_STATES, command)) as readonly CommitOutcome[];
    } catch (thrown) {
      // Together they may be too large for one proposal, or one of them cannot be stored: it must not fail the others.
      if (batch.length > 1 && OF_ONE.some((code) => isTuttiError(thrown, code)))
        for (const pending of batch) void this.#propose([pending]);
      else for (const { reject } of batch) reject(thrown);
      return;
    }
    batch.forEach(({ commit, resolve, reject }, at) => {
      if (outcomes[at] === 'committed') resolve();
      else reject(this.#refusal(commit, outcomes[at]));
    });
  }

  #refusal({ kind, key, epoch, version }: EntityCommit, outcome: CommitOutcome | undefined): TuttiError {
    if (outcome === 'conflict')
      return new TuttiError('TUTTI_VERSION_CONFLICT', {
        kind,
        key,
        expected: version - 1,
      });
    const { self, shards } = this.#options;
    return new TuttiError('TUTTI_EPOCH_STALE', {
      shard: shardOf(kind, key, shards),
      epoch,
      node: self.nodeId,
    });
  }
}

/** The commits of one turn are of few logics, and each is written once. */
function commandOf(self: Life, commits: readonly EntityCommit[]): EntityCommand {
  const logics: LogicIdentity[] = [];
  const entries = commits.map(({ logic, ...commit }): EntityEntry => {
    if (!logic) return commit;
    if (!logics.includes(logic)) logics.push(logic);
    return { ...commit, logic: logics.indexOf(logic) };
  });
  return { type: 'commit', ...self, logics, entries };
}
