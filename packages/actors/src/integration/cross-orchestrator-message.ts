import { TuttiError, type WireValue } from '@tutti/kernel';
import { type Correspondent, type Envelope, kindOf, type Ref, URGENCIES, type Urgency } from '@tutti/runtime';

/** What orchestrators say to each other beside the task board. */
export const CROSS_ORCHESTRATOR_TYPES = [
  'sync_request',
  'integration_point',
  'dependency_update',
  'conflict_notification',
] as const;
export type CrossOrchestratorType = (typeof CROSS_ORCHESTRATOR_TYPES)[number];

/** One message from orchestrator to orchestrator; on the way it is the payload of a `COORDINATION` envelope. */
export interface CrossOrchestratorMessage {
  readonly type: CrossOrchestratorType;
  readonly from_orchestrator: string;
  readonly to_orchestrator: string;
  readonly payload: {
    readonly subject: string;
    readonly content: WireValue;
    readonly urgency: Urgency;
    readonly requires_response: boolean;
    /** More than 0; asked for when a response is. */
    readonly timeout_seconds?: number;
  };
  readonly correlation_id: string;
  /** In milliseconds since 1970. */
  readonly timestamp: number;
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === 'string' && value.length > 0;

function problemOf(message: unknown): string | undefined {
  if (!isFields(message)) return 'it is no object';
  if (!CROSS_ORCHESTRATOR_TYPES.includes(message['type'] as CrossOrchestratorType))
    return `the type "${String(message['type'])}" is unknown`;
  for (const field of ['from_orchestrator', 'to_orchestrator', 'correlation_id'])
    if (!isText(message[field])) return `${field} is no text`;
  const { timestamp, payload } = message;
  if (!Number.isFinite(timestamp) || (timestamp as number) < 0) return 'timestamp is no time';
  if (!isFields(payload)) return 'payload is no object';
  return payloadProblem(payload);
}

function payloadProblem(payload: Fields): string | undefined {
  const { subject, urgency, requires_response: wantsResponse, timeout_seconds: timeout } = payload;
  if (!isText(subject)) return 'payload.subject is no text';
  if (!('content' in payload)) return 'payload.content is missing';
  if (!URGENCIES.includes(urgency as Urgency)) return `the urgency "${String(urgency)}" is unknown`;
  if (typeof wantsResponse !== 'boolean') return 'payload.requires_response is neither true nor false';
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0 && Number.isFinite(timeout)))
    return 'payload.timeout_seconds is no number above 0';
  if (wantsResponse && timeout === undefined)
    return 'payload.timeout_seconds is missing, and a response is required';
  return undefined;
}

/** Checks a message from somewhere. @throws TuttiError `TUTTI_MESSAGE_INVALID` */
export function crossOrchestratorMessage(raw: unknown): CrossOrchestratorMessage {
  const problem = problemOf(raw);
  if (problem !== undefined) throw new TuttiError('TUTTI_MESSAGE_INVALID', { problem });
  return raw as CrossOrchestratorMessage;
}

/** The message in an envelope. @throws TuttiError `TUTTI_MESSAGE_INVALID` when there is none */
export function messageIn(envelope: Envelope): CrossOrchestratorMessage {
  const kind = kindOf(envelope);
  if (kind !== 'COORDINATION' && kind !== 'REQUEST')
    throw new TuttiError('TUTTI_MESSAGE_INVALID', {
      problem: `orchestrators do not send each other a ${kind}`,
    });
  const message = crossOrchestratorMessage(envelope.payload);
  if (message.correlation_id !== envelope.correlation)
    throw new TuttiError('TUTTI_MESSAGE_INVALID', {
      problem: 'it belongs to another conversation than its envelope',
    });
  return message;
}

/**
 * Sends a message after checking it: as a `REQUEST` when it requires a response, which is waited for, and otherwise as
 * `COORDINATION`, of which nothing comes back.
 * @throws TuttiError `TUTTI_MESSAGE_INVALID`, and what `Correspondent.request` does
 */
export async function sendToOrchestrator(
  correspondent: Correspondent,
  to: Ref,
  message: CrossOrchestratorMessage,
): Promise<Envelope | undefined> {
  const { type, payload, correlation_id: correlation } = crossOrchestratorMessage(message);
  const { urgency, requires_response: wantsResponse, timeout_seconds: timeout } = payload;
  const options = { correlation, urgency };
  if (wantsResponse)
    return await correspondent.request(to, type, message, { ...options, timeoutMs: timeout! * 1_000 });
  correspondent.coordinate(to, type, message, options);
  return undefined;
}
