import type { Season } from '../season.ts';

const CALM = { ambushes: [], halfLeaderChance: 0, fallAtCommitChance: 0 } as const;
const QUICK = { tickMs: 10, heartbeatTicks: 1, electionTicks: 5 } as const;
const CLEAR = {
  delayMinMs: 0.2,
  delayMeanMs: 0.3,
  tailChance: 0,
  lossChance: 0,
  duplicateChance: 0,
} as const;

/** Crashes of machines between a promise and its way to the disk. */
export const FORGETTING: Season = {
  voters: 3,
  learners: 0,
  replica: { ...QUICK, electionTicks: 3, preVote: false },
  electionPriorities: [],
  network: CLEAR,
  faults: {
    everyMs: 40,
    kinds: ['crash', 'isolate', 'ambush'],
    ambushes: [
      { kind: 1, chance: 0.2 },
      { kind: 2, chance: 0.3 },
    ],
    halfLeaderChance: 0,
    fallAtCommitChance: 0,
    outageMeanMs: 5,
  },
  diskLatencyMeanMs: 10,
  store: { kind: 'model', powerChance: 1 },
  clients: 1,
};

/** What one leader began, another overwrites, and little else happens (figure 8 of the paper). */
export const HALF_LEADERS: Season = {
  voters: 5,
  learners: 0,
  replica: { ...QUICK, electionTicks: 4, appendBytesMax: 1, preVote: false },
  network: CLEAR,
  faults: {
    everyMs: 100,
    kinds: ['crash', 'half leader', 'fall at commit'],
    ambushes: [],
    halfLeaderChance: 0.8,
    fallAtCommitChance: 0.3,
    outageMeanMs: 30,
  },
  store: { kind: 'model' },
  clients: 2,
  thinkMeanMs: 5,
};

/** Many small appends ahead of their answers, of which every tenth is lost. */
export const LOSSY: Season = {
  voters: 3,
  learners: 0,
  replica: { ...QUICK, appendBytesMax: 1, inflightMessagesMax: 8 },
  network: { ...CLEAR, lossChance: 0.1 },
  faults: { ...CALM, everyMs: 100, kinds: ['isolate', 'clog'], outageMeanMs: 30 },
  store: { kind: 'model' },
  clients: 4,
  thinkMeanMs: 2,
};

const READERS: Season = {
  voters: 3,
  learners: 0,
  electionPriorities: [],
  network: CLEAR,
  diskLatencyMeanMs: 0.1,
  store: { kind: 'model' },
  clockDrift: 0,
  clients: 8,
  thinkMeanMs: 2,
  keys: 1,
  mix: { append: 1, read: 1 },
};

/** Three nodes, many readers, and one kind of trouble that a leader does not notice. */
const readersUnder = (kinds: readonly string[], reads: 'lease' | 'quorum'): Season => ({
  ...READERS,
  replica: { ...QUICK, reads, leaseDriftMax: 0, timeoutMs: 60, snapshotEntries: 10_000 },
  faults: { ...CALM, everyMs: 200, kinds, outageMeanMs: 100 },
});

export const LATE_ANSWERS_UNDER_LEASES = readersUnder(['late answers'], 'lease');
export const LATE_ANSWERS = readersUnder(['late answers'], 'quorum');
export const DEAF_TRANSFERS = readersUnder(['deaf transfer'], 'lease');
/** Few appends: the word to campaign goes out while it is held back only if the target lacks nothing at that moment. */
export const LATE_WORDS: Season = {
  ...DEAF_TRANSFERS,
  faults: { ...CALM, everyMs: 150, kinds: ['deaf transfer'], outageMeanMs: 100 },
  mix: { append: 0.15, read: 3 },
};
export const FORGETFUL_VOTERS = readersUnder(['forgetful voter'], 'lease');
export const SILENT_LEADERS = readersUnder(['isolate', 'deafen'], 'lease');
export const LONELY_LEASES: Season = {
  ...readersUnder(['lonely lease'], 'lease'),
  replica: { ...QUICK, electionTicks: 10, preVote: true, reads: 'lease', leaseDriftMax: 0, timeoutMs: 60 },
};
export const ASKED_BEFORE = readersUnder(['asked before'], 'quorum');

