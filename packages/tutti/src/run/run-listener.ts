import type { ExecutionMode, Plan } from '@tutti/actors';
import type { EventBatch } from '../admin/admin-api.ts';
import type { RunDocument, RunKill, RunNode } from './run-document.ts';

/** What a run begins with. */
export interface RunStart {
  readonly session: string;
  readonly plan: Plan;
  readonly mode: ExecutionMode;
  readonly nodes: readonly RunNode[];
  readonly leader: string | undefined;
  /** Where `tutti ps --dir` and its like find this cluster while it runs; undefined on virtual time. */
  readonly directory: string | undefined;
}

/** What becomes of a node that nobody has killed. */
export type NodeTurn = 'died' | 'restarted' | 'waits' | 'gave up';

/** Follows a run: what shows its progress. */
export interface RunListener {
  started(start: RunStart): void;
  batch(batch: EventBatch): void;
  killed(kill: RunKill): void;
  /** After a kill, the cluster has a leader again, or still. */
  leader(node: string): void;
  /** A node ended by itself, came back, cannot come back before there is space, or will not come back. */
  node(node: string, what: NodeTurn): void;
  ended(document: RunDocument): void;
}
