import { TuttiError } from '@tutti/kernel';

/**
 * What the modules of the log can do, in levels. Every member applies the same commands, so all of them must do the same
 * with each: while one member is of a lower level, all others apply as it does. Each says its level when it joins, the
 * cluster's is the lowest, and it never goes down again. Nodes from before there were levels are of level 1.
 */
export const CLUSTER_LEVEL = 5;

/** The level from which on something is done. */
export const LEVEL = {
  /** Entities that have reached their end are removed from the state but for a mark. */
  endedAreRemoved: 2,
  /** What members declare is compared when they join, and stored states say which code wrote them. */
  declarations: 2,
  /** Tasks are added to sessions that are open. */
  addedTasks: 3,
  /**
   * Entities and replicated logics take numbered messages. One of the level before would hand such a message to its logic,
   * and forget which it has had: copies of a replicated logic would differ.
   */
  deliveries: 2,
  /**
   * Reliable channels to entities and replicated logics say when they were born, by which a receiver knows that it has not
   * forgotten one. One of the level before would forget the birth with the channel, and copies of a replicated logic
   * would differ.
   */
  channelBirths: 4,
  /** A stored timer says that its id does not name it any more. */
  unnamedTimers: 5,
} as const;

export const levelIsLow = (level: number, required: number, what: string): TuttiError =>
  new TuttiError('TUTTI_CLUSTER_LEVEL_LOW', { what, level, required });

/** @throws TuttiError `TUTTI_CLUSTER_LEVEL_LOW` while a member is of a level before `required` */
export function mustBeOfLevel(level: number, required: number, what: string): void {
  if (level < required) throw levelIsLow(level, required, what);
}
