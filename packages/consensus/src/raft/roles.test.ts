import { nodeId, seededRandom } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { type ActiveRole, RaftState } from './raft-state.ts';
import { enterRole } from './roles.ts';
import { CoreDisk } from './testing/core-cluster.ts';

const ROLES: readonly ActiveRole[] = ['follower', 'pre-candidate', 'candidate', 'leader'];

test('figure 4: nobody leads without having been a candidate, and a leader only ever steps down', () => {
  const legal = ROLES.map((from) =>
    ROLES.filter((to) => {
      const disk = new CoreDisk();
      const state = new RaftState({
        id: nodeId('a'),
        random: seededRandom(1),
        hardState: disk.hardState,
        membership: { voters: [nodeId('a')], learners: [] },
        log: disk,
      });
      state.role = from;
      try {
        enterRole(state, to, undefined);
        return state.role === to;
      } catch {
        return false;
      }
    }),
  );
  expect(legal).toEqual([
    ['follower', 'pre-candidate', 'candidate'],
    ['follower', 'pre-candidate', 'candidate'],
    ['follower', 'pre-candidate', 'candidate', 'leader'],
    ['follower'],
  ]);
});
