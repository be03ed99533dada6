import { type LogIndex, type NodeId, nodeId, type Term } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeMembership } from '../raft/membership-codec.ts';
import type { EntryKind, Membership, RaftMessage } from '../raft/messages.ts';
import { laneOf, messageFromWire, messageToWire } from './wire.ts';

const from = nodeId('a');
const to = nodeId('b');
const whole = fc.nat(2 ** 31);
const index = whole as fc.Arbitrary<LogIndex>;
const term = whole as fc.Arbitrary<Term>;
const bytes = fc.uint8Array({ maxLength: 20 });
const names = (from: string[], minLength: number) =>
  fc.shuffledSubarray(from, { minLength }) as fc.Arbitrary<NodeId[]>;
const membership: fc.Arbitrary<Membership> = fc.oneof(
  fc.record({ voters: names(['a', 'b', 'c'], 1), learners: names(['d', 'e'], 0) }),
  fc.record({
    voters: names(['a', 'b', 'c'], 1),
    learners: names(['d'], 1),
    outgoing: names(['a', 'd', 'e', 'f'], 1),
    promotable: fc.constant(['d'] as NodeId[]),
    contacts: fc.constant({ d: 'ws://somewhere:1#key' }),
    changes: fc.constant(['a/1/1', 'b/2/7']),
  }),
);
const meta = fc.record({ index, term, membership });
const head = { from: fc.constant(from), to: fc.constant(to), term };
const kind = <T extends string>(type: T) => ({ type: fc.constant(type), ...head });

const append = fc
  .record({
    ...kind('appendEntries'),
    prevIndex: index,
    prevTerm: term,
    commitIndex: index,
    parts: fc.array(
      fc.oneof(
        fc.record({ term, kind: fc.constantFrom<EntryKind>('command', 'noop'), data: bytes }),
        fc.record({
          term,
          kind: fc.constant<EntryKind>('membership'),
          data: membership.map((m) => encodeMembership(m)),
        }),
      ),
      { maxLength: 4 },
    ),
  })
  .map(({ parts, ...message }) => ({
    ...message,
    entries: parts.map((part, i) => ({ ...part, index: (message.prevIndex + 1 + i) as LogIndex })),
  }));

const vote = {
  ...kind('requestVote'),
  pre: fc.boolean(),
  lastIndex: index,
  lastTerm: term,
  transfer: fc.boolean(),
};
const voteReply = { ...kind('voteReply'), pre: fc.boolean(), campaignTerm: term, granted: fc.boolean() };

const message: fc.Arbitrary<RaftMessage> = fc.oneof(
  fc.record(vote),
  fc.record({ ...vote, attempt: whole }),
  fc.record(kind('timeoutNow')),
  fc.record(voteReply),
  fc.record({ ...voteReply, attempt: whole }),
  append,
  fc.record({
    ...kind('appendReply'),
    success: fc.boolean(),
    matchIndex: index,
    hintIndex: index,
    hintTerm: term,
    rejectedIndex: index,
  }),
  fc.record({ ...kind('heartbeat'), commitIndex: index, readRound: whole }),
  fc.record({ ...kind('heartbeatReply'), readRound: whole, lastIndex: index }),
  fc.record({ ...kind('heartbeatReply'), readRound: whole, lastIndex: index, silentMs: whole }),
  fc.record({ ...kind('readIndex'), requestId: fc.maxSafeNat() }),
  fc.record({
    ...kind('readIndexReply'),
    requestId: fc.maxSafeNat(),
    readIndex: fc.option(index, { nil: undefined }),
  }),
  fc.record({
    ...kind('installSnapshot'),
    meta,
    offset: whole,
    totalBytes: whole,
    data: bytes,
    dataChecksum: whole,
    checksum: whole,
  }),
  fc.record(
    {
      ...kind('installSnapshotReply'),
      index,
      receivedBytes: whole,
      installed: fc.boolean(),
      later: fc.boolean(),
      damaged: fc.boolean(),
    },
    { requiredKeys: ['type', 'from', 'to', 'term', 'index', 'receivedBytes', 'installed', 'later'] },
  ),
);

test('a word that commands were refused is the same after the wire, and half of one is no message', () => {
  const commands = [
    { session: 7, sequence: 1 },
    { session: 2 ** 40, sequence: 900 },
  ];
  const sent = { type: 'forwardRefused', from, commands } as const;
  expect(messageFromWire(messageToWire(sent), from, to)).toEqual(sent);
  expect(messageFromWire([21, [7, 1, 8]], from, to)).toBeUndefined();
});

test('every message is the same after the wire', () => {
  fc.assert(
    fc.property(message, (sent) => {
      expect(messageFromWire(messageToWire(sent), from, to)).toEqual(sent);
    }),
    { numRuns: 500 },
  );
});

test('a message with an item missing, or of another kind, is not understood', () => {
  const odd = fc.constantFrom<unknown>(undefined, null, -2, 0.5, 2 ** 60, 'x', {}, Number.NaN);
  fc.assert(
    fc.property(message, fc.nat(20), odd, (sent, place, value) => {
      const wire = messageToWire(sent);
      const less = messageFromWire(wire.slice(0, -1), from, to);
      // What is said behind the end of the first version need not be said.
      if ('attempt' in sent) expect({ ...less, attempt: sent.attempt }).toEqual(sent);
      else if ('silentMs' in sent) expect({ ...less, silentMs: sent.silentMs }).toEqual(sent);
      else if ('damaged' in sent) expect({ ...less, damaged: sent.damaged }).toEqual(sent);
      else expect(less).toBeUndefined();
      wire[place % wire.length] = value;
      expect(messageFromWire(wire, from, to)).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

test('what is no array, and kinds of a newer version, are not understood', () => {
  for (const value of [undefined, null, 7, 'x', {}, [], [99, 1], [[1], 2]])
    expect(messageFromWire(value, from, to)).toBeUndefined();
});

test('only what carries entries or snapshots travels in the bulk lane', () => {
  fc.assert(
    fc.property(message, (sent) => {
      const isBulk = sent.type === 'appendEntries' || sent.type === 'installSnapshot';
      expect(laneOf(sent)).toBe(isBulk ? 'bulk' : 'control');
    }),
  );
});

test('an append with a configuration that could not be in force is malformed', () => {
  const data = encodeMembership({ voters: [], learners: [from] });
  const entry = { index: 1 as LogIndex, term: 1 as Term, kind: 'membership', data } as const;
  const place = {
    term: 1 as Term,
    prevIndex: 0 as LogIndex,
    prevTerm: 0 as Term,
    commitIndex: 0 as LogIndex,
  };
  const sent: RaftMessage = { type: 'appendEntries', from, to, ...place, entries: [entry] };
  expect(messageFromWire(messageToWire(sent), from, to)).toBeUndefined();
});
