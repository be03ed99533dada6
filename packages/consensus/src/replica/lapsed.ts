import { type NodeId, TuttiError } from '@tutti/kernel';

/** A call that only a leader can carry out. */
interface LeaderCall {
  /** The call, as the beginning of a sentence. */
  readonly what: string;
  readonly timeoutMs: number;
  /** How often it was sent, as far as it is not known to have come to nothing. */
  readonly attempts: number;
}

/**
 * What is told of a call whose time is up: that nobody knows what became of it, if it was sent; otherwise that nothing
 * has happened, and why.
 * @param leader Whom this node takes for the leader.
 * @param underWay Calls of its kind that this node has for the leader.
 */
export function lapsed(
  { what, timeoutMs, attempts }: LeaderCall,
  leader: NodeId | undefined,
  underWay: number,
): TuttiError {
  if (attempts > 0) return new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what, when: `within ${timeoutMs} ms` });
  if (leader === undefined) return new TuttiError('TUTTI_NO_LEADER', { known: 'nothing was sent' });
  const way = `The way to the leader ${leader}, which took no more from this node within ${timeoutMs} ms,`;
  return new TuttiError('TUTTI_OVERLOADED', { what: way, size: underWay, limit: underWay });
}

type Sent = Pick<LeaderCall, 'what' | 'attempts'>;

/** The refusal of a call that was never sent; of any other nobody knows what became of it, and why is the cause. */
function unlessSent({ what, attempts }: Sent, when: string, refusal: TuttiError): TuttiError {
  if (attempts === 0) return refusal;
  return new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what, when }, { cause: refusal });
}

/** What is told of a call that its caller called off: it may take effect all the same, if it was sent. */
export const calledOff = (call: Sent): TuttiError =>
  unlessSent(call, 'before it was called off', new TuttiError('TUTTI_ABORTED', { what: call.what }));

/** What is told of a call that is under way when this replica stops: it may take effect elsewhere, if it was sent. */
export const cutShort = (call: Sent, closed: TuttiError): TuttiError =>
  unlessSent(call, 'before this replica stopped', closed);

/** What is told of a call whose last attempt the leader refused: an earlier one may have come to more. */
export const turnedAway = ({ what, attempts }: Sent, refusal: TuttiError): TuttiError =>
  unlessSent({ what, attempts: attempts - 1 }, 'before a leader refused it', refusal);