/** Clients do nothing but use registers, whose history is judged as a whole. */
const REGISTERS_ONLY = {
  append: 0,
  refuse: 0,
  read: 0,
  'register read': 1,
  'register write': 0.4,
  'register swap': 0.4,
} as const;

/** Readers of registers at leaders that are replaced without knowing it, and at followers that lag behind. */
export const LATE_REGISTERS: Season = { ...LATE_ANSWERS, mix: REGISTERS_ONLY };
export const REGISTERS_ASKED_BEFORE: Season = { ...ASKED_BEFORE, mix: REGISTERS_ONLY };
export const REGISTERS_UNDER_LEASES: Season = { ...DEAF_TRANSFERS, mix: REGISTERS_ONLY };

/** Registers, and clients whose commands are sent again and again. */
export const RESENT_REGISTERS: Season = {
  ...READERS,
  network: { ...CLEAR, lossChance: 0.1 },
  replica: { ...QUICK, resendMs: 40, timeoutMs: 1_000, snapshotEntries: 20, trailingEntries: 0 },
  faults: { ...CALM, everyMs: 100, kinds: ['crash', 'isolate', 'starve'], outageMeanMs: 30 },
  mix: REGISTERS_ONLY,
};

/** Sessions that are forgotten soon, followers that are led on by snapshots, and second copies that come very late. */
export const FORGOTTEN_SESSIONS: Season = {
  ...READERS,
  network: { ...CLEAR, tailChance: 0.1, tailFactor: 300, duplicateChance: 0.3 },
  replica: {
    ...QUICK,
    electionTicks: 20,
    sessionsMax: 2,
    resendMs: 10_000,
    timeoutMs: 3_000,
    snapshotEntries: 3,
    trailingEntries: 0,
  },
  faults: { ...CALM, everyMs: 50, kinds: ['starve'], outageMeanMs: 60 },
  mix: { append: 1 },
};

/** Changes of the membership that fall with their leaders. */
export const HALF_CHANGES: Season = {
  voters: 3,
  learners: 0,
  spares: 2,
  replica: { ...QUICK, electionTicks: 4 },
  network: CLEAR,
  faults: {
    ...CALM,
    everyMs: 60,
    kinds: ['churn', 'fall at change', 'crash', 'starve', 'isolate'],
    outageMeanMs: 30,
  },
  store: { kind: 'model' },
  clients: 2,
  thinkMeanMs: 10,
};

/** Leaders that remove themselves, and registers that are read under their leases. */
export const REMOVED_LEADERS: Season = {
  ...READERS,
  spares: 2,
  replica: { ...QUICK, reads: 'lease', leaseDriftMax: 0, timeoutMs: 60 },
  faults: { ...CALM, everyMs: 60, kinds: ['churn'], outageMeanMs: 30 },
  mix: REGISTERS_ONLY,
};

/** As {@link HALF_CHANGES}, with short logs. */
export const CHANGES_AND_SNAPSHOTS: Season = {
  ...HALF_CHANGES,
  replica: { ...QUICK, snapshotEntries: 3, trailingEntries: 0, snapshotChunkBytes: 4096, applyBatchMax: 2 },
  faults: { ...CALM, everyMs: 40, kinds: ['churn', 'crash', 'left behind', 'starve'], outageMeanMs: 30 },
};

/** Short logs of half leaders: whoever comes back needs a snapshot, and has entries that contradict it. */
export const LEFT_BEHIND: Season = {
  ...HALF_LEADERS,
  voters: 3,
  replica: {
    ...QUICK,
    electionTicks: 4,
    appendBytesMax: 1,
    preVote: false,
    snapshotEntries: 3,
    trailingEntries: 0,
  },
  faults: {
    everyMs: 80,
    kinds: ['crash', 'left behind', 'half leader', 'isolate', 'starve'],
    ambushes: [],
    halfLeaderChance: 0.5,
    fallAtCommitChance: 0,
    outageMeanMs: 40,
  },
};

