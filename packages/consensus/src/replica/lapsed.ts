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

/** What is told of a call that its caller called off: it may take effect all the same, if it was sent. */
export function calledOff({ what, attempts }: Pick<LeaderCall, 'what' | 'attempts'>): TuttiError {
  const aborted = new TuttiError('TUTTI_ABORTED', { what });
  if (attempts === 0) return aborted;
  const when = 'before it was called off';
  return new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what, when }, { cause: aborted });
}

/** What is told of a call that is under way when this replica stops: it may take effect elsewhere, if it was sent. */
export function cutShort(
  { what, attempts }: Pick<LeaderCall, 'what' | 'attempts'>,
  closed: TuttiError,
): TuttiError {
  if (attempts === 0) return closed;
  const when = 'before this replica stopped';
  return new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what, when }, { cause: closed });
}
