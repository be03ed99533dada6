/** What a replica has done since it was made. Counts, for metrics pages, benchmarks and tests. */
export interface ReplicaStats {
  /** Commands this node was asked to propose. */
  proposed: number;
  /** Proposals sent again because the first may have been lost. */
  resent: number;
  /** Entries this node appended as leader. */
  appended: number;
  /** Entries known to be committed. */
  committed: number;
  /** Commands applied to a module; repeated ones do not count. */
  applied: number;
  /** Commands found to have been applied before. */
  duplicates: number;
  /** Openings applied whose client had a session of the same opening: a leader of an earlier version takes copies. */
  reopened: number;
  /** Writes to the log store that were flushed. */
  flushes: number;
  /** Entries in those writes, together and in the largest. */
  flushedEntries: number;
  flushedEntriesMax: number;
  /** Campaigns this node began, and terms it led. */
  elections: number;
  terms: number;
  snapshotsTaken: number;
  snapshotsSent: number;
  snapshotsInstalled: number;
  /** Transfers that were begun anew with a newer snapshot, because the log had grown too long meanwhile. */
  snapshotsRestarted: number;
  /** Times that a damaged store was put right from peers. */
  repairs: number;
  /** Bytes of the store that were read again while it was in use, and how often all of it was. */
  scrubbedBytes: number;
  scrubPasses: number;
  /** Times that something was found to have decayed by that, and that it was put right. */
  decayFound: number;
  decayMended: number;
  /** Times that another member turned out to have lost entries that it had acknowledged to this node as leader. */
  reversions: number;
  /** Messages that were not understood and dropped. */
  malformed: number;
}

/** All zero. */
export function newReplicaStats(): ReplicaStats {
  return {
    proposed: 0,
    resent: 0,
    appended: 0,
    committed: 0,
    applied: 0,
    duplicates: 0,
    reopened: 0,
    flushes: 0,
    flushedEntries: 0,
    flushedEntriesMax: 0,
    elections: 0,
    terms: 0,
    snapshotsTaken: 0,
    snapshotsSent: 0,
    snapshotsInstalled: 0,
    snapshotsRestarted: 0,
    repairs: 0,
    scrubbedBytes: 0,
    scrubPasses: 0,
    decayFound: 0,
    decayMended: 0,
    reversions: 0,
    malformed: 0,
  };
}
