import { CHANNEL, type LogIndex, nodeId, type Term, type WireValue } from '@tutti/kernel';
import { encodeMembership } from '../../packages/consensus/src/raft/membership-codec.ts';
import type { Membership, RaftMessage } from '../../packages/consensus/src/raft/messages.ts';
import type { RepairReply, RepairRequest } from '../../packages/consensus/src/raft/repair.ts';
import {
  type ChangeReply,
  type ChangeRequest,
  changeFromWire,
  changeToWire,
} from '../../packages/consensus/src/replica/change-wire.ts';
import {
  type QuietMessage,
  quietFromWire,
  quietToWire,
} from '../../packages/consensus/src/replica/quiet-wire.ts';
import { repairFromWire, repairToWire } from '../../packages/consensus/src/replica/repair-wire.ts';
import { type Forward, messageFromWire, messageToWire } from '../../packages/consensus/src/replica/wire.ts';
import type { SampleMessage } from './sample-messages.ts';

const from = nodeId('n1');
const to = nodeId('n2');
const third = nodeId('n3');
const inTerm = (value: number) => value as Term;
const at = (value: number) => value as LogIndex;
const head = { from, to, term: inTerm(9) };
const data = new TextEncoder().encode('{"type":"add"}');
const contact = 'ws://127.0.0.1:7070#00ff';

const membership: Membership = {
  voters: [from, to],
  outgoing: [from, third],
  learners: [third],
  promotable: [third],
  contacts: { n3: contact },
  changes: ['n1/7/1'],
};
const meta = { index: at(120), term: inTerm(8), membership };

const raft: readonly (RaftMessage | Forward)[] = [
  { type: 'requestVote', ...head, pre: true, lastIndex: at(130), lastTerm: inTerm(8), transfer: false },
  { type: 'voteReply', ...head, pre: false, campaignTerm: inTerm(9), granted: true },
  {
    type: 'appendEntries',
    ...head,
    prevIndex: at(130),
    prevTerm: inTerm(8),
    commitIndex: at(129),
    entries: [
      { index: at(131), term: inTerm(9), kind: 'noop', data: new Uint8Array() },
      { index: at(132), term: inTerm(9), kind: 'command', data },
      { index: at(133), term: inTerm(9), kind: 'membership', data: encodeMembership(membership) },
    ],
  },
  {
    type: 'appendReply',
    ...head,
    success: false,
    matchIndex: at(0),
    hintIndex: at(125),
    hintTerm: inTerm(7),
    rejectedIndex: at(130),
  },
  { type: 'heartbeat', ...head, commitIndex: at(132), readRound: 300 },
  { type: 'heartbeatReply', ...head, readRound: 300, lastIndex: at(133) },
  { type: 'timeoutNow', ...head },
  { type: 'readIndex', ...head, requestId: 70_000 },
  { type: 'readIndexReply', ...head, requestId: 70_000, readIndex: at(132) },
  { type: 'readIndexReply', ...head, requestId: 70_001, readIndex: undefined },
  {
    type: 'installSnapshot',
    ...head,
    meta,
    offset: 65_536,
    totalBytes: 70_000,
    data,
    dataChecksum: 0x1234_5678,
    checksum: 0xdead_beef,
  },
  {
    type: 'installSnapshotReply',
    ...head,
    index: at(120),
    receivedBytes: 65_550,
    installed: false,
    later: true,
  },
  { type: 'forward', from, frames: [data, new Uint8Array([1, 2, 3])] },
];

/** A message, and what this version says behind all that wire version 1 says of it. */
interface Later<Message> {
  readonly meant: Message;
  readonly later: Partial<Message>;
  readonly added: readonly WireValue[];
}

const change = (
  id: string,
  change: ChangeRequest['change'],
  waitMs: number,
  added: readonly WireValue[],
): Later<ChangeRequest> => ({
  meant: { type: 'changeRequest', id, waitMs, change, term: undefined },
  later: { term: inTerm(9) },
  added,
});
const changes: readonly Later<ChangeRequest>[] = [
  change(
    'n1/7/2',
    { type: 'set', voters: [{ node: from }, { node: to }], learners: [{ node: third, contact }] },
    10_000,
    [9],
  ),
  change('n1/7/3', { type: 'addLearner', member: { node: third, contact }, promote: true }, 10_000, [9]),
  change('n1/7/4', { type: 'promote', node: third }, 0, [null, 9]),
  change('n1/7/5', { type: 'remove', node: third }, 0, [null, 9]),
];
const changeReply: ChangeReply = { type: 'changeReply', id: 'n1/7/5', refusal: undefined };

