import { CHANNEL, type LogIndex, nodeId, type Term } from '@tutti/kernel';
import { encodeMembership } from '../../packages/consensus/src/raft/membership-codec.ts';
import type { Membership, RaftMessage } from '../../packages/consensus/src/raft/messages.ts';
import {
  type ChangeReply,
  type ChangeRequest,
  changeFromWire,
  changeToWire,
} from '../../packages/consensus/src/replica/change-wire.ts';
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

const changes: readonly (ChangeRequest | ChangeReply)[] = [
  {
    type: 'changeRequest',
    id: 'n1/7/2',
    waitMs: 10_000,
    change: { type: 'set', voters: [{ node: from }, { node: to }], learners: [{ node: third, contact }] },
  },
  {
    type: 'changeRequest',
    id: 'n1/7/3',
    waitMs: 10_000,
    change: { type: 'addLearner', member: { node: third, contact }, promote: true },
  },
  { type: 'changeRequest', id: 'n1/7/4', waitMs: 0, change: { type: 'promote', node: third } },
  { type: 'changeRequest', id: 'n1/7/5', waitMs: 0, change: { type: 'remove', node: third } },
  { type: 'changeReply', id: 'n1/7/5', refusal: undefined },
];

/** The messages of Raft and of membership that wire version 1 has on the channel of consensus, and how this version reads it. */
export const CONSENSUS_SAMPLES_OF_1: readonly (SampleMessage & {
  readonly meant: object;
  readonly read: (message: unknown) => object | undefined;
})[] = [
  ...raft.map((meant, i) => ({
    name: `consensus ${String(i)} ${meant.type}`,
    channel: CHANNEL.consensus,
    message: messageToWire(meant),
    meant,
    read: (message: unknown) => messageFromWire(message, from, to),
  })),
  ...changes.map((meant, i) => ({
    name: `membership ${String(i)} ${meant.type}`,
    channel: CHANNEL.consensus,
    message: changeToWire(meant),
    meant,
    read: (message: unknown) => changeFromWire(message),
  })),
];