/** The store that ships, short logs, and the power that fails. */
export const POWER_CUTS: Season = {
  voters: 3,
  learners: 0,
  replica: { ...QUICK, snapshotEntries: 3, trailingEntries: 0, snapshotChunkBytes: 4096 },
  network: CLEAR,
  faults: { ...CALM, everyMs: 50, kinds: ['crash', 'crash all'], outageMeanMs: 10 },
  diskLatencyMeanMs: 1,
  store: {
    kind: 'files',
    segmentBytes: 4096,
    drive: { shortChance: 0, errorChance: 0, fullChance: 0 },
    frail: 0,
    powerChance: 1,
  },
  thinkMeanMs: 2,
};

/** The store that ships, on drives that refuse writes and flushes. */
export const SICK_DRIVES: Season = {
  ...POWER_CUTS,
  store: { ...POWER_CUTS.store, drive: { shortChance: 0, errorChance: 0.02, fullChance: 0 } },
};

/** The store that ships, with bits that turn in what says what its files are. */
export const DECAY_OF_NAMES: Season = {
  ...POWER_CUTS,
  faults: { ...CALM, everyMs: 50, kinds: ['decay of names', 'crash'], outageMeanMs: 10 },
};

/** A log that is deleted, again and again, while leaders are replaced. */
export const LOST_LOGS: Season = {
  ...FORGETTING,
  voters: 5,
  diskLatencyMeanMs: 1,
  faults: {
    everyMs: 40,
    kinds: ['lost log', 'isolate', 'starve', 'ambush'],
    ambushes: [
      { kind: 2, chance: 0.3 },
      { kind: 4, chance: 0.02 },
    ],
    halfLeaderChance: 0,
    fallAtCommitChance: 0,
    outageMeanMs: 20,
  },
  store: { kind: 'model', frail: 2, powerChance: 1 },
};

/** The same with the store that ships. */
export const LOST_FILES: Season = {
  ...LOST_LOGS,
  store: { ...POWER_CUTS.store, frail: 2, powerChance: 0.5 },
};

/** A vote whose answer comes late, while the voter's log is deleted. */
export const FORGOTTEN_VOTES: Season = {
  ...LOST_LOGS,
  voters: 3,
  replica: { ...QUICK, electionTicks: 10, preVote: false, snapshotEntries: 10_000 },
  diskLatencyMeanMs: 0.3,
  faults: { ...CALM, everyMs: 400, kinds: ['forgotten vote'], outageMeanMs: 10 },
  store: { kind: 'model', frail: 1, powerChance: 1 },
  clients: 3,
  thinkMeanMs: 3,
};

/** Several groups with a short log between them, and the power that fails. */
export const SHARED_LOGS: Season = {
  ...POWER_CUTS,
  groups: { count: 3, quietAfterMs: 100, busyMeanMs: 10, logBytes: 2_000 },
  store: { kind: 'model', frail: 0, powerChance: 1 },
};

/** The store that ships, on drives of which one loses what it holds; little is written, so that notes are made of it. */
export const DECAY: Season = {
  ...POWER_CUTS,
  replica: { ...QUICK, snapshotEntries: 10_000, scrubEveryMs: 100, scrubBytesPerSecond: 2 ** 20 },
  faults: { ...CALM, everyMs: 60, kinds: ['decay', 'crash'], outageMeanMs: 20 },
  store: { ...POWER_CUTS.store, cacheBytes: 0, frail: 1, powerChance: 0.5 },
  clients: 2,
  thinkMeanMs: 60,
};

/** The same of a log that several groups share, which is cleaned now and then. */
export const SHARED_DECAY: Season = {
  ...DECAY,
  groups: { count: 3, quietAfterMs: 100, busyMeanMs: 20, logBytes: 20_000 },
  thinkMeanMs: 20,
};

