import type { ConsensusStatus, MembershipStatus, ReplicaRole, Stage, StageTimes } from '@tutti/consensus';

/** `GET /cluster`: what one node says of its group. */
export interface GroupReport {
  readonly node: string;
  /** Of a cluster that was recovered or restored. */
  readonly lineage?: string;
  readonly consensus: ConsensusStatus;
  readonly stages: MeasuredStages;
}

/** Times per stage since the node started, in milliseconds; without the stages that nothing has gone through. */
export type MeasuredStages = Readonly<Partial<Record<Stage, StageTimes>>>;

/** `POST /cluster/snapshot`. */
export interface SnapshotTaken {
  readonly node: string;
  /** The last entry that the snapshot holds. */
  readonly index: number;
}

/** One node of a group. The numbers are its own word, and undefined when it is silent. */
export interface GroupNodeView {
  readonly node: string;
  readonly standing: 'voter' | 'learner' | 'outside';
  /** `silent`: it did not answer, or is still starting. */
  readonly role: ReplicaRole | 'silent';
  readonly term: number | undefined;
  /** Whom it takes for the leader. */
  readonly leader: string | undefined;
  readonly commitIndex: number | undefined;
  readonly appliedIndex: number | undefined;
  readonly lastIndex: number | undefined;
  readonly snapshotIndex: number | undefined;
  /** Entries that some node knows to be committed and this one has not applied. */
  readonly lag: number | undefined;
}

/** A group as its nodes describe it. They are asked one beside the other, so the numbers are not of one instant. */
export interface ClusterView {
  /** Undefined while no node that answers leads. */
  readonly leader: string | undefined;
  readonly term: number;
  /** What tells this cluster from earlier ones of its name, once it was recovered or restored. */
  readonly lineage?: string;
  readonly nodes: readonly GroupNodeView[];
  /** By the leader, or by the node of the highest term when none leads. */
  readonly configuration: MembershipStatus;
  /** The leader's; empty while there is none. */
  readonly stages: MeasuredStages;
}

/** The report of the leader: of several that say so, the one of the highest term is right. */
export function leadingReport(reports: readonly GroupReport[]): GroupReport | undefined {
  return newestFirst(reports).find(({ consensus }) => consensus.role === 'leader');
}

function newestFirst(reports: readonly GroupReport[]): GroupReport[] {
  return reports.toSorted(
    ({ consensus: a }, { consensus: b }) => b.term - a.term || b.membership.index - a.membership.index,
  );
}

/** Joins what the nodes of a group say; at least one report. */
export function clusterView(reports: readonly GroupReport[]): ClusterView {
  const leading = leadingReport(reports);
  const { consensus, lineage } = leading ?? newestFirst(reports)[0]!;
  const { term, membership } = consensus;
  const { voters, outgoing, learners } = membership;
  const committed = Math.max(...reports.map(({ consensus }) => consensus.commitIndex));
  const names = new Set<string>([...voters, ...outgoing, ...learners, ...reports.map(({ node }) => node)]);
  const standing = new Map<string, GroupNodeView['standing']>([
    ...learners.map((node) => [node, 'learner'] as const),
    ...[...voters, ...outgoing].map((node) => [node, 'voter'] as const),
  ]);
  return {
    leader: leading?.node,
    term,
    ...(lineage === undefined ? {} : { lineage }),
    nodes: [...names]
      .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .map((node) => ({
        node,
        standing: standing.get(node) ?? 'outside',
        ...numbersOf(reports.find((report) => report.node === node)?.consensus, committed),
      })),
    configuration: membership,
    stages: leading?.stages ?? {},
  };
}

function numbersOf(
  status: ConsensusStatus | undefined,
  committed: number,
): Omit<GroupNodeView, 'node' | 'standing'> {
  return {
    role: status?.role ?? 'silent',
    term: status?.term,
    leader: status?.leader,
    commitIndex: status?.commitIndex,
    appliedIndex: status?.appliedIndex,
    lastIndex: status?.lastIndex,
    snapshotIndex: status?.snapshotIndex,
    lag: status && Math.max(0, committed - status.appliedIndex),
  };
}

/** Leaves out the stages that nothing has gone through: they have no times. */
export function measured(stages: Readonly<Record<Stage, StageTimes>>): MeasuredStages {
  return Object.fromEntries(Object.entries(stages).filter(([, { count }]) => count > 0));
}
