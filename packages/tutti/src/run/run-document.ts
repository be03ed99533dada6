import type { SessionView } from '../admin/session-view.ts';

/** A node as one run saw it. */
export interface RunNode {
  readonly id: string;
  readonly pid: number | undefined;
  /** `killed`: by this run's own schedule. */
  readonly state: 'up' | 'killed' | 'exited';
}

/** A kill -9 and what came of it. All times in milliseconds since 1970. */
export interface RunKill {
  readonly node: string;
  /** What it was when it was killed. */
  readonly role: 'leader' | 'follower';
  readonly at: number;
  /** From the kill to the next task's completion in the log; undefined when none came. */
  readonly gapMs: number | undefined;
  readonly newLeader: string | undefined;
}

/** Everything one run has to say. This is what `tutti run --json` prints; fields are added, never changed. */
export interface RunDocument extends SessionView {
  readonly nodes: readonly RunNode[];
  readonly leader: { readonly first: string | undefined; readonly last: string | undefined };
  readonly kills: readonly RunKill[];
  readonly makespanMs: number;
  /** Tasks whose completion the log accepted more than once. Zero, or something is badly wrong. */
  readonly committedTwice: number;
  /** Tasks of the plan that ended neither done nor given up by their own failure. */
  readonly lost: number;
  readonly time: 'real' | 'virtual';
  /** The folder with the tasks' files, and the report in it. */
  readonly folder: string;
  readonly report: string | undefined;
}
