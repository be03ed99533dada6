import { TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import { DELIVERY, DeliveryLog, isDelivery, ReceiptTarget } from '../delivery/delivery-log.ts';
import type { UserMessage } from '../mailbox/user-lane.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import { Asked } from './ask.ts';
import { CellInbox } from './cell-inbox.ts';
import type { HostedSelf } from './xstate-self.ts';

/** How a cell takes one message out of its mailbox: who waits for an answer, and which messages it has had before. */
export abstract class CellReception<Cell> extends CellInbox<Cell> {
  currentAsk: ReplyTarget | undefined;
  abstract self: HostedSelf | undefined;

  /** When the ask that is being handled is over. */
  get askDeadline(): number {
    return (this.currentAsk ?? this.self?.holding)?.deadline ?? Infinity;
  }

  /** Runs one event through the logic. */
  abstract process(event: EventObject): void;

  /** Does something now, or when the open turn is committed and out. */
  protected abstract afterTurn(act: () => void): void;

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
    this.currentAsk = receipt;
    if (fate === 'handled' && event.event) {
      log.arrive(event);
      this.process(event.event);
      log.settle();
    } else {
      if (!event.event) log.forget(event.channel);
      this.afterTurn(() => receipt.reply());
      this.currentAsk = undefined;
    }
    this.acknowledge();
  }

  /** The message has been handled: of a numbered one that is the answer. */
  protected acknowledge(): void {
    const ask = this.currentAsk;
    this.currentAsk = undefined;
    if (this.self) this.self.holding = undefined;
    if (ask?.isReceipt) ask.reply(undefined);
  }
}
