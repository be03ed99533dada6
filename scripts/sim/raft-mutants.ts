import type { Mutant } from './mutant.ts';
import { ELECTIONS_MUTANTS } from './mutants/elections.ts';
import { GROUPS_MUTANTS } from './mutants/groups.ts';
import { LEADERSHIP_MUTANTS } from './mutants/leadership.ts';
import { MEMBERSHIP_MUTANTS } from './mutants/membership.ts';
import { READS_MUTANTS } from './mutants/reads.ts';
import { REPLICATION_MUTANTS } from './mutants/replication.ts';
import { SNAPSHOTS_MUTANTS } from './mutants/snapshots.ts';
import { STORAGE_MUTANTS } from './mutants/storage.ts';

/**
 * A bug in one of Raft's rules each, to see that the simulator guards the rule. Rules whose breach needs a crash
 * between two particular writes are held by `raft/raft-disk.test.ts` instead, which plays them through.
 * That no change begins before the leader has committed in its term is held by `raft/membership.test.ts` alone: new
 * voters are learners first here, so that the breach takes more leaders in a row, each with a log that the next one
 * lacks, than a run brings about. Whom a node believes that forgot how it voted is held by `replica/repair.test.ts`: a
 * leader that does not know yet that it was replaced steps down before such a node has asked it.
 * That a segment which is written anew keeps its note of what was flushed is seen in a store alone, not in clusters: what
 * had decayed before is marked elsewhere by then, and decay spares there what no note on the drive vouches for, so that
 * a note which is gone protects what it spoke of.
 */
export const RAFT_MUTANTS: readonly Mutant[] = [
  ...ELECTIONS_MUTANTS,
  ...LEADERSHIP_MUTANTS,
  ...MEMBERSHIP_MUTANTS,
  ...REPLICATION_MUTANTS,
  ...READS_MUTANTS,
  ...SNAPSHOTS_MUTANTS,
  ...STORAGE_MUTANTS,
  ...GROUPS_MUTANTS,
];
