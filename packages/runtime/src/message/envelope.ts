import { TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { Address } from '../actor/ref.ts';
import { DELIVERY, isDelivery } from '../delivery/delivery-log.ts';

/**
 * What a message is for. `REQUEST`: wants a `RESPONSE`, until its deadline. `NOTIFICATION`: one way. `STATE_UPDATE`: one
 * way, the state of something at a revision; an older one than the last is of no use. `COORDINATION`: for the parts of a
 * plan that wait for each other.
 */
export const MESSAGE_KINDS = ['REQUEST', 'RESPONSE', 'NOTIFICATION', 'STATE_UPDATE', 'COORDINATION'] as const;
/** One of {@link MESSAGE_KINDS}. */
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** The version of the form below. A node that reads another one makes a dead letter of it. */
export const ENVELOPE_VERSION = 1;

/** How soon a message should be handled. A mailbox with `priority: 'urgency'` goes by it. */
export const URGENCIES = ['low', 'medium', 'high', 'critical'] as const;
/** One of {@link URGENCIES}. */
export type Urgency = (typeof URGENCIES)[number];

/** What every envelope's type begins with; a machine takes one kind as `message.REQUEST`, or all as `message.*`. */
const PREFIX = 'message.';

/**
 * A message that says of itself what it is, who it is from, what it belongs to, and until when it matters. It is an
 * event like any other, so it can be sent, asked, published and delivered reliably; its fields are plain data.
 */
export interface Envelope<Payload = unknown> extends EventObject {
  readonly type: `message.${MessageKind}`;
  readonly version: typeof ENVELOPE_VERSION;
  /** Unique in the cluster. */
  readonly id: string;
  readonly from: Address;
  readonly to: Address;
  /** What all messages of one conversation have in common: the id of the first. */
  readonly correlation: string;
  /** The id of the message that this one answers, or came of. Always there in a `RESPONSE`. */
  readonly causation?: string;
  /** What it is about, as the receiver knows it. */
  readonly subject: string;
  /** Default `medium`. */
  readonly urgency?: Urgency;
  /** When it was made, in milliseconds since 1970 by the sender's clock. */
  readonly sentAt: number;
  /** When nobody waits for it any more, by the same clock. Always there in a `REQUEST`. */
  readonly deadline?: number;
  /** Which state it tells of, a whole number from 0 that grows. Always there in a `STATE_UPDATE`. */
  readonly revision?: number;
  readonly payload: Payload;
}

/** Whether an event claims to be an envelope. */
export const claimsToBeEnvelope = ({ type }: EventObject): boolean => type.startsWith(PREFIX);

/** The kind of an envelope. */
export const kindOf = ({ type }: Envelope): MessageKind => type.slice(PREFIX.length) as MessageKind;

const isText = (value: unknown): boolean => typeof value === 'string' && value.length > 0;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** What is wrong with an event that claims to be an envelope; undefined when nothing is. */
export function envelopeProblem(event: EventObject): string | undefined {
  const {
    type,
    version,
    id,
    from,
    to,
    correlation,
    causation,
    subject,
    urgency,
    sentAt,
    deadline,
    revision,
  } = event as Partial<Record<keyof Envelope, unknown>> & EventObject;
  const kind = type.slice(PREFIX.length);
  if (!type.startsWith(PREFIX) || !MESSAGE_KINDS.includes(kind as MessageKind))
    return `the kind "${kind}" is unknown`;
  if (version !== ENVELOPE_VERSION) return `its version is ${String(version)} and not ${ENVELOPE_VERSION}`;
  for (const [field, value] of Object.entries({ id, from, to, correlation, subject }))
    if (!isText(value)) return `${field} is no text`;
  if (!('payload' in event)) return 'it has no payload';
  if (!isCount(sentAt)) return 'sentAt is no time';
  if (causation !== undefined && !isText(causation)) return 'causation is no text';
  if (deadline !== undefined && !isCount(deadline)) return 'deadline is no time';
  if (revision !== undefined && !isCount(revision)) return 'revision is no whole number from 0';
  if (urgency !== undefined && !URGENCIES.includes(urgency as Urgency)) return 'the urgency is unknown';
  if (kind === 'REQUEST' && deadline === undefined) return 'a REQUEST has a deadline';
  if (kind === 'RESPONSE' && causation === undefined) return 'a RESPONSE says by causation what it answers';
  if (kind === 'STATE_UPDATE' && revision === undefined) return 'a STATE_UPDATE has a revision';
  return undefined;
}

/**
 * What is wrong with an event that came from another node, by itself or in a reliable channel; undefined when nothing is,
 * as with all that do not claim to be an envelope.
 */
export function foreignProblem(event: EventObject): string | undefined {
  const inner = event.type === DELIVERY && isDelivery(event) ? event.event : event;
  return inner && claimsToBeEnvelope(inner) ? envelopeProblem(inner) : undefined;
}

/** Reads an envelope that came from somewhere. @throws TuttiError `TUTTI_MESSAGE_INVALID` */
export function readEnvelope(raw: unknown): Envelope {
  const isEvent = typeof (raw as EventObject | null | undefined)?.type === 'string';
  const problem = isEvent ? envelopeProblem(raw as EventObject) : 'it is no event';
  if (problem !== undefined) throw new TuttiError('TUTTI_MESSAGE_INVALID', { problem });
  return raw as Envelope;
}

/** What the answer to a request is made of. */
export interface ResponseParts {
  readonly id: string;
  readonly sentAt: number;
  readonly subject?: string;
}

/** The envelope that answers another one: back to its sender, in the same conversation, caused by it. */
export function responseTo<Payload>(
  { id: causation, from, to, correlation, subject, urgency }: Envelope,
  payload: Payload,
  parts: ResponseParts,
): Envelope<Payload> {
  return {
    type: 'message.RESPONSE',
    version: ENVELOPE_VERSION,
    id: parts.id,
    from: to,
    to: from,
    correlation,
    causation,
    subject: parts.subject ?? subject,
    ...(urgency === undefined ? {} : { urgency }),
    sentAt: parts.sentAt,
    payload,
  };
}
