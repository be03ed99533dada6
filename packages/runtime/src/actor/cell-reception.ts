import { messageOf, TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import { DELIVERY, DeliveryLog, isDelivery, ReceiptTarget } from '../delivery/delivery-log.ts';
import type { Mailbox } from '../mailbox/mailbox.ts';
import type { UserMessage } from '../mailbox/user-lane.ts';
import { inSlices } from '../scheduler/in-slices.ts';
import { supervisionOf } from '../supervision/supervisor.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import { Asked } from './ask.ts';
import { CellInbox } from './cell-inbox.ts';
import type { TerminationReason } from './ref.ts';
import type { HostedSelf, HostingCell, Signal } from './xstate-self.ts';

const SHUTDOWN_MS_DEFAULT = 5_000;

/**
 * How a cell takes one message out of its mailbox: who waits for an answer, and which messages it has had before. And
 * what becomes of those that it does not handle any more.
 */
export abstract class CellReception<Cell> extends CellInbox<Cell> {
  currentAsk: ReplyTarget | undefined;
  abstract self: HostedSelf | undefined;

  /** When the ask that is being handled is over. */
  get askDeadline(): number {
    return (this.currentAsk ?? this.self?.holding)?.deadline ?? Infinity;
  }

  /** Runs one event through the logic. */
  abstract process(event: EventObject): void;
  abstract requestStop(): void;

  protected canHandleUser(mailbox: Mailbox<Signal<HostingCell>>): boolean {
    return this.phase === 'running' && mailbox.hasUser && !this.isHeld;
  }

  /**
   * What a machine and its children have for each other may have no end, and must not keep it from what others send. That
   * waits for as many signals as one turn has room for, over however many turns those are spread by what is nested in them.
   * @returns how many messages were handled
   */
  protected hearOne(signals: number, budget: number): number {
    const turns = this.self?.system.turns;
    const unheard = signals + (turns?.unheard ?? 0);
    if (turns) turns.unheard = unheard;
    if (unheard < budget) return 0;
    this.hasHeard();
    const { mailbox } = this;
    const message = mailbox && this.canHandleUser(mailbox) ? mailbox.user.shift() : undefined;
    if (message === undefined) return 0;
    this.handle(message);
    return 1;
  }

  protected hasHeard(): void {
    const turns = this.self?.system.turns;
    if (turns) turns.unheard = 0;
  }

  protected handle(message: UserMessage): void {
    if (message instanceof Asked) {
      if (message.event.type === DELIVERY) return this.#receive(message);
      this.currentAsk = message.target;
      this.process(message.event);
      this.acknowledge();
      message.target.handled?.();
    } else this.process(message);
  }

  /** Handles a numbered message if it is the next of its channel, and answers it when all that is committed. */
  #receive({ event, target }: Asked): void {
    if (!isDelivery(event)) {
      return target.fail(new TuttiError('TUTTI_CODEC_INVALID', { problem: 'this is no delivery' }));
    }
    const log = (this.rareParts.deliveries ??= new DeliveryLog());
    const fate = log.judge(event);
    // Under way in a thread: nobody can say yet that it was handled. The first attempt is answered then, or a later one.
    if (fate === 'duplicate' && this.outpost?.owesReceipt(event)) return;
    const receipt = new ReceiptTarget(target, event, () => log.receipt(event, fate));
    if (fate === 'handled' && event.event) {
      this.currentAsk = receipt;
      log.arrive(event);
      this.process(event.event);
      // With a keeper it counts with its turn. Without one nothing is left of a message that the actor failed on.
      if (this.settings.keeper) log.settle();
      else log.arrived();
      return this.acknowledge();
    }
    if (!event.event) log.forget(event.channel);
    const commit = this.rare?.commit;
    if (commit) commit.receipts.push(receipt);
    else receipt.reply();
  }

  /** The message has been handled: of a numbered one that is the answer. */
  protected acknowledge(): void {
    const ask = this.currentAsk;
    this.currentAsk = undefined;
    this.self?.acknowledge();
    if (ask?.isReceipt) ask.reply(undefined);
    else if (ask && this.phase !== 'running') {
      // It ended with this message, and nobody else can answer it. (OTP, gen_server:call exits when the server does.)
      ask.fail(new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: this.address }));
    }
  }

  /**
   * Begins the ordered stop when it has handled all that it was sent, and has answered the asks that it holds or the time
   * for that is over. One is waited for as long as its asker waits and something under way inside may lead to its answer:
   * a child, or a delay. What can be answered only after another message is not. What is left of the time is the stop's own,
   * where `shutdownMs` is less.
   */
  leave(withinMs: number): void {
    this.rareParts.leavesBy = this.core.clock.now() + withinMs;
    this.goOnLeaving();
  }

  get shutdownMs(): number {
    const { shutdownMs } = this.policy || {};
    return shutdownMs ?? (supervisionOf(this.logic) ? Infinity : SHUTDOWN_MS_DEFAULT);
  }

  /** How long its stop may take. Whoever has it leave gives it time of their own, which may be more. */
  protected get stopMs(): number {
    return Math.max(this.shutdownMs, (this.rare?.leavesBy ?? 0) - this.core.clock.now());
  }

  protected goOnLeaving(): void {
    if (this.phase === 'committing' || this.isReady) return; // a turn follows
    if (this.phase === 'running' && this.#mayAnswer()) return;
    this.requestStop();
  }

  #mayAnswer(): boolean {
    const { self, core } = this;
    const rare = this.rare!;
    const by = rare.leavesBy!;
    const now = core.clock.now();
    if (now >= by || !self?.owesReply(now) || !self.system.mayGoOn(by)) return false;
    rare.lapse ??= core.clock.setTimer(Math.min(by, self.owesUntil) - now, () => {
      rare.lapse = undefined;
      if (this.rare && !this.stopRequested) this.goOnLeaving();
    });
    return true;
  }

  protected failure(error: unknown): TuttiError {
    const details = { address: this.address, problem: messageOf(error) };
    return new TuttiError('TUTTI_ACTOR_FAILED', details, { cause: error });
  }

  /**
   * The messages that were not handled before the actor's end.
   * @param passesOn Whether its keeper is asked to see to them
   */
  protected bury(
    messages: readonly UserMessage[],
    reason: TerminationReason,
    error: unknown,
    passesOn: boolean,
  ): void {
    const rest = passesOn ? messages.filter((message) => !this.#isPassedOn(message)) : messages;
    if (rest.length > 0)
      void inSlices(this.core.clock, rest, (message) => this.#buryOne(message, reason, error));
  }

  #buryOne(message: UserMessage, reason: TerminationReason, error: unknown): void {
    // One that waits for a receipt was not handled, and may be by whoever comes after.
    const isTold = reason === 'failed' && message instanceof Asked && message.event.type !== DELIVERY;
    if (isTold) message.target.fail(this.failure(error));
    this.refuse(isTold ? message.event : message, 'stopped');
  }

  #isPassedOn(message: UserMessage): boolean {
    const { keeper } = this.settings;
    if (!keeper?.passOn) return false;
    return message instanceof Asked
      ? keeper.passOn(message.event, message.target)
      : keeper.passOn(message, undefined);
  }
}
