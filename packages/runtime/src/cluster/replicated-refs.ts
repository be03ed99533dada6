import type { Consensus, ProposeOptions } from '@tutti/consensus';
import { type Clock, type ErrorCode, isTuttiError, type Logger, messageOf, TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { AskTable } from '../actor/ask.ts';
import { guarded } from '../actor/cell-listeners.ts';
import { LOGIC_VERSION_DEFAULT } from '../actor/logic-identity.ts';
import type { Address, AskOptions, Ref, SnapshotListener, Terminated } from '../actor/ref.ts';
import { DELIVERY } from '../delivery/delivery-log.ts';
import type { DeadLetterReason, DeadLetters } from '../mailbox/dead-letters.ts';
import type { AddressResolver } from '../system/actor-system.ts';
import { LEVEL, mustBeOfLevel } from './cluster-level.ts';
import type { Membership } from './membership.ts';
import { decodeRefs, encodeRefs } from './ref-codec.ts';
import {
  type ReplicatedCommand,
  type ReplicatedLogic,
  type ReplicatedOutcome,
  replicatedAddress,
} from './replicated-logic.ts';

/** Why a proposal fails whose event was handled, though not well, or may have been. */
const MAY_BE_HANDLED: ReadonlySet<ErrorCode> = new Set([
  'TUTTI_MACHINE_UNSTABLE',
  'TUTTI_OUTCOME_UNKNOWN',
  'TUTTI_SESSION_EXPIRED',
]);

interface ReplicatedRefsOptions {
  readonly consensus: Consensus;
  readonly clock: Clock;
  readonly asks: AskTable;
  readonly deadLetters: DeadLetters;
  readonly makeRef: (address: Address) => Ref;
  readonly membership: Membership;
  readonly logger: Logger;
}

/** Makes refs to replicated logics: `replicated:<name>`. */
export class ReplicatedRefs implements AddressResolver {
  readonly #options: ReplicatedRefsOptions;
  readonly #logics = new Map<Address, ReplicatedLogic>();

  constructor(options: ReplicatedRefsOptions) {
    this.#options = options;
  }

  add(logic: ReplicatedLogic): Ref {
    const address = replicatedAddress(logic.name);
    this.#logics.set(address, logic);
    return this.ref(address);
  }

  get tellsBirths(): boolean {
    return this.#options.membership.level >= LEVEL.channelBirths;
  }

  matches(address: Address): boolean {
    return this.#logics.has(address);
  }

  ref(address: Address): Ref {
    return new ReplicatedRef(this.#logics.get(address)!, this.#options);
  }
}

class ReplicatedRef implements Ref {
  readonly address: Address;
  readonly #logic: ReplicatedLogic;
  readonly #options: ReplicatedRefsOptions;

  constructor(logic: ReplicatedLogic, options: ReplicatedRefsOptions) {
    this.address = replicatedAddress(logic.name);
    this.#logic = logic;
    this.#options = options;
  }

  send(event: EventObject): void {
    this.#propose(event).catch((thrown: unknown) => {
      const reason = this.#lostBecause(thrown);
      if (reason) this.#options.deadLetters.publish(this.address, event, reason);
    });
  }

  /** Undefined of an event that is not lost, or of which nobody knows. */
  #lostBecause(thrown: unknown): DeadLetterReason | undefined {
    if (!isTuttiError(thrown)) return 'unreachable';
    if (thrown.code === 'TUTTI_REPLICATED_REFUSED')
      return this.#logic.current.status === 'active' ? undefined : 'stopped';
    if (MAY_BE_HANDLED.has(thrown.code)) return undefined;
    return thrown.code === 'TUTTI_OVERLOADED' ? 'overflow-new' : 'unreachable';
  }

  /** Resolves with the reply, or with undefined when the event was applied and nothing replied. */
  ask<Reply>(event: EventObject, options: AskOptions = {}): Promise<Reply> {
    const { asks, clock } = this.#options;
    const { signal } = options;
    return asks.ask<Reply>(this.address, event, options, ({ target }) => {
      const timeoutMs = (target.deadline ?? Infinity) - clock.now();
      this.#propose(event, { timeoutMs, ...(signal ? { signal } : {}) }).then(
        ({ reply }) => target.reply(decodeRefs(reply, this.#options.makeRef)),
        (thrown: Error) => target.fail(thrown),
      );
    });
  }

  watch(listener: (notice: Terminated) => void): () => void {
    const tell = guarded(listener, this.address, this.#options.logger, 'a watcher threw');
    let over = false;
    const check = () => {
      const { status, error } = this.#logic.current;
      if (over || status === 'active') return;
      over = true;
      stop();
      tell({
        address: this.address,
        reason: status === 'done' ? 'done' : 'failed',
        ...(error === undefined ? {} : { problem: messageOf(error) }),
      });
    };
    const stop = this.#follow(check);
    return () => {
      over = true;
      stop();
    };
  }

  subscribe(listener: SnapshotListener<unknown>): () => void {
    const tell = guarded(listener, this.address, this.#options.logger, 'a subscriber threw');
    return this.#follow(() => tell(this.#logic.current));
  }

  /** A replicated logic lives as long as the cluster has it declared. */
  stop(): Promise<void> {
    return Promise.reject(
      new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: `${this.address} (it cannot be stopped)` }),
    );
  }

  /** Calls back in the next turn, and after each applied event. */
  #follow(listener: () => void): () => void {
    const { consensus, clock } = this.#options;
    let over = false;
    const check = () => {
      if (!over) listener();
    };
    const stop = consensus.watch(this.#logic.name, { applied: check, restored: check });
    clock.nextTurn(check);
    return () => {
      over = true;
      stop();
    };
  }

  async #propose(event: EventObject, options?: ProposeOptions): Promise<ReplicatedOutcome> {
    const { version } = this.#logic.identity;
    if (event.type === DELIVERY)
      mustBeOfLevel(
        this.#options.membership.level,
        LEVEL.deliveries,
        `A reliable channel to ${this.address}`,
      );
    const encoded = encodeRefs(event);
    const command: ReplicatedCommand =
      version === LOGIC_VERSION_DEFAULT ? { event: encoded } : { event: encoded, version };
    return (await this.#options.consensus.propose(this.#logic.name, command, options)) as ReplicatedOutcome;
  }
}
