import type { ConsensusStatus, ReplicaRole } from '@tutti/consensus';
import { logIndex, type NodeId, nodeId, term } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { clusterView, type GroupReport, leadingReport } from './cluster-view.ts';

const n1 = nodeId('n1');
const n2 = nodeId('n2');
const n10 = nodeId('n10');

function report(
  node: NodeId,
  role: ReplicaRole,
  inTerm: number,
  { commit = 10, applied = 10, learners = [] as NodeId[] } = {},
): GroupReport {
  const consensus: ConsensusStatus = {
    nodeId: node,
    role,
    term: term(inTerm),
    leader: undefined,
    commitIndex: logIndex(commit),
    appliedIndex: logIndex(applied),
    lastIndex: logIndex(commit),
    voters: [n1, n2],
    membership: {
      voters: [n2, n1],
      learners,
      outgoing: [],
      promotable: [],
      contacts: {},
      index: logIndex(inTerm),
      isJoint: false,
      isCommitted: true,
      standing: 'voter',
    },
    snapshotIndex: logIndex(0),
  };
  const times = { count: inTerm, p50: 1, p95: 1, p99: 1, max: 1 };
  return { node, consensus, stages: { commit: times } };
}

describe('the view of a group', () => {
  it('believes the leader of the highest term, not one that was left behind', () => {
    const stale = report(n1, 'leader', 3);
    const leading = report(n2, 'leader', 4, { learners: [n10] });
    expect(leadingReport([stale, leading])).toBe(leading);
    const view = clusterView([stale, leading]);
    expect(view).toMatchObject({ leader: 'n2', term: 4, configuration: { learners: ['n10'] } });
    expect(view.stages.commit?.count).toBe(4);
  });

  it('has a row for each member, in the order of their numbers, and says who is silent', () => {
    const { nodes } = clusterView([report(n2, 'leader', 4, { learners: [n10] })]);
    expect(nodes.map(({ node, standing, role }) => [node, standing, role])).toEqual([
      ['n1', 'voter', 'silent'],
      ['n2', 'voter', 'leader'],
      ['n10', 'learner', 'silent'],
    ]);
    expect(nodes[0]).toMatchObject({ appliedIndex: undefined, lag: undefined });
  });

  it('has a row for a node that answers and is no member', () => {
    const { nodes } = clusterView([
      report(n1, 'leader', 4),
      report(n10, 'learner', 0, { commit: 0, applied: 0 }),
    ]);
    expect(nodes.at(-1)).toMatchObject({ node: 'n10', standing: 'outside', role: 'learner', lag: 10 });
  });

  it('counts the lag from what any node knows to be committed', () => {
    const { nodes } = clusterView([
      report(n1, 'leader', 4, { commit: 10, applied: 9 }),
      report(n2, 'follower', 4, { commit: 12, applied: 12 }),
    ]);
    expect(nodes.map(({ lag }) => lag)).toEqual([3, 0]);
  });

  it('goes by the newest term while nobody leads, and shows no stages', () => {
    const view = clusterView([report(n1, 'follower', 3), report(n2, 'candidate', 5, { learners: [n10] })]);
    expect(view).toMatchObject({
      leader: undefined,
      term: 5,
      configuration: { learners: ['n10'] },
      stages: {},
    });
  });
});
