import { STAGES } from '@tutti/consensus';
import type { ClusterView } from '../admin/cluster-view.ts';
import { table } from './table.ts';

/** A group as tables: its nodes, who belongs to it, and what a command goes through at its leader. */
export function clusterText(view: ClusterView): string {
  const stages = stagesText(view);
  return [nodesText(view), configurationText(view), ...(stages === '' ? [] : [stages])].join('\n\n');
}

function nodesText({ nodes }: ClusterView): string {
  const headings = ['node', 'role', 'is', 'term', 'leader', 'commit', 'applied', 'last', 'snapshot', 'lag'];
  const shown = (value: number | string | undefined) => String(value ?? '-');
  const rows = nodes.map((node) => [
    node.node,
    node.role,
    node.standing,
    shown(node.term),
    shown(node.leader),
    shown(node.commitIndex),
    shown(node.appliedIndex),
    shown(node.lastIndex),
    shown(node.snapshotIndex),
    shown(node.lag),
  ]);
  return table(headings, rows);
}

function configurationText({ configuration, lineage }: ClusterView): string {
  const { voters, learners, outgoing, promotable, index, isJoint, isCommitted } = configuration;
  const list = (nodes: readonly string[]) => nodes.join(' ');
  const state = [
    isCommitted ? 'committed' : 'not committed yet',
    ...(isJoint ? [`joint: a majority of ${list(outgoing)} must agree too`] : []),
  ];
  return [
    `voters         ${list(voters)}`,
    ...(learners.length > 0 ? [`learners       ${list(learners)}`] : []),
    ...(promotable.length > 0 ? [`will vote      ${list(promotable)}, when caught up`] : []),
    `configuration  of entry ${index}, ${state.join(', ')}`,
    ...(lineage === undefined ? [] : [`lineage        ${lineage}`]),
  ].join('\n');
}

function stagesText({ stages }: ClusterView): string {
  const rows = STAGES.flatMap((stage) => {
    const times = stages[stage];
    return times ? [[stage, String(times.count), duration(times.p50), duration(times.p99)]] : [];
  });
  return rows.length === 0 ? '' : table(['stage at the leader', 'count', 'p50', 'p99'], rows);
}

/** The stages are mostly shorter than a millisecond. */
function duration(ms: number): string {
  return `${ms.toFixed(2)} ms`;
}
