import { logIndex, nodeId, seededRandom } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { Entry } from './messages.ts';
import { RaftNode } from './raft-node.ts';
import { CoreDisk } from './testing/core-cluster.ts';

test('a state machine that does not keep up is given no more than it may be behind, and all of it in the end', () => {
  const disk = new CoreDisk();
  const core = new RaftNode({
    id: nodeId('a'),
    config: { applyBytesMax: 100 },
    random: seededRandom(1),
    hardState: disk.hardState,
    membership: { voters: [nodeId('a')], learners: [] },
    log: disk,
  });
  const waiting: Entry[] = [];
  const drain = (): void => {
    while (core.hasReady()) {
      const { persist, committed } = core.ready();
      waiting.push(...committed);
      if (!persist) continue;
      disk.write(persist);
      core.persisted(persist.sequence);
    }
  };
  core.campaign();
  drain();
  for (let i = 0; i < 100; i++) core.propose(new Uint8Array(50));
  drain();
  expect(core.commitIndex).toBe(101);
  expect(waiting.length * 50).toBeLessThanOrEqual(4 * 100 + 100);
  for (let next = 1; next <= 101; next++) {
    expect(waiting.shift()?.index).toBe(next);
    core.applied(logIndex(next));
    drain();
  }
  expect(waiting).toEqual([]);
});