const ask = (wants: RepairRequest['wants'], next: number): Later<RepairRequest> => ({
  meant: {
    type: 'repairRequest',
    from,
    to,
    id: 5,
    wants,
    prevIndex: at(40),
    prevTerm: inTerm(3),
    nextIndex: at(next),
    nextTerm: inTerm(4),
    offset: 70_000,
    fence: at(0),
    term: inTerm(0),
  },
  later: { fence: at(134), term: inTerm(10) },
  added: [134, 10],
});
const answer = (told: Pick<RepairReply, 'outcome'> & Partial<RepairReply>): Later<RepairReply> => ({
  meant: {
    type: 'repairReply',
    from,
    to,
    id: 5,
    term: inTerm(9),
    leads: true,
    prevIndex: at(40),
    entries: [],
    checksum: 0,
    hintIndex: at(38),
    lastIndex: at(133),
    chunk: undefined,
    commitIndex: at(0),
    membership: undefined,
    ...told,
  },
  later: { commitIndex: at(132), membership },
  added: [132, encodeMembership(membership)],
});

const questions = [ask('entries', 44), ask('end', 0), ask('snapshot', 120)];
const answers = [
  answer({
    outcome: 'entries',
    entries: [
      { index: at(41), term: inTerm(3), kind: 'command', data },
      { index: at(42), term: inTerm(4), kind: 'membership', data: encodeMembership(membership) },
    ],
    checksum: 77,
  }),
  answer({ outcome: 'diverged' }),
  answer({ outcome: 'compacted' }),
  answer({ outcome: 'unknown', term: undefined, leads: false }),
  answer({ outcome: 'chunk', chunk: { meta, totalBytes: 90_000, checksum: 78, offset: 70_000, data } }),
];

const quiet: readonly QuietMessage[] = [
  { step: 'offer', from, term: inTerm(9), index: at(133) },
  { step: 'agree', from, term: inTerm(9), index: at(133) },
  { step: 'wake', from, term: inTerm(9), index: at(70_000) },
];

/** A message between replicas that wire version 1 has, and how this version reads it. */
export interface ConsensusSample extends SampleMessage {
  readonly meant: object;
  readonly read: (message: WireValue) => object | undefined;
  /** The same message with what this version says besides, which a node of version 1 does not look at. */
  readonly now?: {
    readonly meant: object;
    readonly message: WireValue[];
    readonly added: readonly WireValue[];
  };
}

/** A pre-vote and its answer say which it is; a voter, how long it is silent; who gets a snapshot, if it was damaged. */
function raftNow(meant: RaftMessage | Forward): Pick<ConsensusSample, 'now'> {
  const said = (now: RaftMessage, added: WireValue): Pick<ConsensusSample, 'now'> => ({
    now: { meant: now, message: messageToWire(now), added: [added] },
  });
  if (meant.type === 'requestVote' || meant.type === 'voteReply') return said({ ...meant, attempt: 3 }, 3);
  if (meant.type === 'heartbeatReply') return said({ ...meant, silentMs: 180 }, 180);
  return meant.type === 'installSnapshotReply' ? said({ ...meant, damaged: true }, true) : {};
}

const repairSample = (meant: RepairRequest | RepairReply, now: typeof meant, added: readonly WireValue[]) => {
  const message = repairToWire(now);
  return {
    name: `repair ${meant.type} ${meant.type === 'repairRequest' ? meant.wants : meant.outcome}`,
    channel: CHANNEL.consensus,
    message: message.slice(0, -added.length),
    meant,
    read: (value: WireValue) => repairFromWire(value, from, to),
    now: { meant: now, message, added },
  };
};

const membershipSample = (i: number, meant: ChangeRequest | ChangeReply, message: WireValue) => ({
  name: `membership ${String(i)} ${meant.type}`,
  channel: CHANNEL.consensus,
  message,
  meant,
  read: (value: WireValue) => changeFromWire(value),
});

/** The messages that wire version 1 has on the channel of consensus, and how this version reads them. */
export const CONSENSUS_SAMPLES_OF_1: readonly ConsensusSample[] = [
  ...raft.map((meant, i) => ({
    name: `consensus ${String(i)} ${meant.type}`,
    channel: CHANNEL.consensus,
    message: messageToWire(meant),
    meant,
    read: (message: WireValue) => messageFromWire(message, from, to),
    ...raftNow(meant),
  })),
  ...changes.map(({ meant, later, added }, i) => {
    const now = { ...meant, ...later };
    const message = changeToWire(now);
    return {
      ...membershipSample(i, meant, message.slice(0, -added.length)),
      now: { meant: now, message, added },
    };
  }),
  membershipSample(changes.length, changeReply, changeToWire(changeReply)),
  ...questions.map(({ meant, later, added }) => repairSample(meant, { ...meant, ...later }, added)),
  ...answers.map(({ meant, later, added }) => repairSample(meant, { ...meant, ...later }, added)),
  ...quiet.map((meant) => ({
    name: `quiet ${meant.step}`,
    channel: CHANNEL.consensus,
    message: quietToWire(meant),
    meant,
    read: (message: WireValue) => quietFromWire(message, from),
  })),
];
