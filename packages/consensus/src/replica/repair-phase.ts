import { CHANNEL, type Logger, logIndex } from '@tutti/kernel';
import type { LogStoreState } from '../storage/log-store.ts';
import type { ConsensusChannel } from './consensus-channel.ts';
import { lifeOf } from './life.ts';
import { answersOver, type RepairAnswers } from './repair-answers.ts';
import { isRepair, repairFromWire, repairToWire } from './repair-wire.ts';
import { Repairer } from './repairer.ts';
import type { ReplicaConfig, ReplicaOptions } from './replica-options.ts';

/** How a repair ends, and where it hears its peers. */
export interface RepairListener {
  readonly channel: ConsensusChannel;
  done(state: LogStoreState): void;
  failed(failure: Error): void;
}

/**
 * The time before a node with a damaged store takes part: it asks its peers, and answers those that are damaged
 * elsewhere from what it still has, so that nodes may heal each other. Everything else that comes is not heard.
 */
export class RepairPhase {
  readonly damage: Error;
  readonly #options: ReplicaOptions;
  readonly #listener: RepairListener;
  readonly #repairer: Repairer;
  readonly #answers: RepairAnswers;
  #ended = false;

  constructor(
    options: ReplicaOptions,
    config: Required<ReplicaConfig>,
    logger: Logger,
    stored: LogStoreState,
    listener: RepairListener,
  ) {
    const { nodeId: self, store, clock, random, transport } = options;
    this.#options = options;
    this.#listener = listener;
    this.damage = stored.damage!.failure;
    const finish = (action: () => void): void => {
      this.#ended = true;
      action();
    };
    this.#repairer = new Repairer(
      {
        self,
        initial: { voters: options.voters, learners: options.learners ?? [] },
        store,
        clock,
        random: random.fork('repair'),
        life: lifeOf(clock, stored),
        logger,
        giveUpMs: config.repairGiveUpMs,
        send: (request) => transport.send(request.to, CHANNEL.consensus, repairToWire(request), 'control'),
        done: (state) => finish(() => listener.done(state)),
        failed: (failure) => finish(() => listener.failed(failure)),
        linked: () => transport.linked().map(({ nodeId }) => nodeId),
      },
      stored,
    );
    const source = () => ({
      id: self,
      term: this.#repairer.term,
      leads: false,
      commitIndex: logIndex(0),
      membership: undefined,
      log: store,
    });
    this.#answers = answersOver(options, source);
  }

  begin(): void {
    const { nodeId: self } = this.#options;
    this.#listener.channel.handle((from, value) => {
      if (this.#ended || !isRepair(value)) return;
      const message = repairFromWire(value, from.nodeId, self);
      if (message?.type === 'repairReply') this.#repairer.take(message);
      else if (message) this.#answers.answer(message);
    });
    this.#repairer.begin();
  }

  /** Stops without a word to anyone. */
  end(): void {
    this.#ended = true;
    this.#repairer.end();
  }

  /** Stops; whoever waits for the repair is told `failure`. */
  close(failure: Error): void {
    this.end();
    this.#listener.failed(failure);
  }
}
