import { TuttiError } from '@tutti/kernel';
import { ASK_TIMEOUT_MS_DEFAULT } from '../actor/ask.ts';
import type { Ref } from '../actor/ref.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import {
  ENVELOPE_VERSION,
  type Envelope,
  envelopeProblem,
  kindOf,
  type MessageKind,
  readEnvelope,
  responseTo,
  type Urgency,
} from './envelope.ts';

/** What goes with a message beyond its subject and payload. */
export interface MessageOptions {
  /** The message that this one comes of: it belongs to the same conversation. */
  readonly cause?: Envelope;
  /** The conversation, when there is no cause; default a new one. */
  readonly correlation?: string;
  readonly urgency?: Urgency;
}

/** How a request is sent, and how long its answer is waited for. */
export interface RequestOptions extends MessageOptions {
  /** Default 5,000; less when an ask is being handled that ends sooner. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends envelopes in the name of one actor: numbers them, dates them, says what they belong to, and checks them before
 * they go, as the receiving node does when they arrive.
 */
export class Correspondent {
  readonly #system: ActorSystem;
  readonly #self: Ref;

  /** @param self The actor in whose name it sends; answers and others' messages go there. */
  constructor(system: ActorSystem, self: Ref) {
    this.#system = system;
    this.#self = self;
  }

  /** Asks for something and waits for the `RESPONSE`. @throws TuttiError as `ask` does, and `TUTTI_MESSAGE_INVALID` */
  async request<Reply = unknown>(
    to: Ref,
    subject: string,
    payload: unknown,
    options: RequestOptions = {},
  ): Promise<Envelope<Reply>> {
    const { clock, askDeadline } = this.#system;
    const left = Math.min(options.timeoutMs ?? ASK_TIMEOUT_MS_DEFAULT, askDeadline - clock.now());
    const timeoutMs = Math.max(0, Math.ceil(left));
    const deadline = Math.floor(clock.wallTime()) + timeoutMs;
    const request = this.#make('REQUEST', to, subject, payload, options, { deadline });
    const { signal } = options;
    const response = readEnvelope(await to.ask(request, { timeoutMs, ...(signal ? { signal } : {}) }));
    if (response.causation !== request.id || kindOf(response) !== 'RESPONSE')
      throw new TuttiError('TUTTI_MESSAGE_INVALID', {
        problem: `it does not answer the request ${request.id}`,
      });
    return response as Envelope<Reply>;
  }

  /** Answers a request: give what it returns to `reply(...)`. */
  respond<Payload>(request: Envelope, payload: Payload): Envelope<Payload> {
    return responseTo(request, payload, this.#stamp());
  }

  /** Tells, and waits for nothing. */
  notify(to: Ref, subject: string, payload: unknown, options: MessageOptions = {}): Envelope {
    return this.#send(to, this.#make('NOTIFICATION', to, subject, payload, options, {}));
  }

  /** Tells of a state at a revision, which grows. */
  update(
    to: Ref,
    subject: string,
    revision: number,
    payload: unknown,
    options: MessageOptions = {},
  ): Envelope {
    return this.#send(to, this.#make('STATE_UPDATE', to, subject, payload, options, { revision }));
  }

  /** Tells those who take part in a plan. */
  coordinate(to: Ref, subject: string, payload: unknown, options: MessageOptions = {}): Envelope {
    return this.#send(to, this.#make('COORDINATION', to, subject, payload, options, {}));
  }

  #send(to: Ref, envelope: Envelope): Envelope {
    to.send(envelope);
    return envelope;
  }

  #stamp(): { readonly id: string; readonly sentAt: number } {
    return { id: this.#system.ids.next('message'), sentAt: Math.floor(this.#system.clock.wallTime()) };
  }

  #make(
    kind: MessageKind,
    to: Ref,
    subject: string,
    payload: unknown,
    { cause, correlation, urgency }: MessageOptions,
    rest: { readonly deadline?: number; readonly revision?: number },
  ): Envelope {
    const stamp = this.#stamp();
    const envelope: Envelope = {
      type: `message.${kind}`,
      version: ENVELOPE_VERSION,
      ...stamp,
      from: this.#self.address,
      to: to.address,
      correlation: cause?.correlation ?? correlation ?? stamp.id,
      ...(cause ? { causation: cause.id } : {}),
      subject,
      ...(urgency === undefined ? {} : { urgency }),
      ...rest,
      payload,
    };
    const problem = envelopeProblem(envelope);
    if (problem !== undefined) throw new TuttiError('TUTTI_MESSAGE_INVALID', { problem });
    return envelope;
  }
}
