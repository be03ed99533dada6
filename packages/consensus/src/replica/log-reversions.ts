import type { LogReversion } from '../raft/ready.ts';
import type { DriverParts } from './driver-parts.ts';

/** Says which members have lost what they had acknowledged: their disks do not keep what they flush, or were replaced. */
export function noteReversions(
  { logger, options, stats }: Pick<DriverParts, 'logger' | 'options' | 'stats'>,
  reversions: readonly LogReversion[],
): void {
  for (const { peer, acknowledged, hint } of reversions) {
    stats.reversions++;
    logger.error(
      { node: options.nodeId, peer, acknowledged, has: hint },
      'A member has lost entries that it had acknowledged to be on its disk; they count no more, and are sent again',
    );
  }
}
