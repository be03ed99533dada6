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

/** Follows a run: what shows its progress. */
export interface RunListener {
  started(start: RunStart): void;
  batch(batch: EventBatch): void;
  killed(kill: RunKill): void;
  /** After a kill, the cluster has a leader again, or still. */
  leader(node: string): void;
  /** A node ended by itself, came back, or will not come back. */
  node(node: string, what: 'died' | 'restarted' | 'gave up'): void;
  ended(document: RunDocument): void;
}
