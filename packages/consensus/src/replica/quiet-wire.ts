import type { LogIndex, NodeId, Term, WireValue } from '@tutti/kernel';
import { Reader } from './wire.ts';

/**
 * `offer`: the leader says that nothing is under way. `agree`: a follower has gone quiet on it. `wake`: a follower that
 * was quiet is so no more, and wants to hear its leader.
 */
export type QuietStep = 'offer' | 'agree' | 'wake';
const STEPS: readonly QuietStep[] = ['offer', 'agree', 'wake'];
/** A kind beside those of `wire.ts`. */
const KIND = 40;

/** What members of a group say to each other about going quiet. */
export interface QuietMessage {
  readonly step: QuietStep;
  readonly from: NodeId;
  readonly term: Term;
  /** The end of the sender's log. */
  readonly index: LogIndex;
}

export function quietToWire({ step, term, index }: QuietMessage): WireValue[] {
  return [KIND, STEPS.indexOf(step), term, index];
}

/** The message that `value` holds; undefined when it is another kind of message, or none at all. */
export function quietFromWire(value: WireValue, from: NodeId): QuietMessage | undefined {
  if (!Array.isArray(value) || value[0] !== KIND) return undefined;
  try {
    const reader = new Reader(value.slice(1));
    const step = STEPS[reader.whole()];
    return step && { step, from, term: reader.term(), index: reader.index() };
  } catch {
    return undefined;
  }
}
