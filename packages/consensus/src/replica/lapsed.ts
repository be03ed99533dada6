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
  if (attempts > 0) return new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what, timeoutMs });
  if (leader === undefined) return new TuttiError('TUTTI_NO_LEADER', { known: 'nothing was sent' });
  const way = `The way to the leader ${leader}, which took no more from this node within ${timeoutMs} ms,`;
  return new TuttiError('TUTTI_OVERLOADED', { what: way, size: underWay, limit: underWay });
}
