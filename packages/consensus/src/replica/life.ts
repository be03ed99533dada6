import type { Clock } from '@tutti/kernel';
import type { LogStoreState } from '../storage/log-store.ts';
import type { ReplicaOptions } from './replica-options.ts';

/**
 * A number that one life of a replica has, and no earlier one: the hour of its start in milliseconds, moved on by where
 * its log ended then. It is another one though an incarnation and a seed come again, as with a program that has both in
 * its text. Lives of one process may begin in the same instant; chance tells them apart.
 */
export const lifeOf = (clock: Clock, { lastIndex }: LogStoreState): number =>
  Math.floor(clock.wallTime()) + lastIndex;

/**
 * Makes ids that nobody else makes, in whatever life. The log remembers sessions and changes of the membership by them:
 * whoever gave one twice would be answered with what became of the first, and nothing would be done.
 */
export function idsOf(
  { nodeId, incarnation, random }: Pick<ReplicaOptions, 'nodeId' | 'incarnation' | 'random'>,
  life: number,
): () => string {
  const prefix = `${nodeId}/${incarnation}/${life}/${random.fork('ids').uint32()}`;
  let count = 0;
  return () => `${prefix}/${++count}`;
}