/** The same, and nothing is read again before a start; who is cut off campaigns. */
export const SHARED_DECAY_UNREAD: Season = {
  ...SHARED_DECAY,
  replica: { ...QUICK, electionTicks: 3, preVote: false, snapshotEntries: 10_000, scrubEveryMs: 3_600_000 },
  diskLatencyMeanMs: 3,
  faults: { ...CALM, everyMs: 40, kinds: ['decay', 'crash', 'isolate'], outageMeanMs: 20 },
};

/** The same, and more of it decays, and is met by a start, while a node cannot be reached to be put right. */
export const SHARED_DECAY_AGAIN: Season = {
  ...SHARED_DECAY_UNREAD,
  faults: { ...CALM, everyMs: 20, kinds: ['decay', 'crash', 'isolate'], outageMeanMs: 100 },
};

/** What is read again is read now and then, so that cleaning comes upon what has decayed. */
export const SHARED_DECAY_CLEANED: Season = {
  ...SHARED_DECAY,
  groups: { count: 3, quietAfterMs: 100, busyMeanMs: 10, logBytes: 4_000 },
  replica: { ...QUICK, snapshotEntries: 10_000, scrubEveryMs: 3_600_000 },
  thinkMeanMs: 5,
};

/** As {@link DECAY}, and nothing is read again meanwhile; what says how far the log was flushed decays with the end of it. */
export const DECAY_OF_NOTES: Season = {
  ...DECAY,
  replica: { ...QUICK, snapshotEntries: 10_000, scrubEveryMs: 3_600_000 },
  faults: { ...DECAY.faults, kinds: ['decay of a note', 'decay', 'crash'] },
};

/** The same while leaders are replaced, so that what decays is at times the last that says how a node voted. */
export const DECAY_UNREAD: Season = {
  ...DECAY_OF_NOTES,
  diskLatencyMeanMs: 3,
  faults: { ...DECAY.faults, everyMs: 40, kinds: ['decay', 'crash', 'isolate'] },
};

/** The same, and who is cut off campaigns, term after term. */
export const DECAY_ALONE: Season = {
  ...DECAY_UNREAD,
  replica: { ...DECAY_OF_NOTES.replica, electionTicks: 3, preVote: false },
  faults: { ...DECAY_UNREAD.faults, outageMeanMs: 200 },
};

/** One disk loses now and then what its node has acknowledged, and no node knows of it. */
export const FORGOTTEN_ENDS: Season = {
  voters: 3,
  learners: 0,
  replica: { ...QUICK, electionTicks: 20, snapshotEntries: 10_000 },
  electionPriorities: [],
  network: CLEAR,
  faults: { ...CALM, everyMs: 300, kinds: ['forgotten end'], outageMeanMs: 5 },
  diskLatencyMeanMs: 0.5,
  store: { kind: 'model', frail: 1 },
  clients: 2,
  thinkMeanMs: 40,
};

/** Leaders whose leases are long, among voters that wait but shortly for a leader. */
export const UNEQUAL_LEASES: Season = {
  ...SILENT_LEADERS,
  unequal: [{ electionTicks: 30 }, {}, {}],
  electionPriorities: [],
};

/** Nobody asks first whether it could be elected, and one waits much less than the others. */
export const IMPATIENT_VOTERS: Season = {
  voters: 3,
  learners: 0,
  replica: { ...QUICK, preVote: false },
  unequal: [{}, { electionTicks: 40 }, { electionTicks: 40 }],
  livesAlike: false,
  electionPriorities: [],
  network: CLEAR,
  faults: { ...CALM, everyMs: 100, kinds: ['isolate', 'crash', 'starve'], outageMeanMs: 100 },
  diskLatencyMeanMs: 0.5,
  store: { kind: 'model', frail: 0 },
};

/** Nodes that begin again and again with the incarnation and the seed of their first life. */
export const LIVES_ALIKE: Season = {
  ...READERS,
  livesAlike: true,
  replica: { ...QUICK, timeoutMs: 1_000 },
  faults: { ...CALM, everyMs: 150, kinds: ['quick restart', 'crash'], outageMeanMs: 30 },
};
