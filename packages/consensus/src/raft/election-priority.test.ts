import { nodeId, seededRandom, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { RaftMessage } from './messages.ts';
import { RaftNode } from './raft-node.ts';
import { CoreCluster, CoreDisk, command } from './testing/core-cluster.ts';

/** Ticks until a follower of this priority campaigns on its own. */
function patience(electionPriority: number, seed: number): number {
  const core = new RaftNode({
    id: nodeId('a'),
    config: { electionPriority },
    random: seededRandom(seed),
    hardState: { term: term(0), votedFor: undefined },
    membership: { voters: ['a', 'b', 'c'].map(nodeId), learners: [] },
    log: new CoreDisk(),
  });
  let ticks = 0;
  while (core.role === 'follower') {
    core.tick();
    ticks++;
  }
  return ticks;
}

test('whoever has a lower number campaigns first, whatever is drawn; nobody waits for ever', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const waits = [0, 1, 2, 16].map((priority) => patience(priority, seed));
    for (const [at, priority] of [0, 1, 2, 16].entries()) {
      expect(waits[at]).toBeGreaterThanOrEqual(10 * (priority + 1));
      expect(waits[at]).toBeLessThan(10 * (priority + 2));
    }
  }
});

test('a favourite that lacks entries is not waited for, so it cannot keep the others from leading', () => {
  const cluster = new CoreCluster({ config: { preVote: false, electionPriority: 3, checkQuorum: false } });
  cluster.elect('a').propose(command('c has not'));
  cluster.settleWithout('c');
  const behind = cluster.core('c');
  const b = cluster.core('b');
  // Node a is gone. Node c, the favourite, tries again and again, and each time the term rises for all.
  for (let ticks = 0; ticks < 300 && b.role !== 'leader'; ticks++) {
    if (ticks % 15 === 14) behind.campaign();
    b.tick();
    cluster.settleWithout('a');
  }
  expect(b.role).toBe('leader');
});

test('pitfall 18: a node of a higher term with a shorter log is answered, and the group finds a leader', () => {
  const cluster = new CoreCluster();
  cluster.elect('a').propose(command('at a and b'));
  cluster.settleWithout('c');
  // Cut off without pre-vote for a while, node c has raised its term.
  cluster.host('c').disk.hardState = { term: term(50), votedFor: nodeId('c') };
  cluster.host('c').crash();
  cluster.tick('a', 2);
  cluster.settle();
  // The leader heard of the term from an answer, and stepped down; whoever leads next is beyond it.
  expect(cluster.core('a').role).not.toBe('leader');
  for (let ticks = 0; ticks < 200 && cluster.leaders().length === 0; ticks++) {
    for (const name of ['a', 'b', 'c']) cluster.tick(name);
    cluster.settle();
  }
  const [leader] = cluster.leaders();
  expect(['a', 'b']).toContain(leader?.id);
  expect(leader!.term).toBeGreaterThan(50);
});

test('pitfall 17: a node that was cut off disturbs nobody when it returns', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  const before = leader.term;
  for (let i = 0; i < 30; i++) {
    cluster.tick('c', 5);
    cluster.tick('a', 2);
    cluster.settleWithout('c');
  }
  expect(cluster.core('c').term).toBe(before);
  cluster.core('c').campaign();
  cluster.settle();
  expect([leader.role, leader.term]).toEqual(['leader', before]);
});

test('pitfall 4: a pre-vote that ran out is not won later by its answers, when a leader was heard of in between', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('c');
  const { term: before } = leader;
  // Nodes a and b hear nothing for a while; a asks, and what b grants is late.
  for (const name of ['a', 'b']) cluster.tick(name, 10);
  cluster.core('a').campaign();
  const late: RaftMessage[] = [];
  cluster.settle((message) => message.to === 'c' || (message.type === 'voteReply' && late.push(message) > 0));
  expect(late).toMatchObject([{ from: 'b', granted: true }]);
  cluster.tick('c', 2);
  cluster.settle();
  // Then a alone hears nothing, and asks about the same term in vain.
  cluster.tick('a', 10);
  cluster.core('a').campaign();
  cluster.settle();
  expect([cluster.core('a').role, cluster.core('a').term]).toEqual(['pre-candidate', before]);
  cluster.core('a').step(late[0]!);
  cluster.settle();
  expect([cluster.core('a').term, leader.role]).toEqual([before, 'leader']);
});

test('pitfall 4: answers of a pre-vote that ran out are not counted for the next one or for the vote', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c', 'd', 'e'] });
  const answers: RaftMessage[] = [];
  cluster.core('a').campaign();
  cluster.settle((message) => message.type === 'voteReply' && answers.push(message) > 0);
  // Meanwhile the term rose: what was granted was granted for another.
  cluster.core('a').step({
    type: 'voteReply',
    from: nodeId('b'),
    to: nodeId('a'),
    term: term(7),
    pre: true,
    campaignTerm: term(1),
    granted: false,
  });
  cluster.core('a').campaign();
  cluster.host('a').flush();
  for (const answer of answers) cluster.core('a').step(answer);
  expect(cluster.core('a').role).toBe('pre-candidate');
});
